"""One sandbox of the process engine: its runtime, its memory cap, its sockets, its end."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
from collections.abc import Callable
from typing import Protocol

from emulator.clock import Clock
from emulator.functions.engines.process_launch import Launch, readable
from emulator.functions.engines.protocol import Exit
from emulator.functions.engines.splice import Address, Splice


class Cap(Protocol):
    """cgroup.Cgroup or watch.Watch."""

    def freeze(self) -> None: ...
    def thaw(self) -> None: ...
    def peak(self) -> int: ...
    def reset_peak(self) -> None: ...
    def oom_kills(self) -> int: ...
    def in_use(self) -> int: ...
    def set_cap(self, size: int) -> None: ...
    def squeeze(self, size: int, full: int, sample: Callable[[], object]) -> int: ...
    def remove(self) -> None: ...


class ProcessSandbox:
    """See protocol.Sandbox. Made once the runtime waits for `go`. memory: its cap, in bytes. address: where its
    connections seem to come from."""

    def __init__(
        self, env_id: str, launch: Launch, cap: Cap, memory: int, api: socket.socket, splice: Splice, clock: Clock,
        address: str,
    ) -> None:
        self.id, self.address, self.runtime_api, self.log = env_id, address, api, launch.log
        self.native_id, self.started_at = str(launch.runtime), 0.0
        self._launch, self._cap, self._splice, self._clock = launch, cap, splice, clock
        self._pidfd = os.pidfd_open(launch.runtime)
        self._inside: dict[tuple[str, int], socket.socket] = {}
        self._exit: Exit | None = None
        self._memory, self._last_peak, self._lacking, self._taken = memory, 0, 0, 0
        self._lock, self.killed = threading.RLock(), False

    def go(self) -> None:
        """Let the runtime execute."""
        with self._lock:
            self.started_at = self._clock.monotonic()
            if not self.killed:
                self._launch.go()

    def reach(self, kind: str, inside: Address, outside: Address) -> None:
        """Let `inside` lead to the rig's socket at `outside`, and no longer to where it led before."""
        with self._lock:
            if self.killed:
                return
            if former := self._inside.pop((kind, inside[1]), None):
                self._splice.drop([former])
            sock = self._inside[kind, inside[1]] = self._launch.open_socket(kind, inside)
            carry = self._splice.carry if kind == "tcp" else self._splice.carry_datagrams
            carry(sock, outside, self.address)

    # --- freezing and measuring -------------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop every process. On a sandbox that has been killed, this and `thaw` do nothing."""
        with self._lock:
            if not self.killed:
                self._cap.freeze()

    def thaw(self) -> None:
        with self._lock:
            if not self.killed:
                self._cap.thaw()

    def peak_memory(self) -> int:
        """Bytes, as the cap counts them; after the end, the last that was seen."""
        with self._lock:
            if not self.killed:
                self._last_peak = min(self._cap.peak() + self._taken, self._memory)
            return self._last_peak

    def reset_peak(self) -> None:
        with self._lock:
            if not self.killed:
                self._taken = self._lacking
                self._cap.reset_peak()

    def memory_in_use(self) -> int:
        with self._lock:
            return 0 if self.killed else self._cap.in_use()

    def squeeze(self, limit: int | None) -> None:
        with self._lock:
            if self.killed:
                return
            if limit is None:
                self._lacking = 0
                self._cap.set_cap(self._memory)
            else:
                self._lacking = self._taken = self._memory - self._cap.squeeze(limit, self._memory, self.peak_memory)

    # --- ending -----------------------------------------------------------------------------------------

    def alive(self) -> bool:
        with self._lock:
            return not self.killed and not readable(self._pidfd, 0)

    def wait(self, timeout: float) -> Exit | None:
        with self._lock:
            if self._exit is not None:
                return self._exit
            watched = os.dup(self._pidfd)
        try:
            return self._settle() if readable(watched, timeout) else None
        finally:
            os.close(watched)

    def _settle(self) -> Exit:
        with self._lock:
            if self._exit is None:
                self._exit = self._read(self._launch.last_word())
            return self._exit

    def _read(self, status: int) -> Exit:
        if os.WIFEXITED(status):
            return Exit(os.WEXITSTATUS(status))
        number = os.WTERMSIG(status)
        return Exit(None, number, oom=number == signal.SIGKILL and self._cap.oom_kills() > 0)

    def kill_runtime(self) -> None:
        with self._lock:
            if not self.killed:
                self.peak_memory()
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def kill(self) -> None:
        with self._lock:
            if self.killed:
                return
            self.wait(0)  # how it ended by itself, if it did
            self.peak_memory()
            self.killed = True
            self._exit = self._exit or Exit(None, int(signal.SIGKILL))
            self._launch.end()
            self._cap.remove()
            self._free()

    def _free(self) -> None:
        self._splice.drop(list(self._inside.values()))
        self._inside.clear()
        with contextlib.suppress(OSError):  # wakes a thread that waits in accept(); not every state allows it
            self.runtime_api.shutdown(socket.SHUT_RDWR)
        self.runtime_api.close()
        self._launch.control.close()
        os.close(self.log)
        self.log = -1  # a late reader gets EBADF, not somebody else's file
        os.close(self._pidfd)
