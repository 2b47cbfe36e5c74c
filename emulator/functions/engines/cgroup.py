"""One control group, version 1 or 2: the memory cap, the CPU quota, the freezer and the measured peak.

Source of the behaviour: the kernel's admin-guide, cgroup-v1/{memory,freezer-subsystem}.rst and cgroup-v2.rst. Freezing
by file takes 0.15 ms, where `docker pause` takes 10.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import select
import signal
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines.pressure import overfill

ROOT = Path("/sys/fs/cgroup")
PARENT = "lambdarig"
PERIOD_US = 100_000
MB = 1 << 20
FREEZE_S = 10.0  # a task must get the CPU once to stand still: seconds, on a machine with ten times the work it can do
STUCK_MB = 64  # pages that a group may hold on to although they are on disk too
CONTROLLERS = ("memory", "cpu", "pids", "freezer")
_clock = Clock()


class Cgroup:
    """The directories of one group, by controller; under version 2 all four are the same directory."""

    def __init__(self, dirs: Mapping[str, Path], version: int) -> None:
        self.dirs, self.version = dict(dirs), version
        self._kept: dict[str, int] = {}
        self._lock = threading.RLock()  # so that no descriptor is closed, and its number used again, under a writer

    @classmethod
    def of_pid(cls, pid: int, root: Path = ROOT, proc: Path = Path("/proc")) -> Cgroup | None:
        """The group a process is in; None when the process or its group cannot be seen or read from here."""
        try:
            text = (proc / str(pid) / "cgroup").read_text()
        except OSError:
            return None
        paths = {name: path for _, names, path in _entries(text) for name in names.split(",")}
        version = _version(root)
        dirs = {name: _under(root, name, paths.get(name if version == 1 else "", ""), version) for name in CONTROLLERS}
        found = {name: path for name, path in dirs.items() if path and os.access(path / "cgroup.procs", os.R_OK)}
        return cls(found, version) if "memory" in found and "freezer" in found else None

    @classmethod
    def create(cls, name: str, memory_bytes: int, cpu_quota: int, pids: int, root: Path = ROOT) -> Cgroup:
        """A new group `lambdarig/NAME`. cpu_quota: microseconds of CPU per 100 ms. Swap is off within it.

        Raises EngineError where groups cannot be made (not root, or a read-only /sys/fs/cgroup).
        """
        version = _version(root)
        group = cls({c: (root / c if version == 1 else root) / PARENT / name for c in CONTROLLERS}, version)
        try:
            group._make(root)
            group._limit(memory_bytes, cpu_quota, pids)
        except OSError as error:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                group.remove()
            raise EngineError(f"cannot make control group {PARENT}/{name}: {error}", "run as root") from error
        return group

    def _make(self, root: Path) -> None:
        if self.version == 2:
            (root / PARENT).mkdir(exist_ok=True)
            for parent in (root, root / PARENT):
                _write(parent / "cgroup.subtree_control", "+memory +cpu +pids")
        for path in set(self.dirs.values()):
            path.mkdir(parents=True)

    def _limit(self, memory_bytes: int, cpu_quota: int, pids: int) -> None:
        memory, cpu = self.dirs["memory"], self.dirs["cpu"]
        if self.version == 2:
            _write(memory / "memory.max", str(memory_bytes))
            if (memory / "memory.swap.max").exists():
                _write(memory / "memory.swap.max", "0")
            _write(cpu / "cpu.max", f"{cpu_quota} {PERIOD_US}")
        else:
            _write(memory / "memory.limit_in_bytes", str(memory_bytes))
            # memsw exists only where swap is accounted; elsewhere swappiness 0 keeps the group's pages in memory.
            if (memory / "memory.memsw.limit_in_bytes").exists():
                _write(memory / "memory.memsw.limit_in_bytes", str(memory_bytes))
            else:
                _write(memory / "memory.swappiness", "0")
            _write(cpu / "cpu.cfs_period_us", str(PERIOD_US))
            _write(cpu / "cpu.cfs_quota_us", str(cpu_quota))
        _write(self.dirs["pids"] / "pids.max", str(pids))

    def add(self, pid: int) -> None:
        """Move a process in, with every thread it has. Raises OSError when it is gone."""
        for path in set(self.dirs.values()):
            _write(path / "cgroup.procs", str(pid))

    # --- freezing ---------------------------------------------------------------------------------------

    @property
    def can_freeze(self) -> bool:
        return os.access(self._freezer_file, os.W_OK)

    @cached_property
    def _freezer_file(self) -> Path:
        return self.dirs["freezer"] / ("freezer.state" if self.version == 1 else "cgroup.freeze")

    def freeze(self, timeout: float = FREEZE_S) -> None:
        """Stop every task; returns once the kernel says that they all stand. Raises EngineError after `timeout` s."""
        deadline = _clock.monotonic() + timeout
        with self._lock:
            freezer = self._keep(self._freezer_file)
            if self.version == 2:
                os.pwrite(freezer, b"1", 0)
                self._await_frozen(timeout)
                return
            # Reading drives version 1's FREEZING on to FROZEN; a task in a vfork can need a second request.
            while not (os.pwrite(freezer, b"FROZEN", 0) and os.pread(freezer, 64, 0).startswith(b"FROZEN")):
                if _clock.monotonic() > deadline:
                    self.thaw()
                    raise EngineError(f"{self.dirs['freezer'].name} did not freeze within {timeout} s")
                os.sched_yield()

    def _await_frozen(self, timeout: float) -> None:
        deadline = _clock.monotonic() + timeout
        events = self._keep(self.dirs["freezer"] / "cgroup.events", os.O_RDONLY)
        poll = select.poll()
        poll.register(events, select.POLLPRI)
        while b"frozen 1" not in os.pread(events, 256, 0):
            if (left := deadline - _clock.monotonic()) <= 0:
                self.thaw()
                raise EngineError(f"{self.dirs['freezer'].name} did not freeze within {timeout} s")
            poll.poll(min(left, 0.1) * 1000)

    def thaw(self) -> None:
        with self._lock:
            os.pwrite(self._keep(self._freezer_file), b"THAWED" if self.version == 1 else b"0", 0)

    # --- measuring --------------------------------------------------------------------------------------

    def peak(self) -> int:
        """Most bytes charged to the group since `reset_peak`, page cache included, as the cap counts them.

        Version 2 before kernel 6.12 cannot reset: there it is the peak since the start; before 5.19 it has no peak
        at all, and this is what is in use now.
        """
        with self._lock:
            return int(os.pread(self._keep(self._peak_file), 32, 0))

    def reset_peak(self) -> None:
        """Begin a new measurement (see `peak` for kernels that cannot, and users who may not)."""
        if self._peak_file.name == "memory.current":
            return
        with self._lock, contextlib.suppress(OSError):
            # Version 2: the reset holds for reads through the descriptor that wrote it.
            os.pwrite(self._keep(self._peak_file), b"reset" if self.version == 2 else b"0", 0)

    @cached_property
    def _peak_file(self) -> Path:
        memory = self.dirs["memory"]
        if self.version == 1:
            return memory / "memory.max_usage_in_bytes"
        return memory / ("memory.peak" if (memory / "memory.peak").exists() else "memory.current")

    def _keep(self, file: Path, flags: int = os.O_RDWR) -> int:
        """A descriptor that stays open: on the way of a warm invocation, opening costs ten times what reading does."""
        kept = self._kept.get(file.name)
        if kept is None:
            try:
                kept = os.open(file, flags)
            except OSError:  # not ours to write; a file that is gone fails again
                kept = os.open(file, os.O_RDONLY)
            self._kept[file.name] = kept
        return kept

    def oom_kills(self) -> int:
        """How often the kernel killed in this group because of its cap."""
        file = "memory.oom_control" if self.version == 1 else "memory.events"
        found = re.search(r"^oom_kill (\d+)$", (self.dirs["memory"] / file).read_text(), re.MULTILINE)
        return int(found[1]) if found else 0

    # --- squeezing --------------------------------------------------------------------------------------

    @property
    def can_squeeze(self) -> bool:
        return os.access(self._cap_files[0], os.W_OK)

    @cached_property
    def _cap_files(self) -> list[Path]:
        """The cap, and the one of memory and swap together, where that is accounted: it may not be the lower one."""
        memory = self.dirs["memory"]
        if self.version == 2:
            return [memory / "memory.max"]
        both = memory / "memory.memsw.limit_in_bytes"
        return [memory / "memory.limit_in_bytes", *([both] if both.exists() else [])]

    def in_use(self) -> int:
        """Bytes charged to the group without those that are on disk too, which the kernel takes back when it must."""
        memory = self.dirs["memory"]
        usage = int((memory / ("memory.usage_in_bytes" if self.version == 1 else "memory.current")).read_text())
        prefix = "total_" if self.version == 1 else ""
        found = re.findall(rf"^{prefix}(?:in)?active_file (\d+)$", (memory / "memory.stat").read_text(), re.MULTILINE)
        return max(0, usage - sum(map(int, found)))

    def set_cap(self, size: int) -> None:
        """Raises OSError (EBUSY, version 1) where more is in use."""
        files = self._cap_files
        raising = size > int((files[0]).read_text())
        for file in reversed(files) if raising else files:
            _write(file, str(size))

    def squeeze(self, size: int, full: int, sample: Callable[[], object]) -> int:
        """Lower the cap from `full` to `size` bytes; gives what it is now. Where more is in use, the kernel kills what
        is in the group, and `sample` is called again and again while its accounts can still be read."""
        used = self.in_use()
        now = self._lowered(max(size, used))
        self.reset_peak()
        if size < used:
            overfill(self.dirs["memory"] / "cgroup.procs", full // MB, lambda pid: self._is_left(pid, sample))
        return now

    def _lowered(self, size: int) -> int:
        for cap in range(size, size + STUCK_MB * MB, MB):
            try:
                self.set_cap(cap)
            except OSError as problem:
                if problem.errno != errno.EBUSY:
                    raise
            else:
                return cap
        raise EngineError(f"the cap of {self.dirs['memory'].name} cannot be lowered to {size} bytes")

    def _is_left(self, pid: int, sample: Callable[[], object]) -> bool:
        """Whether nothing but this process is."""
        sample()
        try:
            return set(self.pids()) <= {pid}
        except OSError:  # removed, once everything in it was gone
            return True

    # --- ending -----------------------------------------------------------------------------------------

    def pids(self) -> list[int]:
        """Every process in the group, frozen or not."""
        return [int(line) for line in (self.dirs["freezer"] / "cgroup.procs").read_text().split()]

    def kill_all(self, timeout: float = 5.0) -> None:
        """SIGKILL everything and wait until it is gone. Version 1 delivers it to frozen tasks only once thawed."""
        deadline = _clock.monotonic() + timeout
        while pids := self.pids():
            if _clock.monotonic() > deadline:
                raise EngineError(f"processes {pids} did not die within {timeout} s")
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):  # it went between the listing and the signal
                    os.kill(pid, signal.SIGKILL)
            self.thaw()
            os.sched_yield()

    def close(self) -> None:
        """Let go of what is held open. Safe to call twice."""
        with self._lock:
            for descriptor in self._kept.values():
                os.close(descriptor)
            self._kept.clear()

    def remove(self) -> None:
        """Take the directories away. Safe to call twice; raises OSError while a process is still inside."""
        self.close()
        for path in set(self.dirs.values()):
            with contextlib.suppress(FileNotFoundError):
                path.rmdir()


def _version(root: Path) -> int:
    return 2 if (root / "cgroup.controllers").exists() else 1


def _entries(text: str) -> list[tuple[str, str, str]]:
    """/proc/PID/cgroup as (hierarchy, controllers, path); version 2's line is hierarchy 0 with no controllers."""
    return [(a, b, c) for a, b, c in (line.split(":", 2) for line in text.splitlines())]


def _under(root: Path, controller: str, path: str, version: int) -> Path | None:
    """None for a path outside what this process's own cgroup namespace shows (`/../..`)."""
    if not path or ".." in path.split("/"):
        return None
    return (root / controller if version == 1 else root) / path.lstrip("/")


def _write(file: Path, text: str) -> None:
    descriptor = os.open(file, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
