"""Files that say which process has the rig on a port: for the rigs that do not answer any more."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil

from emulator.errors import UsageError


@dataclass(frozen=True)
class Card:
    """started: seconds since the epoch at which the process began, so that its number is not taken for another's."""

    pid: int
    url: str
    started: float

    def process(self) -> psutil.Process | None:
        """The process that wrote it, while it lives."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1
        except psutil.NoSuchProcess:
            return None
        return process if same and lives(process) else None


def lives(process: psutil.Process) -> bool:
    """One that has ended may wait for ever to be noticed by its parent."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def folder() -> Path:
    """This user's, made when it is missing. Raises UsageError when somebody else has made it."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    base = runtime if runtime and os.access(runtime, os.W_OK | os.X_OK) else tempfile.gettempdir()
    path = Path(base) / f"lambdarig-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_uid != os.getuid():
        raise UsageError(f"{path} belongs to somebody else", "set XDG_RUNTIME_DIR to a folder of your own")
    return path


def path_of(port: int) -> Path:
    """Where the card of the rig on this port lies."""
    return folder() / f"{port}.json"


def log_of(port: int) -> Path:
    """Where a detached rig's log lies."""
    return folder() / f"{port}.log"


def write(port: int, url: str) -> Path:
    """This process has the rig on the port."""
    me = psutil.Process()
    path = path_of(port)
    path.write_text(json.dumps({"pid": me.pid, "url": url, "started": me.create_time()}))
    return path


def read(port: int) -> Card | None:
    """The card on this port, if there is one that can be read."""
    try:
        written = json.loads(path_of(port).read_text())
        return Card(int(written["pid"]), str(written["url"]), float(written["started"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def remove(port: int) -> None:
    """The rig has gone: with its card goes its log."""
    path_of(port).unlink(missing_ok=True)
    log_of(port).unlink(missing_ok=True)
