"""HTTP/1.1 on one connection, for a WSGI application or whoever answers, in the thread that calls: httptools parses.

Nothing is handed to another thread between a request's arrival and its answer; that is most of what other servers cost
here (measured beside waitress: 0.20 ms a request instead of 0.41). Header names are passed on as they were sent, and
repeated headers apart, under `lambdarig.headers`: API Gateway shows both to a function.
"""

from __future__ import annotations

import io
import logging
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import httptools

LOG = logging.getLogger(__name__)
HEAD_LIMIT = 1 << 18  # bytes of request line and headers
BODY_LIMIT = 1 << 28
IDLE_S = 1000.0  # a client's pool may keep a connection this long between requests
RAW_HEADERS = "lambdarig.headers"
_READ = 1 << 16
_BODILESS = ("204", "304")
Headers = list[tuple[str, str]]
Send = Callable[[bytes], object]
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Gone(Exception):
    """The client has ended the connection, or was silent too long."""


class HungUp(Gone):
    """Raised by whoever should answer: the connection ends without an answer."""


class Refused(Exception):
    """What came is no request that can be served; the argument is the status line to answer before closing."""


@dataclass
class Incoming:
    """A request, whole. target: as sent. headers: names as sent, in order. keep: the connection may stay."""

    method: str = ""
    target: str = ""
    version: str = "1.1"
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    keep: bool = True


class Reader:
    """Callbacks for `httptools.HttpRequestParser`; `feed` gives the requests that became complete."""

    def __init__(self, send: Send) -> None:
        self._parser, self._send = httptools.HttpRequestParser(self), send
        self._complete: list[Incoming] = []
        self.on_message_begin()

    def feed(self, data: bytes) -> list[Incoming]:
        """Raises Refused."""
        in_body = self._in_body
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # answered as if it had not asked, which HTTP allows; the connection is closed then
        except httptools.HttpParserError as error:
            LOG.info("not HTTP: %s", error)
            raise Refused("400 Bad Request") from error
        if not (in_body or self._in_body or self._complete):
            self._head_size += len(data)
        if self._head_size > HEAD_LIMIT:
            raise Refused("431 Request Header Fields Too Large")
        if self._size > BODY_LIMIT:
            raise Refused("413 Content Too Large")
        done, self._complete = self._complete, []
        return done

    def on_message_begin(self) -> None:
        self._request, self._chunks = Incoming(), list[bytes]()
        self._size = self._head_size = 0
        self._in_body = False

    def on_url(self, url: bytes) -> None:
        self._request.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers.append((name.decode("latin-1"), value.decode("latin-1").strip()))

    def on_headers_complete(self) -> None:
        self._in_body = True
        asked = any(name.lower() == "expect" for name, _ in self._request.headers)
        if asked and self._parser.get_http_version() == "1.1":
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= BODY_LIMIT:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        request, parser = self._request, self._parser
        request.method, request.version = parser.get_method().decode(), parser.get_http_version()
        request.keep = parser.should_keep_alive() and not parser.should_upgrade()
        request.body = b"".join(self._chunks)
        self._complete.append(request)
        self._head_size, self._in_body = 0, False


class Outgoing:
    """`start_response`, and the bytes of one answer: head and first chunk leave together."""

    def __init__(self, request: Incoming, send: Send) -> None:
        self.request, self._send = request, send
        self._status, self._headers = "", Headers()
        self.begun = self._chunked = False
        self._left: int | None = None

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> Callable[[bytes], None]:
        if exc_info and self.begun:
            raise exc_info[1].with_traceback(exc_info[2])
        self._status, self._headers = status, list(headers)
        return self.write

    def write(self, chunk: bytes) -> None:
        """The next part of the body."""
        head = b"" if self.begun else self._head(None)
        self._send(head + self._framed(chunk))

    def whole(self, chunks: Iterable[bytes]) -> None:
        """The body, as the application gives it."""
        if isinstance(chunks, list | tuple) and not self.begun:
            body = b"".join(chunks)
            self._send(self._head(len(body)) + self._framed(body))
        else:
            for chunk in chunks:
                if chunk:
                    self.write(chunk)
            if not self.begun:
                self._send(self._head(0))
        if self._chunked:
            self._send(b"0\r\n\r\n")
        elif self._left:  # shorter than it said: the client can only tell by the end of the connection
            self.request.keep = False

    def _head(self, length: int | None) -> bytes:
        if not self._status:
            raise RuntimeError("the application did not call start_response")
        self.begun = True
        given = {name.lower(): value for name, value in self._headers}
        more = [("Date", formatdate(usegmt=True))] if "date" not in given else []
        if self._bodiless():
            self._left = 0
        elif "content-length" in given:
            self._left = int(given["content-length"])
        elif length is not None:
            self._left = length
            more.append(("Content-Length", str(length)))
        elif self.request.version == "1.1":
            self._chunked = True
            more.append(("Transfer-Encoding", "chunked"))
        else:
            self.request.keep = False
        if not self.request.keep:
            more.append(("Connection", "close"))
        elif self.request.version == "1.0":
            more.append(("Connection", "keep-alive"))
        lines = [f"{name}: {value}\r\n" for name, value in (*self._headers, *more)]
        return f"HTTP/1.1 {self._status}\r\n{''.join(lines)}\r\n".encode("latin-1")

    def _bodiless(self) -> bool:
        return self.request.method == "HEAD" or self._status[:3] in _BODILESS

    def _framed(self, chunk: bytes) -> bytes:
        if self._bodiless() or not chunk:
            return b""
        if self._chunked:
            return b"%x\r\n%s\r\n" % (len(chunk), chunk)
        if self._left is not None:
            chunk = chunk[: self._left]
            self._left -= len(chunk)
        return chunk


