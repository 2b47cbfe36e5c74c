"""The Runtime API (2018-06-01) of one environment, as an explicit state machine.

There is no server thread: whichever thread drives the environment calls `wait`, which serves the runtime client's
connections and drains its log until something happens that the driver must know. That saves two hand-offs on the
warm path. Statuses and texts are those of AWS's runtime-api documentation and of the open-source RIE's renderers.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import socket
from collections.abc import Callable
from dataclasses import dataclass, field

import httptools

from emulator.clock import Clock
from emulator.functions.runtime_http import ACCEPTED, RESPONSE_LIMIT, Request, RuntimeConnection

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
CALLS = {
    "next": ("GET", "Ready"),
    "init/error": ("POST", "InitError"),
    "response": ("POST", "InvocationResponse"),
    "error": ("POST", "InvocationErrorResponse"),
}
_ERROR_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")
_POST = re.compile(r"invocation/([^/]+)/(response|error)")
_READ = 1 << 16
_LOG_READ = 1 << 20
_GASP_MS = 10  # how often a runtime whose output has hung up is asked whether it lives


@dataclass(frozen=True)
class Happening:
    """kind: next | response | error | too_large | init_error | died | deadline. error_type: from the header."""

    kind: str
    body: bytes = b""
    error_type: str = ""


@dataclass
class RuntimeApi:
    """Speaks to one runtime client over `listener`, and reads its output from `log`."""

    listener: socket.socket
    log: int
    clock: Clock
    alive: Callable[[], bool]
    state: str = "Started"
    output: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        self._poll = select.poll()
        self._connections: dict[int, RuntimeConnection] = {}
        self._parked: RuntimeConnection | None = None
        self._running_id = ""
        self._hung_up = False
        self._happened: list[Happening] = []
        self.listener.setblocking(False)
        for fd in (self.listener.fileno(), self.log):
            self._poll.register(fd, select.POLLIN)

    def wait(self, deadline: float) -> Happening:
        """Serve until something happens; `deadline` in the machine's monotonic seconds."""
        while not self._happened:
            left = deadline - self.clock.monotonic()
            if left <= 0:
                return Happening("deadline")
            if self._hung_up and not self.alive():
                return Happening("died")
            for fd, _ in self._poll.poll(min(left * 1000 + 1, _GASP_MS if self._hung_up else left * 1000 + 1)):
                self._ready(fd)
        return self._happened.pop(0)

    def deliver(self, request_id: str, headers: dict[str, str], body: bytes) -> bool:
        """Hand the parked `next` its event; False when the client has gone."""
        parked, self._parked = self._parked, None
        self._running_id, self.state = request_id, "Running"
        try:
            if parked is None:
                return False
            parked.answer(200, body, {"Lambda-Runtime-Aws-Request-Id": request_id, **headers})
        except OSError:
            return False
        return True

    def take_output(self) -> bytes:
        """Everything printed so far and not taken yet; what was written before a call arrived is here."""
        self._drain()
        taken = bytes(self.output)
        self.output.clear()
        return taken

    def close(self) -> None:
        """Close every connection; the listener and the log belong to the sandbox."""
        for connection in self._connections.values():
            connection.sock.close()
        self._connections.clear()

    def _ready(self, fd: int) -> None:
        if fd == self.log:
            self._drain()
        elif fd == self.listener.fileno():
            self._accept()
        elif fd in self._connections:
            self._receive(fd, self._connections[fd])

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            sock, _ = self.listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections[sock.fileno()] = RuntimeConnection(sock)
            self._poll.register(sock, select.POLLIN)

    def _receive(self, fd: int, connection: RuntimeConnection) -> None:
        try:
            data = connection.sock.recv(_READ)
            requests = connection.feed(data) if data else []
        except OSError:
            data = b""
        except httptools.HttpParserError:
            connection.refuse(400, "InvalidRequestFormat", "Malformed HTTP request")
            data = b""
        if not data:
            self._poll.unregister(fd)
            del self._connections[fd]
            connection.sock.close()
            return
        for request in requests:
            self._serve(connection, request)

    def _drain(self) -> None:
        """Read the pipe empty. End of file means that nobody holds its other end: the runtime is dying, or
        (rarely) lives on with its output closed; the kernel closes files a moment before it calls it dead."""
        while True:
            try:
                chunk = os.read(self.log, _LOG_READ)
            except BlockingIOError:
                return
            self.output += chunk
            if not chunk:
                break
        if not self._hung_up:
            self._hung_up = True
            self._poll.unregister(self.log)  # a hang-up is reported for ever

    def _serve(self, connection: RuntimeConnection, request: Request) -> None:
        path = request.path.split("?")[0]
        posted = _POST.fullmatch(path[len(PREFIX) :]) if path.startswith(PREFIX) else None
        call = posted[2] if posted else "next" if path == PREFIX + "invocation/next" else path[len(PREFIX) :]
        if path in ("/ping", PREFIX + "ping"):
            connection.answer(200, b"pong")
        elif call not in CALLS or not path.startswith(PREFIX):
            connection.refuse(404, "NotFound", f"no such Runtime API call: {request.method} {path}")
        elif request.method != CALLS[call][0]:
            connection.refuse(405, "MethodNotAllowed", f"{path} takes {CALLS[call][0]}")
        elif posted and posted[1] != self._running_id:
            connection.refuse(400, "InvalidRequestID", "Invalid request ID")
        elif (self.state, call) not in TRANSITIONS:
            text = f"State transition from {self.state} to {CALLS[call][1]} failed for runtime."
            connection.refuse(403, "InvalidStateTransition", f"{text} Error: State transition is not allowed")
        else:
            self.state = TRANSITIONS[self.state, call]
            self._accepted(connection, call, request)

    def _accepted(self, connection: RuntimeConnection, call: str, request: Request) -> None:
        if call == "next":
            self._parked = connection
            self._happened.append(Happening("next"))
            return
        kind = call.replace("/", "_")
        if request.oversize:
            kind = "too_large"
            message = f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            connection.refuse(413, "RequestEntityTooLarge", message)
        else:
            with contextlib.suppress(OSError):  # it posted and went: its death is reported by the log
                connection.answer(202, ACCEPTED)
        self._happened.append(Happening(kind, request.body, error_type(request.headers, call)))


def error_type(headers: dict[str, str], call: str) -> str:
    """The type header as the platform keeps it: a type of neither family becomes Unknown; absent stays empty."""
    given = headers.get("lambda-runtime-function-error-type", "")
    if not given or _ERROR_TYPE.fullmatch(given):
        return given
    return "Runtime.Unknown" if call == "init/error" else "Function.Unknown"
