"""The floor: AWS's runtime client in the rig's own container, answered by a blocking socket that does nothing else."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from emulator.clock import Clock
from emulator.functions.engines import choose
from emulator.functions.engines.protocol import Engine, EnvironmentSpec, Sandbox
from emulator.functions.variables import variables
from emulator.model import Function

EVENT = b'{"key": "value"}'
ROLE = "arn:aws:iam::123456789012:role/bench"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Aws-Request-Id: 1\r\n"
    b"Lambda-Runtime-Deadline-Ms: 9999999999999\r\nContent-Length: %d\r\n\r\n%s" % (len(EVENT), EVENT)
)
_ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


def function(code: Path, runtime: str) -> Function:
    """The function that every benchmark runs: one vCPU, so that the quota does not decide."""
    return Function(
        name="bench", handler="app.handler", runtime=runtime, memory_mb=1769, timeout_s=30.0, code=code, role=ROLE,
        arn="arn:aws:lambda:us-east-1:123456789012:function:bench",
    )


class Answerer:
    """Blocking Runtime API on one connection; `turn` is one invocation."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, listener = sandbox, sandbox.runtime_api
        listener.setblocking(True)
        listener.settimeout(30)
        self._sock, _ = listener.accept()
        self._sock.settimeout(30)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._request()

    def turn(self) -> float:
        """Milliseconds from the reply to `next` until the whole `response` is here."""
        begin = time.perf_counter()
        self._sock.sendall(_HEAD)
        line = self._request()
        took = (time.perf_counter() - begin) * 1000
        if not line.startswith(b"POST") or b"/response " not in line:
            raise ConnectionError(f"the runtime client said {line!r}")
        self._sock.sendall(_ACCEPTED)
        self._request()
        return took

    def frozen_turn(self) -> float:
        """Milliseconds of a turn with all that stands around it: thaw, turn, the next `next`, freeze."""
        begin = time.perf_counter()
        self._sandbox.thaw()
        self.turn()
        self._sandbox.freeze()
        took = (time.perf_counter() - begin) * 1000
        self._sandbox.thaw()
        return took

    def _request(self) -> bytes:
        """Read one request whole; gives its first line."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            self._more()
        found = _LENGTH.search(self._buffer[:end])
        whole = end + 4 + (int(found[1]) if found else 0)
        if b"chunked" in self._buffer[:end].lower():
            while not self._buffer.endswith(b"0\r\n\r\n"):
                self._more()
            whole = len(self._buffer)
        while len(self._buffer) < whole:
            self._more()
        head, self._buffer = self._buffer[:end], self._buffer[whole:]
        return head.split(b"\r\n", 1)[0]

    def _more(self) -> None:
        chunk = self._sock.recv(65536)
        if not chunk:
            raise ConnectionError("the runtime client went away")
        self._buffer += chunk

    def close(self) -> None:
        self._sock.close()


class Bare:
    """An engine that is open, and the one function it starts."""

    def __init__(self, engine: Engine, what: Function) -> None:
        self._engine, self._what, self._count = engine, what, 0

    @contextlib.contextmanager
    def started(self) -> Iterator[Answerer]:
        """One environment (same options as the rig's, never frozen) whose runtime has asked for its first event."""
        self._count += 1
        keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_SESSION_TOKEN": "x"}
        environ = variables(self._what, "stream", keys, "http://127.0.0.1:1")
        sandbox = self._engine.start(EnvironmentSpec(f"bench/env-{self._count}", self._what, environ))
        try:
            with contextlib.closing(Answerer(sandbox)) as answerer:
                yield answerer
        finally:
            sandbox.kill()


@contextlib.contextmanager
def opened(engine: str, code: Path, runtime: str) -> Iterator[Bare]:
    """One of the rig's own engines without the rest of the rig."""
    with tempfile.TemporaryDirectory(prefix="lambdarig-bench-") as folder:
        state = Path(folder)
        state.chmod(0o755)
        made = choose(engine, f"bench-{secrets.token_hex(3)}", state, Clock())
        try:
            made.open()
            yield Bare(made, function(code, runtime))
        finally:
            made.close()


@contextlib.contextmanager
def bare(engine: str, code: Path, runtime: str) -> Iterator[Answerer]:
    """The floor: one environment, answered by a socket that does nothing else."""
    with opened(engine, code, runtime) as one, one.started() as answerer:
        yield answerer
