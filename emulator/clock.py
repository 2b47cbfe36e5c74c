"""The only source of time. Nothing else in the rig imports `time`.

Two times: `wall()` and `monotonic()` are the machine's, for log lines, deadlines and measurements;
`now()` is the rig's own, in seconds since it started, which faults, visibility windows, idle expiry and
retries read. The rig's time runs with the machine's, or stands still until `advance()` when `manual`. What must happen
at moments that `advance` goes over stands on an agenda.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import datetime, timezone
from typing import Protocol


class Agenda(Protocol):
    """What happens at certain moments of rig time."""

    def due(self) -> float | None:
        """The first of them, if there is one."""

    def act(self, moment: float) -> None:
        """Do what is due at `moment`, and return when it is done; `due` must then have gone on."""


class Clock:
    """Machine time for what a handler can see, rig time for what only the rig can."""

    def __init__(self, manual: bool = False) -> None:
        self.manual = manual
        self._start, self._began = time.monotonic(), _exact(time.time())
        self._advanced, self._restarts = 0.0, 0
        self._moved = threading.Condition()
        self._advancing = threading.RLock()
        self._agendas: list[Agenda] = []

    def wall(self) -> float:
        """Seconds since the epoch, the machine's."""
        return time.time()

    def utc(self) -> datetime:
        """The machine's time of day as an aware UTC datetime."""
        return datetime.fromtimestamp(time.time(), timezone.utc)

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring and for deadlines."""
        return time.monotonic()

    def now(self) -> float:
        """Seconds of rig time since the rig started."""
        real = 0.0 if self.manual else time.monotonic() - self._start
        return real + self._advanced

    def epoch(self, moment: float | None = None) -> float:
        """The rig's time of day, in seconds since the epoch: what sessions and tokens expire by. moment: of rig time,
        instead of now."""
        return self._began + (self.now() if moment is None else moment)

    def moment(self, epoch: float) -> float:
        """When in rig time it is that time of day."""
        return epoch - self._began

    def advance(self, seconds: float) -> None:
        """Move rig time forward and wake whoever waits for it. What stands on an agenda on the way is done at its
        moment, in order, before this returns."""
        if not (seconds >= 0 and math.isfinite(seconds)):
            raise ValueError(f"time goes forward, by a number of seconds: advance({seconds})")
        with self._advancing:
            end = self._advanced + seconds
            while found := self._next(self.now() + end - self._advanced):
                moment, agenda = found
                self._move(min(end, self._advanced + max(0.0, moment - self.now())))
                agenda.act(moment)
            self._move(end)

    def reach(self, moment: float) -> None:
        """It is `moment` now, unless it is later: for a wait that only the rig could see, which nobody waits out. What
        stands on an agenda on the way is done by whoever minds it."""
        with self._moved:
            self._move(self._advanced + max(0.0, moment - self.now()))

    def restart(self) -> None:
        """As if made just now: moments of before do not come any more."""
        with self._advancing, self._moved:
            self._restarts += 1
            self._start, self._began, self._advanced = time.monotonic(), _exact(time.time()), 0.0
            self._moved.notify_all()

    def keep(self, agenda: Agenda) -> None:
        """Mind what stands on this agenda, from now on."""
        self._agendas.append(agenda)

    def _next(self, until: float) -> tuple[float, Agenda] | None:
        due = [(moment, agenda) for agenda in self._agendas if (moment := agenda.due()) is not None]
        first = min(due, key=lambda one: one[0], default=None)
        return first if first and first[0] <= until else None

    def _move(self, advanced: float) -> None:
        with self._moved:
            self._advanced = max(self._advanced, advanced)
            self._moved.notify_all()

    def wait_until(self, moment: float, stop: threading.Event) -> bool:
        """Block until rig time reaches `moment`; False when `stop` was set first, or time began anew."""
        with self._moved:
            begun = self._restarts
            while not stop.is_set() and begun == self._restarts and (left := moment - self.now()) > 0:
                self._moved.wait(None if self.manual else min(left, threading.TIMEOUT_MAX))
            return not stop.is_set() and begun == self._restarts

    def wake(self) -> None:
        """Let every `wait_until` look at its stop event again."""
        with self._moved:
            self._moved.notify_all()

    def stall(self, seconds: float) -> None:
        """Really wait: for delays that a handler's own clock can see."""
        time.sleep(max(0.0, seconds))


def _exact(epoch: float) -> float:
    """A 64th of a second earlier at most: seconds added to it and taken off again are the same seconds, as floats and
    as datetimes, of whose microseconds others are no whole number."""
    return math.floor(epoch * 64) / 64
