"""One container of a function: its pipe, its freezer, its accounts, its end.

Where this process sees the container's processes (the usual case), freezing, measuring and noticing a death go past the
daemon: control group files and a pidfd, microseconds instead of milliseconds. Where it does not (the rig itself in a
container), the daemon is asked.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines import docker_memory
from emulator.functions.engines.cgroup import Cgroup
from emulator.functions.engines.docker_daemon import answering
from emulator.functions.engines.protocol import Exit

if TYPE_CHECKING:
    from docker import APIClient

SETTLE_S = 10.0  # from the death of the process to the daemon's record of it
ATTACH_S = 0.0005


class DockerSandbox:
    """Made before its container, so that the pipe is there when the container starts. See protocol.Sandbox."""

    def __init__(self, env_id: str, api: APIClient, clock: Clock, folder: Path, listener: socket.socket) -> None:
        self.id, self.runtime_api, self.folder = env_id, listener, folder
        self.log = _pipe(folder / "log")
        self.native_id, self.address, self.started_at = "", "", 0.0
        self._api, self._clock = api, clock
        self._cap = self._last_peak = self._oom_kills = self._lacking = self._taken = 0
        self._pidfd: int | None = None
        self._cgroup: Cgroup | None = None
        self._by_file = False
        self._exit: Exit | None = None
        self._lock, self.killed = threading.Lock(), False

    def attach(self, network: str) -> None:
        """Call once the container is started: find its process, and wait until that has opened the pipe (2-5 ms).

        Until then the pipe has no writer and would read as ended.
        """
        document = self._api.inspect_container(self.native_id)
        self.started_at = self._clock.monotonic() - (self._clock.wall() - _epoch(document["State"]["StartedAt"]))
        self._cap = document["HostConfig"]["Memory"]
        self.address = document["NetworkSettings"]["Networks"][network]["IPAddress"]
        self._find_process(document["State"]["Pid"])
        while _hung_up(self.log) and self.alive():
            self._clock.stall(ATTACH_S)

    def _find_process(self, pid: int) -> None:
        """The daemon's number for the process means another one, or none, in a different process namespace."""
        try:
            pidfd = os.pidfd_open(pid)
        except (OSError, OverflowError, ValueError):
            return
        if self.native_id not in _groups(pid):
            os.close(pidfd)
            return
        self._pidfd, self._cgroup = pidfd, Cgroup.of_pid(pid)
        self._by_file = self._cgroup is not None and self._cgroup.can_freeze

    # --- freezing ---------------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop every process. On a sandbox that has died, this and `thaw` do nothing."""
        with self._unless_dead("frozen"):
            if self._by_file and self._cgroup is not None:
                self._cgroup.freeze()
            else:
                self._api.pause(self.native_id)

    def thaw(self) -> None:
        with self._unless_dead("thawed"):
            if self._by_file and self._cgroup is not None:
                self._cgroup.thaw()
            else:
                self._api.unpause(self.native_id)

    @contextlib.contextmanager
    def _unless_dead(self, what: str) -> Iterator[None]:
        """A failure is one only while the process lives: its death is told by the pipe, not from here."""
        try:
            with answering(f"{self.id} cannot be {what}"):
                yield
        except (OSError, EngineError) as problem:
            if self.alive():
                raise EngineError(f"{self.id} cannot be {what}: {problem}") from problem

    # --- measuring --------------------------------------------------------------------------------------

    def peak_memory(self) -> int:
        """Bytes, page cache included, as the cap counts them; after the end, the last that was seen.

        Without readable control groups it is what the daemon's statistics have: the peak since the start under
        control groups version 1, what is in use now under version 2.
        """
        if self._cgroup is None:
            self._sample_daemon()
        else:
            with contextlib.suppress(OSError):  # removed: the sample before stands
                self._last_peak = min(self._cgroup.peak() + self._taken, self._cap)
        return self._last_peak

    def reset_peak(self) -> None:
        self._taken = self._lacking
        if self._cgroup is not None:
            with self._unless_dead("measured"):
                self._cgroup.reset_peak()

    def _sample(self) -> None:
        """Read the accounts while they last: the daemon removes them some ms after the end."""
        self.peak_memory()
        if self._cgroup is not None:
            with contextlib.suppress(OSError):  # removed
                self._oom_kills = self._cgroup.oom_kills()

    def _sample_daemon(self) -> None:
        peak = docker_memory.measure(self._api, self.native_id)[1]
        self._last_peak = min(peak + self._taken, self._cap) if peak else self._last_peak

    # --- squeezing --------------------------------------------------------------------------------------

    def memory_in_use(self) -> int:
        with self._unless_dead("measured"):
            if self._cgroup is not None:
                return self._cgroup.in_use()
            return docker_memory.measure(self._api, self.native_id)[0]
        return 0

    def squeeze(self, limit: int | None) -> None:
        """By the control group's files; where these cannot be written, by the daemon."""
        with self._unless_dead("squeezed"):
            group = self._cgroup if self._cgroup is not None and self._cgroup.can_squeeze else None
            if limit is None:
                self._lacking = 0
                if group is not None:
                    group.set_cap(self._cap)
                else:
                    docker_memory.set_cap(self._api, self.native_id, self._cap)
            elif group is not None:
                self._lacking = self._taken = self._cap - group.squeeze(limit, self._cap, self._sample)
            else:
                self._lacking = self._taken = self._cap - docker_memory.squeeze(self._api, self.native_id, limit)

    # --- ending -----------------------------------------------------------------------------------------

    def alive(self) -> bool:
        """Asks the kernel; the daemon (2 ms) only where the process cannot be seen."""
        if self.killed or self._exit is not None:
            return False
        if self._pidfd is not None:
            return not _readable(self._pidfd, 0)
        return bool(self._state()["Running"])

    def wait(self, timeout: float) -> Exit | None:
        """The init process reports a signal as status 128 + its number, as a shell does: so a handler that exits with
        137 itself looks killed. 129 is left a status: AWS's Node client exits with it, and nothing hangs up here."""
        if self._exit is None:
            self._sample()
            if self._pidfd is not None and not _readable(self._pidfd, timeout):
                return None
            self._sample()
            self._exit = self._ended(timeout if self._pidfd is None else SETTLE_S)
        return self._exit

    def _ended(self, timeout: float) -> Exit | None:
        from docker.errors import NotFound
        from requests.exceptions import ConnectionError, ReadTimeout

        try:
            self._api.wait(self.native_id, timeout=max(timeout, 0.001))  # type: ignore[arg-type]
        except NotFound:
            pass  # removed: `_state` says so
        except (ReadTimeout, ConnectionError):  # the client's two spellings of a wait that took too long
            if self.alive():
                return None
        return self._exit or self._read_exit(self._state())

    def _read_exit(self, state: dict[str, Any]) -> Exit:
        status = state["ExitCode"]
        number = status - 128 if 130 <= status <= 128 + signal.SIGRTMAX else None
        oom = number == signal.SIGKILL and (state["OOMKilled"] or self._oom_kills > 0)
        if oom:
            self._last_peak = self._cap  # the kernel kills for the cap only once all of it is used
        return Exit(code=None if number else status, signal=number, oom=oom)

    def _state(self) -> dict[str, Any]:
        from docker.errors import NotFound

        with answering(f"looking at {self.id}"):
            try:
                state: dict[str, Any] = self._api.inspect_container(self.native_id)["State"]
            except NotFound:  # removed by force, that is killed, by whoever
                return {"Running": False, "ExitCode": 128 + signal.SIGKILL, "OOMKilled": False}
            return state

    def kill_runtime(self) -> None:
        """Its process 1 is the one, and takes the others with it."""
        with self._lock:
            if self.killed:
                return
            self._sample()
            if self._pidfd is not None:
                with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
                return
        with self._unless_dead("killed"):
            self._api.kill(self.native_id, "SIGKILL")

    def kill(self) -> None:
        with self._lock:
            if self.killed:
                return
            self.killed = True
        self._exit = self._exit or Exit(code=None, signal=int(signal.SIGKILL))
        try:
            if self.native_id:
                self._remove()
        finally:
            self._free()

    def _remove(self) -> None:
        from docker.errors import APIError

        if self._by_file and self._cgroup is not None:
            # The daemon does not know of our freezing, and a frozen process does not die of its signal.
            with contextlib.suppress(OSError):  # it has ended, and its group with it
                self._cgroup.kill_all()
        with answering(f"removing {self.id}"):
            try:
                self._api.remove_container(self.native_id, force=True, v=True)
            except APIError as refusal:
                if refusal.status_code not in (404, 409):  # gone, or being removed by another: as wanted
                    raise

    def _free(self) -> None:
        with contextlib.suppress(OSError):  # wakes a thread that waits in accept(); not every state allows it
            self.runtime_api.shutdown(socket.SHUT_RDWR)
        self.runtime_api.close()
        os.close(self.log)
        self.log = -1  # a late reader gets EBADF, not somebody else's file
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        if self._cgroup is not None:
            self._cgroup.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _pipe(path: Path) -> int:
    """Make the pipe and return its non-blocking read end.

    A pipe that never had a writer polls as quiet; one whose writer left polls as hung up. Letting a writer of our own
    come and go puts it in the second state, so that `hung up` always means: nobody is writing now.
    """
    os.mkfifo(path)
    path.chmod(0o622)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    return reader


def _events(descriptor: int, timeout_ms: float) -> int:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return next((event for _, event in poll.poll(timeout_ms)), 0)


def _hung_up(descriptor: int) -> bool:
    """Nobody writes, and nothing is left to read."""
    return _events(descriptor, 0) == select.POLLHUP


def _readable(descriptor: int, timeout: float) -> bool:
    """A pidfd becomes readable when its process ends, before it is reaped."""
    return bool(_events(descriptor, timeout * 1000))


def _groups(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return ""


def _epoch(stamp: str) -> float:
    """The daemon writes up to nine digits of a second, more than `fromisoformat` reads."""
    whole, _, fraction = stamp.rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}+00:00").timestamp() + float(f"0.{fraction or 0}")
