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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.certificates import VALID, Authority
from emulator.clock import Clock
from emulator.errors import FileProblem, RigError
from emulator.held import given
from emulator.http_connection import Application, Gone, Incoming, Outgoing, answer, environ, requests, sender
from emulator.injector import Injector
from emulator.listening import Listening, reset_on_close
from emulator.model import Certificate, Handshake, UpstreamCall, UpstreamReply, UpstreamReset
from emulator.numbering import Numbers
from emulator.timeline import Timeline

if TYPE_CHECKING:
    from emulator.stubs import Upstream

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
    """Serves stubbed hosts from `start` to `close`; every handshake passes the point `handshake`, every request the
    point `upstream`.

    listener_443 speaks TLS, listener_80 (may be None) plain HTTP. attribute: address of the client ->
    (function, invocation), empty where nobody knows.
    """

    def __init__(
        self,
        listener_443: socket.socket,
        listener_80: socket.socket | None,
        authority: Authority,
        injector: Injector,
        timeline: Timeline,
        attribute: Attribute,
        apis: Apis | None = None,
    ) -> None:
        self._apis = apis
        self._authority, self._injector, self._timeline, self._attribute = authority, injector, timeline, attribute
        self._files: list[Path] = []
        self._upstreams: dict[str, Upstream] = {}
        self._numbers, self._handshakes = Numbers(), Numbers("/tls-")
        self._listening = [Listening(listener_443, self._serve_tls, "upstreams-443")]
        if listener_80 is not None:
            self._listening.append(Listening(listener_80, self._serve, "upstreams-80"))

    def add(self, file: Path) -> None:
        """Answer for the hosts of a stub file too. Raises FileProblem, and then adds nothing."""
        added = _load(file)
        for upstream in added:
            if upstream.host in self._upstreams:
                raise FileProblem(file, f"hosts.{upstream.host}", "another stub file answers for this host already")
        self._files.append(file)
        self._upstreams.update({upstream.host: upstream for upstream in added})

    def hosts(self) -> tuple[str, ...]:
        """Names answered for, lower-case."""
        return tuple(self._upstreams)

    def reset(self) -> None:
        """Read the stub files again, so that what stubs remembered is gone, and number calls from #1."""
        self._upstreams = {upstream.host: upstream for file in self._files for upstream in _load(file)}
        self._numbers, self._handshakes = Numbers(), Numbers("/tls-")

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
        stubbed = host in self._upstreams
        if not stubbed and not (self._apis and self._apis.resolves(host)):
            self._refuse(host, peer_ip)
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        try:
            shown = self._shown(host, peer_ip) if stubbed else VALID
        except RigError as error:
            LOG.error("TLS with %s: %s", host, error)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        if shown != VALID:
            struck.append(shown.verdict)
        tls.context = self._authority.context_for(host, shown)
        return None

    def _shown(self, host: str, peer_ip: str) -> Certificate:
        """The certificate, past the point. Raises RigError."""
        function, invocation = self._attribute(peer_ip)
        identity = self._handshakes.next(invocation or "host", host)
        handshake = Handshake(identity, host, function)
        return self._injector.pass_through("handshake", handshake, lambda _: VALID, quiet=True).reply

    def _refuse(self, host: str, peer_ip: str) -> None:
        host = host or "(no name)"
        function, invocation = self._attribute(peer_ip)
        LOG.warning("upstreams: %s called %s, which no stub file answers for: refused", function or peer_ip, host)
        self._timeline.record(self._numbers.next(invocation or "host", host), "upstream", "", "refused", host)

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
                elif host in self._upstreams:
                    reply = given(self._answer(request, host, headers, peer_ip))
                    if isinstance(reply, UpstreamReset):
                        _break_off(connection, request, reply, self._injector.clock)
                        return
                    _write(Outgoing(request, send), reply)
                else:
                    self._refuse(host, peer_ip)
                    reset_on_close(connection)
                    return
                if not request.keep:
                    return

    def _answer(self, request: Incoming, host: str, headers: dict[str, str], peer_ip: str) -> Any:
        """A reply, one that is held back, or none but a reset."""
        function, invocation = self._attribute(peer_ip)
        identity = self._numbers.next(invocation or "host", host)
        call = UpstreamCall(identity, host, request.method, request.target, headers, request.body, function)
        handler = self._upstreams[host].handler
        try:
            return self._injector.pass_through("upstream", call, lambda call: _ask(handler, call)).reply
        except RigError as error:
            LOG.error("%s: %s", identity, error)
            return UpstreamReply(500, (("content-type", "text/plain"),), str(error).encode())


def _secure(request: Incoming, connection: socket.socket) -> dict[str, Any]:
    """The WSGI environ of a request that came by TLS, to the port that the client knows."""
    made = environ(request, connection.getpeername()[:2], (connection.getsockname()[0], 443))
    return {**made, "wsgi.url_scheme": "https"}


def _load(file: Path) -> list[Upstream]:
    from emulator.stubs import load  # pydantic and YAML: 0.1 s that a rig without stubs does not pay

    return load(file)


def _ask(handler: Callable[[UpstreamCall], UpstreamReply], call: UpstreamCall) -> UpstreamReply:
    """The stub's answer; an exception of the stub's own is a 500 that says so, as a broken SaaS would give."""
    try:
        return handler(call)
    except Exception as error:
        LOG.exception("%s: the stub for %s raised", call.id, call.host)
        message = f"the stub for {call.host} raised {error!r}"
        return UpstreamReply(500, (("content-type", "text/plain"),), message.encode())


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
