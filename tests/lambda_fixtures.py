"""What the tests of functions share: a runtime client made of a bare socket, and a rig's Lambda as boto3 sees it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import select
import socket
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from emulator.clock import Clock
from emulator.functions.engines.protocol import Exit
from emulator.functions.runtime_api import Happening, RuntimeApi
from emulator.model import ON_DEMAND, PROVISIONED, Function, Invocation
from emulator.timeline import Timeline

PREFIX = "/2018-06-01/runtime/"
ROLE = "arn:aws:iam::123456789012:role/r"
PATIENCE_S = 10.0


def function(**changes: Any) -> Function:
    """A function named `f`."""
    given: dict[str, Any] = {
        "name": "f",
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:f",
        "runtime": "python3.11",
        "handler": "app.handler",
        "role": ROLE,
        "code": None,
        "log_group": "/aws/lambda/f",
    }
    return Function(**{**given, **changes})


def request(method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
    """An HTTP request as bytes; a path without a slash in front is the Runtime API's."""
    target = path if path.startswith("/") else PREFIX + path
    lines = [f"{method} {target} HTTP/1.1", "Host: rig", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    if (body or method == "POST") and "Content-Length" not in (headers or {}):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Client:
    """A RuntimeApi and the runtime client on its other side, both in the test's thread. `happened` collects."""

    def __init__(self) -> None:
        self.clock, self.living = Clock(), True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.log, self.out = os.pipe()
        os.set_blocking(self.log, False)
        self.api = RuntimeApi(self.listener, self.log, self.clock, lambda: self.living)
        self.happened: list[Happening] = []
        self.sockets: list[socket.socket] = []
        self.sock = self.connect()

    def connect(self) -> socket.socket:
        sock = socket.create_connection(self.listener.getsockname(), timeout=PATIENCE_S)
        self.sockets.append(sock)
        return sock

    def send(self, data: bytes) -> None:
        """All of it; the API looks whenever it does not fit."""
        left = memoryview(data)
        self.sock.setblocking(False)
        while left:
            try:
                left = left[self.sock.send(left) :]
            except BlockingIOError:
                self.pump()
        self.sock.settimeout(PATIENCE_S)

    def pump(self) -> Happening | None:
        """Let the API look once."""
        seen = self.api.wait(self.clock.monotonic() + 0.002)
        if seen.kind == "deadline":
            return None
        self.happened.append(seen)
        return seen

    def until_happens(self) -> Happening:
        end = self.clock.monotonic() + PATIENCE_S
        while self.clock.monotonic() < end:
            if seen := self.pump():
                return seen
        raise AssertionError("nothing happened")

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """(status, headers, body) that comes for what was sent."""
        end = self.clock.monotonic() + PATIENCE_S
        while not select.select([self.sock], [], [], 0)[0]:
            assert self.clock.monotonic() < end, "no answer"
            self.pump()
        response = http.client.HTTPResponse(self.sock)
        response.begin()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()

    def answer_without_looking(self) -> None:
        """Wait for an answer that another thread gives."""
        assert select.select([self.sock], [], [], PATIENCE_S)[0], "no answer"

    def call(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Any:
        self.send(request(method, path, body, headers))
        return self.answer()

    def poll_next(self) -> None:
        """Send `next` and see it taken."""
        self.send(request("GET", "invocation/next"))
        assert self.until_happens().kind == "next"

    def deliver(self, request_id: str = "id-1", body: bytes = b"{}", **headers: str) -> Any:
        self.api.deliver(request_id, headers, body, self.clock.monotonic() + PATIENCE_S)
        return self.answer()

    def close(self) -> None:
        self.api.close()
        for sock in (*self.sockets, self.listener):
            sock.close()
        for fd in (self.log, self.out):
            if fd >= 0:
                os.close(fd)

    def die(self) -> None:
        """As a killed process: its files are closed, and what it sent last is still under way."""
        self.living = False
        self.sock.close()
        self.hang_up()

    def hang_up(self) -> None:
        """The runtime's output ends."""
        os.close(self.out)
        self.out = -1


@contextmanager
def runtime_client() -> Iterator[Client]:
    client = Client()
    try:
        yield client
    finally:
        client.close()


class FakeSandbox:
    """A Sandbox that does what it is told; its runtime is `client`, in the test's thread."""

    def __init__(self, client: Client) -> None:
        self.id, self.native_id, self.started_at = "f/env-1", "fake-1", client.clock.monotonic()
        self.runtime_api, self.log = client.listener, client.log
        self.client, self.marks, self.peak, self.exit = client, list[str](), 20 << 20, Exit(0)

    def freeze(self) -> None:
        self.marks.append("freeze")

    def thaw(self) -> None:
        self.marks.append("thaw")

    def memory_in_use(self) -> int:
        return 20 << 20

    def squeeze(self, limit: int | None) -> None:
        self.marks.append(f"squeeze {limit}")
        if limit == 0:
            self.client.die()

    def kill_runtime(self) -> None:
        self.marks.append("kill_runtime")
        self.client.die()

    def kill(self) -> None:
        self.marks.append("kill")
        self.client.living = False

    def alive(self) -> bool:
        return self.client.living

    def peak_memory(self) -> int:
        return self.peak

    def reset_peak(self) -> None:
        self.marks.append("reset")

    def wait(self, timeout: float) -> Exit | None:
        return self.exit


ANSWER = Happening("response", b'"ok"')


class FakeEnvironment:
    """An Environment to which `seen` happens. marks: what was done to it."""

    stream = "2026/11/21/[$LATEST]0"

    def __init__(
        self,
        seen: Happening = ANSWER,
        printed: bytes = b"",
        settles: bool = True,
        how: Exit | None = None,
        env_id: str = "f/env-1",
        of: Function | None = None,
        initialization: str = ON_DEMAND,
    ) -> None:
        self.initialization, self.provisioned = initialization, initialization == PROVISIONED
        self.seen, self.printed, self.settles, self.how = seen, printed, settles, how
        self.id, self.function, self.native_id, self.invocation_id = env_id, of or function(), "fake", ""
        self.idle_since, self.retired, self.living, self.gone = 0.0, False, True, threading.Event()
        self.early_init_ms: float | None = None
        self.marks: list[str] = []
        self.headers: dict[str, str] = {}
        self.delivered: list[Any] = []

    def thaw(self) -> None:
        self.marks.append("thaw")

    def freeze(self) -> None:
        self.marks.append("freeze")

    def halt(self) -> None:
        self.marks.append("halt")

    def kill(self) -> None:
        self.marks.append("kill")

    def destroy(self) -> None:
        self.marks.append("destroy")
        self.gone.set()

    def alive(self) -> bool:
        return self.living

    def invoke(self, delivery: Any, headers: Any, deadline: float, tell: Any) -> Happening:
        self.delivered.append(delivery)
        self.headers, self.deadline, self.tell = headers, deadline, tell
        self.invocation_id = delivery.id
        return self.seen

    def settle(self, deadline: float, tell: Any) -> bool:
        return self.settles

    def output(self) -> list[tuple[int, bytes]]:
        printed, self.printed = self.printed, b""
        return [(1, printed)] if printed else []

    def used_mb(self, how: Exit | None = None) -> int:
        return 128 if how is not None and how.oom else 36

    def ended(self) -> Exit | None:
        return self.how


class NoIdentity:
    """Credentials that nobody looks at."""

    def enter(self, invocation: Invocation) -> None: ...
    def revoke(self) -> None: ...


def until(timeline: Timeline, word: str, times: int = 1) -> None:
    """Block until the timeline holds `times` events of this outcome, or whose subject has this in it."""
    reached = threading.Event()

    def look(_: object = None) -> None:
        if sum(event.outcome == word or word in event.subject for event in timeline.events()) >= times:
            reached.set()

    timeline.listen(look)
    look()
    assert reached.wait(PATIENCE_S), [event.as_dict() for event in timeline.events()]


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A deployment package."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def create(api: Any, name: str, source: str, **params: Any) -> dict[str, Any]:
    """A Python function from source, `app.handler`; params as CreateFunction's."""
    given = {
        "Runtime": "python3.11",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": zipped({"app.py": source})},
        "Timeout": 10,
        "MemorySize": 256,
    }
    return dict(api.create_function(FunctionName=name, **{**given, **params}))


def invoke(api: Any, name: str, event: Any = None, **params: Any) -> tuple[Any, str, str]:
    """(payload, function error or "", log tail)."""
    answer = api.invoke(FunctionName=name, Payload=json.dumps(event or {}).encode(), LogType="Tail", **params)
    log = base64.b64decode(answer["LogResult"]).decode(errors="replace")
    return json.loads(answer["Payload"].read()), answer.get("FunctionError", ""), log
