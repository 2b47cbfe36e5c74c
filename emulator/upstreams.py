"""SaaS hosts answered by the rig: TLS on 443 with a certificate by SNI, plain HTTP on 80 by Host header.

REST APIs are behind the same door, at the names that AWS gives them, by TLS alone as on AWS.

A host that no stub file knows is refused as early as its name is known (TLS alert unrecognized_name, RFC 6066), so an
unmodified client fails at once; the log and the timeline name it.
"""

from __future__ import annotations

import fcntl
import logging
import socket
import ssl
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from emulator.certificates import VALID, Authority
from emulator.clock import Clock
from emulator.errors import RigError
from emulator.held import given
from emulator.http_connection import Application, Gone, Incoming, Outgoing, answer, environ, requests, sender
from emulator.listening import Listening, reset_on_close
from emulator.model import UpstreamReply, UpstreamReset
from emulator.saas import Asker, Request, SaasHosts

LOG = logging.getLogger(__name__)
HANDSHAKE_LIMIT_S = 30.0
ARRIVAL_S = 2.0  # what a reset may wait for the bytes before it

Attribute = Callable[[str], tuple[str, str]]


@dataclass(frozen=True)
class Apis:
    """REST APIs: which names are theirs, and the application that answers."""

    resolves: Callable[[str], bool]
    app: Application


class Upstreams:
    """Serves stubbed hosts from `start` to `close`.

    listener_443 speaks TLS, listener_80 (may be None) plain HTTP. attribute: address of the client ->
    (function, invocation), empty where nobody knows.
    """

    def __init__(
        self,
        listener_443: socket.socket,
        listener_80: socket.socket | None,
        authority: Authority,
        hosts: SaasHosts,
        attribute: Attribute,
        apis: Apis | None = None,
    ) -> None:
        self._authority, self._hosts = authority, hosts
        self._attribute, self._apis = attribute, apis
        self._listening = [Listening(listener_443, self._serve_tls, "upstreams-443")]
        if listener_80 is not None:
            self._listening.append(Listening(listener_80, self._serve, "upstreams-80"))

    def start(self) -> None:
        """Accept connections from now on."""
        for listening in self._listening:
            listening.start()

    def close(self) -> None:
        """End every connection and stop listening."""
        for listening in self._listening:
            listening.close()

    def _serve_tls(self, connection: socket.socket, peer_ip: str) -> None:
        context, struck = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str]()
        context.sni_callback = lambda tls, name, _: self._choose(tls, (name or "").lower(), peer_ip, struck)
        connection.settimeout(HANDSHAKE_LIMIT_S)
        try:  # a duplicate, because wrapping takes the socket away from whoever would have to shut it down
            tls = context.wrap_socket(connection.dup(), server_side=True)
        except OSError as error:  # "alert unknown ca": the client trusts another bundle than the rig's
            told = struck or getattr(error, "reason", "") == "CALLBACK_FAILED"  # refused by `_choose`
            level = logging.DEBUG if told else logging.WARNING
            LOG.log(level, "upstreams: TLS with %s (%s) failed: %s", self._attribute(peer_ip)[0], peer_ip, error)
            return
        with tls:
            self._serve(tls, peer_ip, self._apis)

    def _choose(
        self, tls: ssl.SSLSocket | ssl.SSLObject, host: str, peer_ip: str, struck: list[str]
    ) -> int | None:
        """The certificate for `host`, or the alert that refuses it. struck: gets what is wrong with the certificate."""
        stubbed = host in self._hosts
        if not stubbed and not (self._apis and self._apis.resolves(host)):
            self._hosts.refuse(host, self._asker(peer_ip), peer_ip)
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        try:
            shown = self._hosts.certificate(host, self._asker(peer_ip)) if stubbed else VALID
        except RigError as error:
            LOG.error("TLS with %s: %s", host, error)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        if shown != VALID:
            struck.append(shown.verdict)
        tls.context = self._authority.context_for(host, shown)
        return None

    def _asker(self, peer_ip: str) -> Asker:
        function, invocation = self._attribute(peer_ip)
        return Asker(invocation, function)

    def _serve(self, connection: socket.socket, peer_ip: str, apis: Apis | None = None) -> None:
        """One connection's requests, one after the other."""
        connection.settimeout(None)
        send = sender(connection)
        with suppress(Gone):  # it timed out, its environment was killed, or a fault wants no answer
            for request in requests(connection, send):
                headers = {name.lower(): value for name, value in request.headers}
                host = headers.get("host", "").lower().rsplit(":", 1)[0]
                if apis and ".execute-api." in host:  # by TLS; one that no API has is refused in API Gateway's words
                    answer(request, _secure(request, connection), apis.app, send)
                elif host in self._hosts:
                    asked = Request(request.method, request.target, headers, request.body)
                    reply = given(self._hosts.answer(host, asked, self._asker(peer_ip)))
                    if isinstance(reply, UpstreamReset):
                        _break_off(connection, request, reply, self._hosts.clock)
                        return
                    _write(Outgoing(request, send), reply)
                else:
                    self._hosts.refuse(host, self._asker(peer_ip), peer_ip)
                    reset_on_close(connection)
                    return
                if not request.keep:
                    return


def _secure(request: Incoming, connection: socket.socket) -> dict[str, Any]:
    """The WSGI environ of a request that came by TLS, to the port that the client knows."""
    made = environ(request, connection.getpeername()[:2], (connection.getsockname()[0], 443))
    return {**made, "wsgi.url_scheme": "https"}


def _write(out: Outgoing, reply: UpstreamReply) -> None:
    """The reply on the wire; its length and the connection's fate are ours to say."""
    given = [header for header in reply.headers if header[0].lower() not in ("content-length", "connection")]
    if reply.status not in (204, 304):
        given.append(("content-length", str(len(reply.body))))
    out.start(f"{reply.status} {_phrase(reply.status)}", given)
    out.whole([reply.body])


def _break_off(connection: socket.socket, request: Incoming, reset: UpstreamReset, clock: Clock) -> None:
    """The first bytes of the answer, if there is any; when they have arrived, a reset, which would overtake them."""
    said = _said(request, reset)
    end = clock.monotonic() + ARRIVAL_S
    with suppress(OSError):  # the client was quicker
        connection.sendall(said)
        while _unsent(connection) and clock.monotonic() < end:
            clock.stall(0.001)
        reset_on_close(connection)


def _said(request: Incoming, reset: UpstreamReset) -> bytes:
    """What is sent of the answer; it may be another rule's reset."""
    reply = None if reset.reply is None else given(reset.reply)
    if isinstance(reply, UpstreamReset):
        return _said(request, reply)[: reset.after_bytes]
    answer = bytearray()
    if reply is not None:
        _write(Outgoing(request, answer.extend), reply)
    return bytes(answer[: reset.after_bytes])


def _unsent(connection: socket.socket) -> int:
    """Bytes that the other end has not acknowledged."""
    return int.from_bytes(fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)), sys.byteorder)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
