"""The Runtime API (2018-06-01) of one environment, as an explicit state machine.

There is no server thread: whichever thread drives the environment calls `wait`, which serves the runtime client's
connections and drains its log until something happens that the driver must know. That saves two hand-offs on the
warm path. Statuses and texts are those of AWS's runtime-api documentation and of the open-source RIE's renderers.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import os
import re
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass

import httptools

from emulator.clock import Clock
from emulator.functions.runtime_http import ACCEPTED, PATIENCE_S, RESPONSE_LIMIT, Request, RuntimeConnection

PREFIX = "/2018-06-01/runtime/"
# (state, call) -> next state. What is not here is refused with 403 InvalidStateTransition.
TRANSITIONS = {
    ("Started", "next"): "Ready",
    ("Started", "init/error"): "InitError",
    ("Ready", "next"): "Ready",
    ("Running", "response"): "InvocationResponse",
    ("Running", "error"): "InvocationErrorResponse",
    ("InvocationResponse", "next"): "Ready",
    ("InvocationErrorResponse", "next"): "Ready",
}
# call -> (method, the state it asks for)
CALLS = {
    "next": ("GET", "Ready"),
    "init/error": ("POST", "InitError"),
    "response": ("POST", "InvocationResponse"),
    "error": ("POST", "InvocationErrorResponse"),
}
MODE, STREAMING = "lambda-runtime-function-response-mode", "streaming"
BAD_MODE = "Runtime.InvalidResponseModeHeader"
TELL_S = 0.5  # how long a line may wait for the log while its handler works on
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_ROUTE = re.compile(
    PREFIX + r"(?:invocation/(?P<get>next)|(?P<init>init/error)|invocation/(?P<id>[^/]+)/(?P<post>response|error))"
)
_READ = 1 << 16
_LOG_READ = 1 << 20
_GASP_S = 0.002  # how often a runtime whose output has hung up is asked whether it lives
_LAST_WORDS_S = 0.25  # how long the last call of a dead runtime may be on its way
Chunk = tuple[int, bytes]  # (milliseconds since the epoch at which it was read, what was printed)


@dataclass(frozen=True)
class Happening:
    """kind: next | response | error | too_large | init_error | died | deadline. error_type: from the header."""

    kind: str
    body: bytes = b""
    error_type: str = ""

    @property
    def verdict(self) -> str:
        return self.kind


@dataclass(frozen=True)
class _Event:
    request_id: str
    headers: dict[str, str]
    body: bytes


class RuntimeApi:
    """Speaks to one runtime client over `listener`, and reads its output from `log`, of which it keeps a descriptor of
    its own: the sandbox may be killed, and its descriptors reused, while a driver is in `wait`."""

    def __init__(self, listener: socket.socket, log: int, clock: Clock, alive: Callable[[], bool]) -> None:
        self.state = "Started"
        self._listener, self._clock, self._alive = listener, clock, alive
        self._log = os.dup(log)
        self._pipe = fcntl.fcntl(self._log, fcntl.F_GETPIPE_SZ)
        self._poll = select.poll()
        self._connections: dict[int, RuntimeConnection] = {}
        self._parked: RuntimeConnection | None = None
        self._event: _Event | None = None
        self._running_id, self._limit = "", RESPONSE_LIMIT
        self._printed: list[Chunk] = []
        self._hung_up: float | None = None
        self._happened: list[Happening] = []
        listener.setblocking(False)
        self._accepting = listener.fileno()
        for fd in (self._accepting, self._log):
            self._poll.register(fd, select.POLLIN)

    def wait(self, deadline: float, tell: Callable[[], None] | None = None) -> Happening:
        """Serve until something happens; `deadline` in the machine's monotonic seconds. tell: called now and then while
        there is output to take."""
        tell_at = self._clock.monotonic() + TELL_S
        while not self._happened:
            now = self._clock.monotonic()
            if now >= deadline:
                return Happening("deadline")
            if self._hung_up is not None and self._has_died(self._hung_up, now):
                return Happening("died")
            if tell is not None and self._printed and now >= tell_at:
                tell()
                tell_at = now + TELL_S
            until = min(deadline, tell_at) if tell is not None and self._printed else deadline
            until = until if self._hung_up is None else min(until, now + _GASP_S)
            for fd, _ in self._poll.poll((until - now) * 1000 + 1):
                self._ready(fd)
        return self._happened.pop(0)

    def deliver(
        self, request_id: str, headers: dict[str, str], body: bytes, deadline: float, limit: int = RESPONSE_LIMIT
    ) -> None:
        """Hand the parked `next` its event, or the one that comes when the client has let go of it. limit: bytes that
        an answer to it may have."""
        self._limit = limit
        for connection in self._connections.values():
            connection.limit = limit
        self._event = _Event(request_id, headers, body)
        self._hand_over(deadline)

    def take_output(self) -> list[Chunk]:
        """Everything printed so far and not taken yet; what was written before a call arrived is here."""
        self._drain()
        taken, self._printed = self._printed, []
        return taken

    def close(self) -> None:
        """Close every connection and our end of the log; the listener belongs to the sandbox. Driver's thread only."""
        for connection in self._connections.values():
            connection.sock.close()
        self._connections.clear()
        if self._log >= 0:
            os.close(self._log)
            self._log = -1

    def _has_died(self, hung_up: float, now: float) -> bool:
        """The kernel closes a process's files before it calls it dead; and what it sent last may still be underway, as
        may the end of its connections."""
        if self._alive():
            return False
        return not self._connections or now - hung_up > _LAST_WORDS_S

    def _ready(self, fd: int) -> None:
        if fd == self._log:
            self._drain()
        elif fd == self._accepting:
            self._accept()
        elif fd in self._connections:
            self._receive(fd, self._connections[fd])

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:  # killed by another thread: the log tells
            self._poll.unregister(self._accepting)
            return
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[sock.fileno()] = RuntimeConnection(sock, self._limit)
        self._poll.register(sock, select.POLLIN)

    def _receive(self, fd: int, connection: RuntimeConnection) -> None:
        try:
            data = connection.sock.recv(_READ)
            if data:
                for request in connection.feed(data):
                    self._serve(connection, request)
                return
        except httptools.HttpParserError:
            with contextlib.suppress(OSError):
                connection.refuse(400, "InvalidRequestFormat", "Malformed HTTP request")
        except OSError:
            pass  # the client has gone: if it is dead, the log tells
        self._drop(fd, connection)

    def _drop(self, fd: int, connection: RuntimeConnection) -> None:
        self._poll.unregister(fd)
        del self._connections[fd]
        connection.sock.close()
        if self._parked is connection:
            self._parked = None

    def _drain(self) -> None:
        """Read what is in the pipe. Whoever prints without a pause must not keep us: its capacity, once, is enough.

        End of file means that nobody holds its other end: the runtime is dying, or (rarely) lives on with its output
        closed."""
        taken, now = 0, int(self._clock.wall() * 1000)
        while taken < self._pipe:
            try:
                chunk = os.read(self._log, _LOG_READ)
            except BlockingIOError:
                return
            if not chunk:
                break
            self._printed.append((now, chunk))
            taken += len(chunk)
        else:
            return
        if self._hung_up is None:
            self._hung_up = self._clock.monotonic()
            self._poll.unregister(self._log)  # a hang-up is reported for ever

    def _serve(self, connection: RuntimeConnection, request: Request) -> None:
        path = request.path.split("?")[0]
        route = _ROUTE.fullmatch(path)
        if route is None:
            _answer_other(connection, request.method, path)
            return
        call = route[route.lastgroup or 0]
        if request.method != CALLS[call][0]:
            connection.refuse(405, "MethodNotAllowed", f"{path} takes {CALLS[call][0]}")
        elif route["id"] is not None and route["id"] != self._running_id:
            connection.refuse(400, "InvalidRequestID", "Invalid request ID")
        elif (self.state, call) not in TRANSITIONS:
            text = f"State transition from {self.state} to {CALLS[call][1]} failed for runtime."
            connection.refuse(403, "InvalidStateTransition", f"{text} Error: State transition is not allowed")
        elif call == "next":
            self._park(connection)
        else:
            self.state = TRANSITIONS[self.state, call]
            self._happened.append(happening(call, request))
            with contextlib.suppress(OSError):  # it posted and went: its death is reported by the log
                _acknowledge(connection, self._happened[-1])

    def _park(self, connection: RuntimeConnection) -> None:
        """A second `next` of a runtime that is Ready takes the first one's place: nothing has happened."""
        before, self.state, self._parked = self.state, "Ready", connection
        if self._event is not None:
            self._hand_over(self._clock.monotonic() + 1)
        elif before != "Ready":
            self._happened.append(Happening("next"))

    def _hand_over(self, deadline: float) -> None:
        event, parked = self._event, self._parked
        if event is None or parked is None:
            return
        self._parked = None
        parked.sock.settimeout(max(deadline - self._clock.monotonic(), 0.001))
        try:
            parked.answer(200, event.body, {"Lambda-Runtime-Aws-Request-Id": event.request_id, **event.headers})
            parked.sock.settimeout(PATIENCE_S)
        except TimeoutError:
            pass  # it takes the event slower than it may work on it: the deadline's business
        except OSError:
            return  # it let go of its `next`: dead, or about to ask again
        self._event, self._running_id, self.state = None, event.request_id, "Running"