def serve(sock: socket.socket, peer: tuple[str, int], address: tuple[str, int], app: Application) -> None:
    """Answer requests until either side ends the connection; the socket is the caller's to close."""
    sock.settimeout(IDLE_S)
    send = sender(sock)
    with suppress(Gone):  # nobody is left to tell
        for request in requests(sock, send):
            answer(request, environ(request, peer, address), app, send)
            if not request.keep:
                return


def sender(sock: socket.socket) -> Send:
    """Sends on `sock`; raises Gone when the client has gone."""

    def send(data: bytes) -> None:
        try:
            sock.sendall(data)
        except OSError as error:
            raise Gone from error

    return send


def requests(sock: socket.socket, send: Send) -> Iterator[Incoming]:
    """Requests as they arrive, until the client closes or says something that is no HTTP. Raises Gone."""
    reader = Reader(send)
    while True:
        try:
            data = sock.recv(_READ)
        except OSError as error:  # reset, or silent too long
            raise Gone from error
        if not data:
            return
        try:
            yield from reader.feed(data)
        except Refused as refused:
            send(f"HTTP/1.1 {refused}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            return


def answer(request: Incoming, environ: dict[str, Any], app: Application, send: Send) -> None:
    """The application's answer, sent; a 500 where it raised. Raises Gone."""
    out = Outgoing(request, send)
    try:
        _run(app, environ, out)
    except Gone:
        raise
    except Exception:
        LOG.exception("%s %s failed", request.method, request.target)
        request.keep = False
        if not out.begun:
            out.start("500 Internal Server Error", [("Content-Type", "text/plain")])
            out.whole([b"Internal Server Error"])


def _run(app: Application, environ: dict[str, Any], out: Outgoing) -> None:
    chunks: Any = app(environ, out.start)
    try:
        out.whole(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()


def environ(request: Incoming, peer: tuple[str, int], address: tuple[str, int]) -> dict[str, Any]:
    """The WSGI environ. A header with an underscore in its name could pass for another one: it stays out."""
    target = request.target if request.target.startswith("/") else urlsplit(request.target)._replace(
        scheme="", netloc="").geturl() or "/"
    path, _, query = target.partition("#")[0].partition("?")
    made: dict[str, Any] = {
        "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "REQUEST_URI": request.target, "QUERY_STRING": query,
        "PATH_INFO": unquote_to_bytes(path.encode("latin-1")).decode("latin-1"),
        "SERVER_NAME": address[0], "SERVER_PORT": str(address[1]), "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": peer[0], "REMOTE_HOST": peer[0], "REMOTE_PORT": str(peer[1]),
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        "wsgi.input_terminated": True, RAW_HEADERS: request.headers,
    }
    for name, value in request.headers:
        if "_" not in name:
            key = "HTTP_" + name.upper().replace("-", "_")
            made[key] = f"{made[key]}, {value}" if key in made else value
    kind = made.pop("HTTP_CONTENT_TYPE", None)
    if kind is not None:
        made["CONTENT_TYPE"] = kind
    if made.pop("HTTP_CONTENT_LENGTH", None) is not None or made.pop("HTTP_TRANSFER_ENCODING", None) is not None:
        made["CONTENT_LENGTH"] = str(len(request.body))
    return made
