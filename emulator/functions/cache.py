"""The user's cache (LAMBDARIG_CACHE, else XDG's): what takes long to make is made once, whoever asks first."""

from __future__ import annotations

import fcntl
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path

MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}


def machine() -> str:
    """x86_64 or aarch64, as Linux and wheels name them."""
    here = platform.machine().lower()
    return MACHINES.get(here, here)


def folder() -> Path:
    """The cache itself; may not be there yet."""
    given = os.environ.get("LAMBDARIG_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base) / "lambdarig"


def kept(name: str) -> Path | None:
    """The folder `name` of the cache, if it has been made."""
    path = folder() / name
    return path if path.is_dir() else None


def keep(name: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` of the cache, filled by `make` unless it is there. One process makes, others wait for it."""
    done = folder() / name
    if done.is_dir():
        return done
    done.parent.mkdir(parents=True, exist_ok=True)
    with open(done.with_name(f".{done.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.is_dir():
            with tempfile.TemporaryDirectory(prefix=f".{done.name}.", dir=done.parent) as work:
                draft = Path(work) / done.name
                draft.mkdir(mode=0o755)
                make(draft)
                draft.rename(done)
    return done
