"""The writes of each thing, oldest first, with what the thing was since then.

Bounded: of each thing the newest KEPT versions (AWS keeps some 100 versions of a secret; what a copy shares with the
original, as texts, costs nothing), and of things that are gone the last GONE.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from emulator.clock import Clock
from emulator.visibility import Moment, Write

KEPT, GONE = 100, 1000


@dataclass(frozen=True)
class Version:
    """What a thing was since a write; snapshot None: it was not there."""

    write: Write
    snapshot: Any


BEFORE = Version(Write(0, float("-inf"), "", False), None)


class History:
    """Thread-safe. Times ascend with serials, since both are given out under one lock.

    lock: whoever writes and then records what came of it holds it over both, so that versions are in the writes' order.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.lock = threading.RLock()
        self._things: dict[str, tuple[Version, ...]] = {}
        self._gone: dict[str, None] = {}
        self._serial = 0

    def append(self, thing: str, what: str, snapshot: Any) -> None:
        """A thing is something else now; None: it is not there."""
        with self.lock:
            self._serial += 1
            version = Version(Write(self._serial, self._clock.now(), what, snapshot is not None), snapshot)
            self._things[thing] = (*self._things.get(thing, (BEFORE,)), version)[-KEPT:]
            self._gone.pop(thing, None)
            if snapshot is None:
                self._bury(thing)

    def versions(self, thing: str) -> tuple[Version, ...]:
        """At least one: that it was not there."""
        return self._things.get(thing, (BEFORE,))

    def newest(self, thing: str) -> Any:
        """The last snapshot; None where there is no such thing now."""
        return self.versions(thing)[-1].snapshot

    def things(self, prefix: str) -> list[str]:
        """Those whose names begin so, gone ones too."""
        with self.lock:
            return [thing for thing in self._things if thing.startswith(prefix)]

    def moment(self) -> Moment:
        """Now."""
        with self.lock:
            return Moment(self._clock.now(), self._serial)

    def clear(self) -> None:
        """Nothing was ever written."""
        with self.lock:
            self._things.clear()
            self._gone.clear()
            self._serial = 0

    def _bury(self, thing: str) -> None:
        self._gone[thing] = None
        while len(self._gone) > GONE:
            oldest = next(iter(self._gone))
            del self._gone[oldest], self._things[oldest]
