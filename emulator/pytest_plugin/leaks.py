"""What a test left running: threads of its own, and sandboxes that no pool knows."""

from __future__ import annotations

import threading
from concurrent.futures import thread as executors
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.pytest_plugin.verbs import PytestRig

PATIENCE_S = 1.0  # for what is ending just now
REMOVAL_S = 60.0  # for what the rig is removing: a daemon that has much to do takes seconds for each


def threads(before: set[threading.Thread]) -> list[str]:
    """Threads that keep the interpreter from ending. Daemons do not; executors' workers are joined when it ends."""
    workers = getattr(executors, "_threads_queues", {})
    started = [one for one in threading.enumerate() if one not in before and not one.daemon and one not in workers]
    for thread in started:
        thread.join(PATIENCE_S / len(started))
    left = sorted(thread.name for thread in started if thread.is_alive())
    return [f"threads left running: {', '.join(left)}"] if left else []


def sandboxes(rig: PytestRig) -> list[str]:
    """Containers and processes that are there although the rig has forgotten all environments; once each."""
    clock = rig.clock
    end = clock.monotonic() + REMOVAL_S
    while rig.pool.burying() and clock.monotonic() < end:
        clock.stall(0.005)
    end = clock.monotonic() + PATIENCE_S
    while (left := [name for name in rig.engine.left() if name not in rig.told]) and clock.monotonic() < end:
        clock.stall(0.02)
    rig.told.update(left)
    return [f"sandboxes left running: {', '.join(left)}"] if left else []
