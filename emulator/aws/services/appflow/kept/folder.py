"""The folder of a state: one rig at a time has it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from emulator.errors import UsageError

FILE = "appflow.sqlite3"
LOCK = "lock"
_OURS = (FILE, f"{FILE}-wal", f"{FILE}-shm", f"{FILE}-journal", LOCK)
ANOTHER = "give an empty or a new folder"


class Folder:
    """Made where there is none, and held until `release`, or until the process ends, however it does. UsageError."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self._check()
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UsageError(f"the state folder {self.path} cannot be used: {error.strerror}", ANOTHER) from None
        try:
            self._take()
        except BaseException:
            os.close(self._descriptor)
            raise

    @property
    def file(self) -> Path:
        return self.path / FILE

    def _check(self) -> None:
        if not self.path.exists():
            return
        others = sorted(name for name in os.listdir(self.path) if name not in _OURS)
        if others and not self.file.exists():
            shown = ", ".join(others[:3]) + (", ..." if len(others) > 3 else "")
            raise UsageError(f"{self.path} is no state folder of lambdarig: it holds {shown}", ANOTHER)

    def _take(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(self._descriptor, 20, 0).decode().strip() or "unknown"
            mend = f"stop that one (lambdarig down with its --port, or kill {pid}), or give this one its own folder"
            raise UsageError(f"the state folder {self.path} is in use by another rig: process {pid}", mend) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Again is free."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)
