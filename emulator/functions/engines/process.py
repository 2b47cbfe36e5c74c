"""The process engine: AWS's own runtime client as a child process in Linux namespaces, for machines without Docker.

It needs no image and no daemon. Inside, a function sees what Lambda shows: its paths, uid 993, a read-only root, a /tmp
of its size, and no network but the rig. Memory and CPU are capped by a control group where one can be made, else by a
watch (`cap` says which); `costs` says what is lost on this machine.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import threading
from pathlib import Path

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines import process_layout as layout
from emulator.functions.engines.cgroup import Cgroup
from emulator.functions.engines.docker_container import PROCESSES, cpu_quota, merged_layers
from emulator.functions.engines.interpreter import Interpreter
from emulator.functions.engines.languages import DOCKER, Languages
from emulator.functions.engines.process_group import can_make, doors, group_name, sweep
from emulator.functions.engines.process_launch import Launch
from emulator.functions.engines.process_sandbox import ProcessSandbox
from emulator.functions.engines.protocol import EnvironmentSpec
from emulator.functions.engines.splice import Splice
from emulator.functions.engines.watch import Watch
from emulator.model import Limits

BARE_VARIABLE = "LAMBDARIG_BARE_PROCESS"
MB = 1024 * 1024
API_PORT = 9001  # of the first sandbox, as on Lambda; those after it count on, to be told apart
RECURSIVE = (5, 12)  # Linux since then makes a tree of mounts read-only
SYSCTLS = "sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns"


def _kernel() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


class ProcessEngine:
    """See protocol.Engine. state_dir: for merged layers. bare: run without namespaces where they cannot be made (also
    by LAMBDARIG_BARE_PROCESS=1); nothing is isolated then. cap: `cgroup` or `rlimit`, known once open."""

    name = "process"

    def __init__(self, rig_id: str, state_dir: Path, clock: Clock, bare: bool | None = None) -> None:
        self._rig_id, self._state_dir, self._clock = rig_id, state_dir, clock
        self.bare = os.environ.get(BARE_VARIABLE, "") not in ("", "0") if bare is None else bare
        self.cap = ""
        self._languages = Languages()
        self._numbers, self._ports = itertools.count(1), itertools.count(API_PORT)
        self._lock, self._opened = threading.RLock(), False
        self._splice: Splice | None = None
        self._rigs: dict[socket.socket, int] = {}  # listener or UDP socket of the rig -> port inside
        self._sandboxes: list[ProcessSandbox] = []

    # --- opening ----------------------------------------------------------------------------------------

    def open(self) -> None:
        """See what this machine can do, and remove what killed rigs left. Raises EngineError without namespaces."""
        with self._lock:
            if self._opened:
                return
            (self._state_dir / "root").mkdir(parents=True, exist_ok=True)
            if not self.bare:
                self._probe()
            self.cap = "cgroup" if can_make(group_name(self._rig_id, 0)) else "rlimit"
            sweep()
            self._splice, self._opened = Splice(), True

    def _probe(self) -> None:
        try:
            launch = Launch(layout.probe(self._state_dir / "root"))
            try:
                launch.until(b"P")
            finally:
                launch.discard()
        except EngineError as problem:
            raise EngineError(
                f"this machine makes no namespaces for a sandbox ({problem.message})",
                f"{DOCKER}; or allow user namespaces ({SYSCTLS}); or go without isolation: {BARE_VARIABLE}=1",
            ) from problem

    def costs(self) -> list[str]:
        """What this engine does not give on this machine, against Docker or Lambda. Call once open."""
        lost = ["what is written to /tmp counts into the memory cap"]
        if self.cap == "rlimit":
            lost += [
                "control groups cannot be written: memory is looked at every 50 ms, and a function past its cap killed",
                "the CPU is not limited to the share that belongs to the memory",
            ]
        if not self.bare and _kernel() < RECURSIVE:
            lost.append("this kernel (older than 5.12) leaves what is mounted below /sys writable for your user")
        if not self.bare:
            return [*lost, "the system's programs and libraries are this machine's, not Lambda's"]
        return [
            *lost,
            "no namespaces: a function can read and write all that you can, and reach any network",
            "SaaS hosts do not lead to the rig: their real names are reached",
            "listeners of the rig are at ports of their own, not at those asked for",
            "a function runs as you and in the folder of its code, not as uid 993 in /var/task",
            "/tmp is the machine's own, of no limited size",
        ]

    # --- sockets ----------------------------------------------------------------------------------------

    def host(self) -> str:
        return "127.0.0.1" if self.bare else layout.HOST

    def listen(self, port: int) -> socket.socket:
        """Reachable from sandboxes that run already, too."""
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._lead(listener, port)
        return listener

    def listen_udp(self, port: int) -> socket.socket | None:
        if self.bare:
            return None
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind(("127.0.0.1", 0))
        self._lead(bound, port)
        return bound

    def port_of(self, listener: socket.socket) -> int:
        return self._rigs.get(listener) or int(listener.getsockname()[1])

    def origin(self, peer: str) -> str:
        """By the loopback address that each sandbox's connections come from. Unknown without namespaces."""
        address = peer.partition(":")[0]
        return next((one.id for one in self._sandboxes if one.address == address), "")

    def _lead(self, rigs: socket.socket, port: int) -> None:
        with self._lock:
            self._rigs = {sock: inside for sock, inside in self._rigs.items() if sock.fileno() >= 0}
            self._rigs[rigs] = rigs.getsockname()[1] if self.bare or not port else port
            for sandbox in self._sandboxes:
                self._reach(sandbox, rigs)

    def _reach(self, sandbox: ProcessSandbox, rigs: socket.socket) -> None:
        if self.bare:
            return
        kind = "tcp" if rigs.type == socket.SOCK_STREAM else "udp"
        try:
            sandbox.reach(kind, (layout.HOST, self._rigs[rigs]), rigs.getsockname())
        except EngineError:
            if sandbox.alive():
                raise

    # --- starting ---------------------------------------------------------------------------------------

    def start(self, spec: EnvironmentSpec) -> ProcessSandbox:
        self.open()
        interpreter = self._interpreter(spec)
        self._can_limit(spec.limits)
        group = self._group(spec)
        try:
            sandbox = self._build(spec, interpreter, group)
        except BaseException:
            if group is not None:
                group.remove()
            raise
        with self._lock:
            self._sandboxes = [one for one in self._sandboxes if not one.killed] + [sandbox]
            for rigs in self._rigs:
                if rigs.fileno() >= 0:
                    self._reach(sandbox, rigs)
        sandbox.go()
        return sandbox

    def _can_limit(self, limits: Limits) -> None:
        if limits.cpu is not None and self.cap == "rlimit":
            raise EngineError(f"the CPU cannot be limited here, where control groups cannot be written: {DOCKER}",
                              "run the rig as root")
        if limits.tmp_kb is not None and self.bare:
            raise EngineError(f"/tmp cannot be limited without namespaces, where it is the machine's own: {DOCKER}")

    def _group(self, spec: EnvironmentSpec) -> Cgroup | None:
        if self.cap == "rlimit":
            return None
        name = group_name(self._rig_id, next(self._numbers))
        return Cgroup.create(name, spec.function.memory_mb * MB, cpu_quota(spec), PROCESSES)

    def _build(self, spec: EnvironmentSpec, interpreter: Interpreter, group: Cgroup | None) -> ProcessSandbox:
        layers = merged_layers(spec.function.layers, self._state_dir)
        port = self._free_port()
        api = socket.create_server(("127.0.0.1", 0), backlog=128) if self.bare else None
        if api is None:
            document = layout.namespaced(spec, interpreter, layers, self._state_dir / "root", port)
        else:
            name = f"runtime-{interpreter.language}{interpreter.version}"
            packages = layout.show_packages(interpreter, self._state_dir / name)
            document = layout.bare(spec, interpreter, layers, packages, "{}:{}".format(*api.getsockname()))
        if group is None:
            document = layout.with_limit(document, spec.function.memory_mb)
        with doors(group) as opened:
            launch = Launch(document | opened)
        try:
            launch.until(b"R")
            api = api or launch.open_socket("tcp", (layout.HOST, port))
            return self._sandbox(spec, launch, group, api)
        except BaseException:
            launch.discard()
            raise

    def _free_port(self) -> int:
        return next(port for port in self._ports if port not in self._rigs.values())

    def _sandbox(
        self, spec: EnvironmentSpec, launch: Launch, group: Cgroup | None, api: socket.socket
    ) -> ProcessSandbox:
        assert self._splice is not None
        memory = spec.function.memory_mb * MB
        cap = group or Watch(launch.init, launch.runtime, memory)
        number = next(self._numbers)
        address = f"127.{64 + (number >> 16) % 64}.{number >> 8 & 255}.{number & 255}"
        return ProcessSandbox(spec.id, launch, cap, memory, api, self._splice, self._clock, address)

    def _interpreter(self, spec: EnvironmentSpec) -> Interpreter:
        """Raises EngineError for what this engine cannot run on this machine."""
        function = spec.function
        if function.image or function.code is None:
            raise EngineError(f"{function.name} is an image: the process engine has none", DOCKER)
        return self._languages.find(function.runtime or "")

    # --- closing ----------------------------------------------------------------------------------------

    def left(self) -> list[str]:
        return [one.id for one in self._sandboxes if not one.killed]

    def close(self) -> None:
        """End every sandbox. Safe to call twice; the engine can be opened again."""
        with self._lock:
            sandboxes, self._sandboxes = self._sandboxes, []
            splice, self._splice = self._splice, None
            rigs, self._rigs = self._rigs, {}
            self._opened = False
        for sandbox in sandboxes:
            sandbox.kill()
        if splice is not None:
            splice.close()
        for sock in rigs:
            sock.close()
