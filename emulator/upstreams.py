"""SaaS hosts answered by the rig: TLS on 443 with a certificate by SNI, plain HTTP on 80 by Host header.

A host that no stub file knows is refused as early as its name is known (TLS alert unrecognized_name, RFC 6066), so an
unmodified client fails at once; the log and the timeline name it.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import httptools

from emulator.certificates import Authority
from emulator.errors import FileProblem, RigError
from emulator.injector import Injector
from emulator.listening import Listening, reset_on_close
from emulator.model import UpstreamCall, UpstreamReply
from emulator.timeline import Timeline

if TYPE_CHECKING:
    from emulator.stubs import Upstream

LOG = logging.getLogger(__name__)
HANDSHAKE_LIMIT_S = 30.0
CHUNK = 65536
COUNTED = 10_000  # invocations whose calls are numbered; older ones are over

Attribute = Callable[[str], tuple[str, str]]


class Upstreams:
    """Serves stubbed hosts from `start` to `close`; every request passes the point `upstream`.

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
    ) -> None:
        self._authority, self._injector, self._timeline, self._attribute = authority, injector, timeline, attribute
        self._files: list[Path] = []
        self._upstreams: dict[str, Upstream] = {}
        self._numbers = _Numbers()
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
        self._numbers = _Numbers()

    def start(self) -> None:
        """Accept connections from now on."""
        for listening in self._listening:
            listening.start()

    def close(self) -> None:
        """End every connection and stop listening."""
        for listening in self._listening:
            listening.close()

    def _serve_tls(self, connection: socket.socket, peer_ip: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = lambda tls, name, _: self._choose(tls, (name or "").lower(), peer_ip)
        connection.settimeout(HANDSHAKE_LIMIT_S)
        try:  # a duplicate, because wrapping takes the socket away from whoever would have to shut it down
            tls = context.wrap_socket(connection.dup(), server_side=True)
        except OSError as error:  # "alert unknown ca": the client trusts another bundle than the rig's
            refused = getattr(error, "reason", "") == "CALLBACK_FAILED"  # by `_choose`, which has told already
            level = logging.DEBUG if refused else logging.WARNING
            LOG.log(level, "upstreams: TLS with %s (%s) failed: %s", self._attribute(peer_ip)[0], peer_ip, error)
            return
        with tls:
            self._serve(tls, peer_ip)

    def _choose(self, tls: ssl.SSLSocket | ssl.SSLObject, host: str, peer_ip: str) -> int | None:
        """The certificate for `host`, or the alert that refuses it."""
        if host not in self._upstreams:
            self._refuse(host, peer_ip)
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        tls.context = self._authority.context_for(host)
        return None

    def _refuse(self, host: str, peer_ip: str) -> None:
        host = host or "(no name)"
        function, invocation = self._attribute(peer_ip)
        LOG.warning("upstreams: %s called %s, which no stub file answers for: refused", function or peer_ip, host)
        self._timeline.record(self._numbers.next(invocation or "host", host), "upstream", "", "refused", host)

    def _serve(self, connection: socket.socket, peer_ip: str) -> None:
        """One connection's requests, one after the other."""
        connection.settimeout(None)
        for request in _requests(connection):
            if request.host not in self._upstreams:
                self._refuse(request.host, peer_ip)
                reset_on_close(connection)
                return
            reply = self._answer(request, peer_ip)
            try:
                connection.sendall(_written(reply, request))
            except OSError as error:  # it timed out, or its environment was killed
                LOG.debug("upstreams: the client went away before its answer: %s", error)
                return
            if not request.keep_alive:
                return

    def _answer(self, request: Request, peer_ip: str) -> UpstreamReply:
        function, invocation = self._attribute(peer_ip)
        identity = self._numbers.next(invocation or "host", request.host)
        call = UpstreamCall(
            identity, request.host, request.method, request.path, request.headers, request.body, function
        )
        handler = self._upstreams[request.host].handler
        try:
            return self._injector.pass_through("upstream", call, lambda: _ask(handler, call)).reply
        except RigError as error:
            LOG.error("%s: %s", identity, error)
            return UpstreamReply(500, (("content-type", "text/plain"),), str(error).encode())


class _Numbers:
    """`NAME/inv-3/login.salesforce.com#1`: how many calls to a host an invocation has made."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()

    def next(self, prefix: str, host: str) -> str:
        with self._lock:
            number = self._seen.pop((prefix, host), 0) + 1
            self._seen[prefix, host] = number
            if len(self._seen) > COUNTED:
                self._seen.popitem(last=False)
        return f"{prefix}/{host}#{number}"


@dataclass(frozen=True)
class Request:
    """What came over the wire. headers: lower-case names. host: lower-case, without port."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    keep_alive: bool

    @property
    def host(self) -> str:
        return self.headers.get("host", "").lower().rsplit(":", 1)[0]


class _Reader:
    """httptools' callbacks, gathering requests."""

    def __init__(self) -> None:
        self.parser = httptools.HttpRequestParser(self)
        self.done: list[Request] = []
        self.expects = False

    def on_message_begin(self) -> None:
        self._url, self._body, self._headers = b"", b"", dict[str, str]()

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.expects = self._headers.get("expect", "").lower() == "100-continue"

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        method = self.parser.get_method().decode()
        keep = bool(self.parser.should_keep_alive())
        self.done.append(Request(method, self._url.decode("latin-1"), self._headers, self._body, keep))


def _requests(connection: socket.socket) -> Iterator[Request]:
    """Requests as they arrive, until the client closes or says something that is not HTTP."""
    reader = _Reader()
    try:
        while data := connection.recv(CHUNK):
            reader.parser.feed_data(data)
            if reader.expects:
                reader.expects = False
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            while reader.done:
                yield reader.done.pop(0)
    except httptools.HttpParserError as error:
        LOG.warning("upstreams: not HTTP/1.1: %s", error)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
    except OSError as error:
        LOG.debug("upstreams: the client went away: %s", error)


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


def _written(reply: UpstreamReply, request: Request) -> bytes:
    """The reply on the wire."""
    bodiless = reply.status in (204, 304)
    given = [header for header in reply.headers if header[0].lower() not in ("content-length", "connection")]
    headers = [*given, ("connection", "keep-alive" if request.keep_alive else "close")]
    if not bodiless:
        headers.append(("content-length", str(len(reply.body))))
    lines = [f"HTTP/1.1 {reply.status} {_phrase(reply.status)}", *(f"{name}: {value}" for name, value in headers)]
    body = b"" if bodiless or request.method == "HEAD" else reply.body
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
