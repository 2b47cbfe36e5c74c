"""The process engine's control groups: named after the rig that made them, so that a killed rig's can be removed."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from emulator.errors import EngineError
from emulator.functions.engines.cgroup import CONTROLLERS, PARENT, ROOT, Cgroup

_OWNER = re.compile(r"\.(\d+)-(\d+)\.\d+$")


def group_name(rig_id: str, number: int) -> str:
    """`RIG.PID-STARTTIME.NUMBER`: the start time tells the owner from a later process with its number."""
    return f"{re.sub(r'[^a-zA-Z0-9_-]+', '-', rig_id)}.{os.getpid()}-{_start_time(os.getpid())}.{number}"


def can_make(name: str) -> bool:
    """Whether control groups can be made here."""
    try:
        Cgroup.create(name, 1 << 27, 100_000, 16).remove()
    except EngineError:
        return False
    return True


def sweep(root: Path = ROOT) -> None:
    """Remove the groups whose rig is gone."""
    version = 2 if (root / "cgroup.controllers").exists() else 1
    parents = {name: (root / name if version == 1 else root) / PARENT for name in CONTROLLERS}
    names = {path.name for parent in parents.values() if parent.is_dir() for path in parent.iterdir()}
    for name in names:
        if (owner := _OWNER.search(name)) and _start_time(int(owner[1])) != owner[2]:
            with contextlib.suppress(OSError, EngineError):  # another sweep is at it, or it is not ours to remove
                _bury(Cgroup({c: parent / name for c, parent in parents.items()}, version))


def _bury(group: Cgroup) -> None:
    """What is still inside can only be frozen. Process 0 is one of another container's: its rig cannot be judged."""
    with contextlib.suppress(FileNotFoundError):  # half removed before
        if all(group.pids()):
            group.kill_all()
    group.remove()


@contextlib.contextmanager
def doors(group: Cgroup | None) -> Iterator[dict[str, list[int]]]:
    """Descriptors for a launcher. groups: writing 0 to each puts the writing thread into the group. thaw: to be written
    before what is frozen can be killed (version 1).

    Under version 1 these are the `tasks` files: a thread that moves itself is spared the wait, some ms per controller,
    that moving a process by its id takes.
    """
    if group is None:
        yield {"groups": [], "thaw": []}
        return
    entry = "tasks" if group.version == 1 else "cgroup.procs"
    with contextlib.ExitStack() as stack:
        groups = [_opened(stack, folder / entry) for folder in sorted(set(group.dirs.values()))]
        thaw = [_opened(stack, group.dirs["freezer"] / "freezer.state")] if group.version == 1 else []
        yield {"groups": groups, "thaw": thaw}


def _opened(stack: contextlib.ExitStack, path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY)
    stack.callback(os.close, descriptor)
    return descriptor


def _start_time(pid: int) -> str:
    """In ticks since boot; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
