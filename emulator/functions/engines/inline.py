"""The inline engine: the fake for unit tests. A handler runs in a thread of the rig, behind the real Runtime API.

So everything above the engine is exercised without a process. What it does not give: no isolation, memory cap, CPU
share, read-only files or network of its own; freezing is only recorded; peak memory is the whole rig's; a handler that
runs cannot be killed, it ends at its next call to the Runtime API; `sys.exit` ends the thread, a crash of the
interpreter everything; logging that was set up elsewhere goes where it went. See `inline_world` for variables and
output, `inline_loading` for imports, `inline_runtime` for what the client understands.
"""

from __future__ import annotations

import itertools
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines.inline_loading import Handler, load
from emulator.functions.engines.inline_runtime import InlineRuntime
from emulator.functions.engines.inline_world import World
from emulator.functions.engines.protocol import EnvironmentSpec, Exit
from emulator.model import Limits

HOST, INSTEAD = "127.0.0.1", "use the docker or the process engine"
LIMITED = {"cpu": "the CPU", "tmp_kb": "/tmp", "open_files": "open files"}


class InlineSandbox:
    """See protocol.Sandbox. marks: `freeze` and `thaw`, as they were asked for."""

    def __init__(self, spec: EnvironmentSpec, native_id: str, handler: Callable[[], Handler], clock: Clock) -> None:
        self.id, self.native_id, self.marks = spec.id, native_id, list[str]()
        self.runtime_api = socket.create_server((HOST, 0))
        self.log, written = os.pipe()
        os.set_blocking(self.log, False)
        address = "{}:{}".format(*self.runtime_api.getsockname())
        variables = {**spec.variables, "AWS_LAMBDA_RUNTIME_API": address}
        self._runtime = InlineRuntime(address, handler, World(variables, written), clock)
        self._lock, self._killed = threading.Lock(), False
        self.started_at = clock.monotonic()
        self._runtime.start()

    def freeze(self) -> None:
        self.marks.append("freeze")

    def thaw(self) -> None:
        self.marks.append("thaw")

    def memory_in_use(self) -> int:
        raise EngineError("the inline engine has no memory cap: the handler shares the rig's own process", INSTEAD)

    def squeeze(self, limit: int | None) -> None:
        raise EngineError("the inline engine has no memory cap: the handler shares the rig's own process", INSTEAD)

    def kill_runtime(self) -> None:
        raise EngineError("the inline engine cannot kill: the handler shares the rig's own process", INSTEAD)

    def kill(self) -> None:
        """The thread ends at its next call; what it prints until then is lost."""
        with self._lock:
            if self._killed:
                return
            self._killed = True
        os.close(self.log)  # first: a handler blocked in a print must let go of the other end
        self.log = -1  # a late reader gets EBADF, not somebody else's file
        self._runtime.cut_off()
        self.runtime_api.close()

    def alive(self) -> bool:
        return not self._killed and self._runtime.is_alive()

    def peak_memory(self) -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    def reset_peak(self) -> None:
        """Nothing: the rig's own peak cannot be told from the handler's."""

    def wait(self, timeout: float) -> Exit | None:
        if not self._killed:
            self._runtime.join(timeout)
        if not self._killed and self._runtime.is_alive():
            return None
        code = self._runtime.exit_code
        return Exit(None, int(signal.SIGKILL)) if code is None else Exit(code)


class InlineEngine:
    """See protocol.Engine. handlers: callables by function name; other functions are imported from their code."""

    name = "inline"

    def __init__(
        self, rig_id: str, clock: Clock, handlers: Mapping[str, Callable[[Any, Any], Any]] | None = None
    ) -> None:
        self._rig_id, self._clock, self._handlers = rig_id, clock, dict(handlers or {})
        self._numbers = itertools.count(1)
        self._sandboxes: list[InlineSandbox] = []
        self._listeners: list[socket.socket] = []

    def open(self) -> None:
        """Nothing to prepare."""

    def listen(self, port: int) -> socket.socket:
        """Always at a port of its own: `port_of` says which."""
        listener = socket.create_server((HOST, 0), backlog=128)
        self._listeners.append(listener)
        return listener

    def listen_udp(self, port: int) -> socket.socket | None:
        return None

    def host(self) -> str:
        return HOST

    def port_of(self, listener: socket.socket) -> int:
        return int(listener.getsockname()[1])

    def origin(self, peer: str) -> str:
        """Unknown: every handler runs in one process."""
        return ""

    def start(self, spec: EnvironmentSpec) -> InlineSandbox:
        native_id = f"inline-{self._rig_id}-{next(self._numbers)}"
        sandbox = InlineSandbox(spec, native_id, self._loader(spec), self._clock)
        self._sandboxes = [one for one in self._sandboxes if one.alive()] + [sandbox]
        return sandbox

    def _loader(self, spec: EnvironmentSpec) -> Callable[[], Handler]:
        function, status = spec.function, spec.exit_status
        _can_limit(spec.limits)
        if status is not None:
            return lambda: sys.exit(status)
        if given := self._handlers.get(function.name):
            return lambda: given
        if function.code is None or not (function.runtime or "").startswith("python"):
            raise EngineError(f"the inline engine runs Python only, not {function.image or function.runtime}",
                              "use the docker engine")
        code, handler = function.code, function.handler or ""
        return lambda: load(code, handler)

    def left(self) -> list[str]:
        return [one.id for one in self._sandboxes if one.alive()]

    def close(self) -> None:
        """Cut every sandbox off. Safe to call twice."""
        for sandbox in self._sandboxes:
            sandbox.kill()
        for listener in self._listeners:
            listener.close()
        self._sandboxes, self._listeners = [], []


def _can_limit(limits: Limits) -> None:
    """It has no process of its own that could be limited."""
    wanted = next((what for name, what in LIMITED.items() if getattr(limits, name) is not None), None)
    if wanted:
        raise EngineError(f"only the docker and the process engine limit {wanted}: inline, a handler has no process")
