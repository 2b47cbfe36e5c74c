"""The memory cap where control groups cannot be made: a look at every process each 50 ms, and SIGKILL past the cap.

It has the verbs of `cgroup.Cgroup` that a sandbox uses. What a handler takes and gives back within 50 ms is not seen;
the CPU is not limited; freezing is SIGSTOP, which a parent process inside could notice.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.clock import Clock

if TYPE_CHECKING:
    from psutil import Process

INTERVAL_S = 0.05
KILL_S, STOP_S = 5.0, 1.0
STOPPED = ("stopped", "tracing-stop", "zombie", "dead")
_clock = Clock()


class Watch:
    """The processes below `parent` together use at most `memory_bytes`. `runtime` is the one killed past it."""

    def __init__(self, parent: int, runtime: int, memory_bytes: int) -> None:
        import psutil

        self._psutil, self._parent, self._runtime = psutil, psutil.Process(parent), psutil.Process(runtime)
        self._cap, self._peak, self._kills = memory_bytes, 0, 0
        self._frozen = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name=f"memory-{runtime}", daemon=True)
        self._thread.start()

    def freeze(self) -> None:
        """Stop every process, and those that the last of them was just starting."""
        self._frozen = True
        stopped: set[int] = set()
        while running := [one for one in self._processes() if one.pid not in stopped]:
            for process in running:
                stopped.add(process.pid)
                with contextlib.suppress(self._psutil.NoSuchProcess):  # it ended by itself
                    process.send_signal(signal.SIGSTOP)
                    self._await_stopped(process)

    def _await_stopped(self, process: Process) -> None:
        """On a busy machine it may run on a while before it takes notice."""
        deadline = _clock.monotonic() + STOP_S
        while process.status() not in STOPPED and _clock.monotonic() < deadline:
            os.sched_yield()

    def thaw(self) -> None:
        for process in self._processes():
            with contextlib.suppress(self._psutil.NoSuchProcess):  # it was killed in its sleep
                process.send_signal(signal.SIGCONT)
        self._frozen = False

    def peak(self) -> int:
        """Most resident bytes seen, or the kernel's own high-water mark of the runtime where that is more."""
        with contextlib.suppress(OSError):  # the runtime is gone: what was seen remains
            status = Path(f"/proc/{self._runtime.pid}/status").read_text()
            if mark := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
                self._peak = max(self._peak, int(mark[1]) * 1024)
        return self._peak

    def reset_peak(self) -> None:
        self._peak = 0
        with contextlib.suppress(OSError):  # the runtime is gone
            Path(f"/proc/{self._runtime.pid}/clear_refs").write_text("5")

    def oom_kills(self) -> int:
        return self._kills

    def set_cap(self, size: int) -> None:
        self._cap = size

    def in_use(self) -> int:
        return sum(map(self._resident, self._processes()))

    def squeeze(self, size: int, full: int, sample: Callable[[], object]) -> int:
        """Lower the cap to `size` bytes, and look at once whether more is in use."""
        self._cap = size
        self.reset_peak()
        if self._judge():
            self._psutil.wait_procs([self._runtime], timeout=KILL_S)
        return size

    def remove(self) -> None:
        """End the watch. Safe to call twice."""
        self._stop.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _processes(self) -> list[Process]:
        try:
            return self._parent.children(recursive=True)
        except self._psutil.NoSuchProcess:
            return []

    def _look(self) -> None:
        while not self._stop.wait(INTERVAL_S):
            if self._frozen:
                continue
            self._judge()

    def _judge(self) -> bool:
        """Whether it was too much."""
        used = self.in_use()
        self._peak = max(self._peak, used)
        if used > self._cap:
            self._kills += 1
            with contextlib.suppress(self._psutil.NoSuchProcess):  # it ended by itself, past its cap
                self._runtime.kill()
        return used > self._cap

    def _resident(self, process: Process) -> int:
        try:
            return int(process.memory_info().rss)
        except self._psutil.NoSuchProcess:
            return 0