def _answer_other(connection: RuntimeConnection, method: str, path: str) -> None:
    if path in ("/ping", PREFIX + "ping"):
        connection.answer(200, b"pong")
    else:
        connection.refuse(404, "NotFound", f"no such Runtime API call: {method} {path}")


def happening(call: str, request: Request) -> Happening:
    """What a call that ends init or the invocation means. call: response | error | init/error."""
    if request.oversize:
        return Happening("too_large")
    if call == "response" and request.headers.get(MODE, STREAMING) != STREAMING:
        return Happening("error", b"", BAD_MODE)
    if call == "response" and "lambda-runtime-function-error-type" in request.headers:  # trailer of a stream cut short
        return Happening("error", _trailing_error(request), error_type(request.headers, call))
    return Happening(call.replace("/", "_"), request.body, error_type(request.headers, call))


def _trailing_error(request: Request) -> bytes:
    """The error's own document, base64 in a trailer; else what was streamed until then."""
    try:
        return base64.b64decode(request.headers["lambda-runtime-function-error-body"], validate=True)
    except (KeyError, binascii.Error):
        return request.body


def _acknowledge(connection: RuntimeConnection, seen: Happening) -> None:
    if seen.kind == "too_large":
        message = f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
        connection.refuse(413, "RequestEntityTooLarge", message)
    elif seen.error_type == BAD_MODE:
        connection.refuse(400, "InvalidFunctionResponseMode", "Invalid function response mode")
    else:
        connection.answer(202, ACCEPTED)


def error_type(headers: dict[str, str], call: str) -> str:
    """The type header as the platform keeps it: a type of neither family becomes Unknown; absent stays empty."""
    given = headers.get("lambda-runtime-function-error-type", "")
    if not given or _ERROR_TYPE.fullmatch(given):
        return given
    return "Runtime.Unknown" if call == "init/error" else "Function.Unknown"
