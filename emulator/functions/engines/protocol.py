"""What every engine promises. One contract suite, tests/engines/test_contract.py, runs over all of them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from emulator.model import Function, Limits


@dataclass(frozen=True)
class Exit:
    """How the runtime process ended. code: exit status, or None when a signal ended it. oom: the cap did it."""

    code: int | None
    signal: int | None = None
    oom: bool = False


@dataclass(frozen=True)
class EnvironmentSpec:
    """What to start. id: `NAME/env-2`. variables: everything but what only the engine knows
    (AWS_LAMBDA_RUNTIME_API, AWS_ENDPOINT_URL). hosts: SaaS names that must lead to the rig. limits: what it gets less
    of, by the kernel's own means. exit_status: a process that ends with it at once takes the runtime's place."""

    id: str
    function: Function
    variables: Mapping[str, str]
    hosts: tuple[str, ...] = ()
    ca_bundle: Path | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()
    exit_status: int | None = None


class Sandbox(Protocol):
    """One started execution environment.

    runtime_api: the listening socket behind AWS_LAMBDA_RUNTIME_API. log: non-blocking read end of the one pipe that
    is stdout and stderr; it reports hang-up when the runtime and all its children are gone.
    started_at: machine's monotonic seconds at which the runtime process began.
    """

    id: str
    runtime_api: socket.socket
    log: int
    started_at: float
    native_id: str

    def freeze(self) -> None:
        """Stop every process inside until `thaw`."""

    def thaw(self) -> None: ...

    def memory_in_use(self) -> int:
        """Bytes that the kernel could not take back."""

    def squeeze(self, limit: int | None) -> None:
        """Lower the memory cap to `limit` bytes; `None`: as it was. Where more is in use already, the kernel kills what
        runs inside before this returns. What is taken away counts as used in `peak_memory`, measured anew from here.

        Raises EngineError where it cannot be done."""

    def kill_runtime(self) -> None:
        """SIGKILL from outside, to one that is not frozen; whoever waits for it sees it die. Nothing is freed before
        `kill`. Raises EngineError where there is no process to kill."""

    def kill(self) -> None:
        """End it now and free everything it held: processes, mounts, sockets, files. Safe to call twice."""

    def alive(self) -> bool:
        """False once the runtime process is gone. Must not block."""

    def peak_memory(self) -> int:
        """Most bytes used since `reset_peak`, measured."""

    def reset_peak(self) -> None: ...

    def wait(self, timeout: float) -> Exit | None:
        """How it ended; None if it is still running after `timeout` seconds."""


class Engine(Protocol):
    """Starts sandboxes. `open` prepares what the first start needs; `close` leaves nothing behind."""

    name: str

    def open(self) -> None: ...

    def listen(self, port: int) -> socket.socket:
        """A listening TCP socket of the rig that sandboxes started later reach at `host()`:`port`
        (0: any free port). Must be called before the sandboxes that need it are started."""

    def listen_udp(self, port: int) -> socket.socket | None:
        """The same for one UDP port (53); None where the engine leaves names to the hosts file alone."""

    def host(self) -> str:
        """The address by which sandboxes reach the rig's sockets."""

    def port_of(self, listener: socket.socket) -> int:
        """The port at which sandboxes reach a socket made by `listen`."""

    def origin(self, peer: str) -> str:
        """Id of the environment behind a connection's peer (`IP`, or `IP:PORT` where all share an address); or ""."""

    def start(self, spec: EnvironmentSpec) -> Sandbox:
        """Start the runtime client for `spec`; returns once its process exists, before it polls. Raises EngineError,
        with what to use instead, for a limit that this engine cannot set."""

    def left(self) -> list[str]:
        """Names of the sandboxes that are there, whoever has forgotten them."""

    def close(self) -> None: ...
