"""HTTP of the Runtime API on one connection: httptools parses, this keeps what came and writes answers."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field

import httptools

RESPONSE_LIMIT = 6 * 1024 * 1024 + 100  # bytes a function may answer (recorded on AWS: 6291556)
PATIENCE_S = 1.0  # for a client to take an answer; only one that floods us without reading needs it
_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
}
_ESCAPES = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})  # as Go writes JSON
ACCEPTED = b'{"status":"OK"}\n'


@dataclass
class Request:
    """One request of the runtime client. headers: lower-case names, trailers too. oversize: past the limit, body let
    go."""

    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    oversize: bool = False


class RuntimeConnection:
    """Callbacks for `httptools.HttpRequestParser`; `feed` returns the requests that became complete. limit: bytes of a
    body."""

    def __init__(self, sock: socket.socket, limit: int = RESPONSE_LIMIT) -> None:
        self.sock, self.limit = sock, limit
        self.sock.settimeout(PATIENCE_S)
        self._parser = httptools.HttpRequestParser(self)
        self._complete: list[Request] = []
        self._begin()

    def _begin(self) -> None:
        self._request = Request()
        self._chunks: list[bytes] = []
        self._size = 0

    def on_message_begin(self) -> None:
        self._begin()

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._request.method = self._parser.get_method().decode()
        if self._request.headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= self.limit:
            self._chunks.append(chunk)
        else:
            self._chunks.clear()

    def on_message_complete(self) -> None:
        self._request.oversize = self._size > self.limit
        self._request.body = b"".join(self._chunks)
        self._complete.append(self._request)

    def feed(self, data: bytes) -> list[Request]:
        """Raises httptools.HttpParserError on bytes that are not HTTP."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            # Java's client offers h2c with its first request; what is not taken up goes on as HTTP/1.1.
            self._parser = httptools.HttpRequestParser(self)
            return self._taken() + self.feed(data[offer.args[0] :])
        return self._taken()

    def _taken(self) -> list[Request]:
        done, self._complete = self._complete, []
        return done

    def answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Write one response. Raises OSError when the client has gone, or does not read."""
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.sock.sendall("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def refuse(self, status: int, error_type: str, message: str) -> None:
        """An error in the Runtime API's own shape."""
        text = json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":"))
        self.answer(status, text.translate(_ESCAPES).encode() + b"\n")
