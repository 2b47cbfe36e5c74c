"""Recurring moments on a rig's clock: each once, in order, whoever comes to it first.

With a clock that is moved by hand, `advance` does what is due on its way; with one that runs, a thread does, too.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from emulator.clock import Clock

ROUNDING_S = 2e-6
log = logging.getLogger(__name__)


class Recurring(Protocol):
    """Moments in seconds since the epoch. Two that are equal have the same."""

    def first(self, now: float) -> float | None:
        """The first one for who begins now, if there is any."""

    def after(self, moment: float) -> float | None:
        """The next one after one of them, if there is any."""


@dataclass
class _Entry:
    recurring: Recurring
    due: float | None
    times: int = 0


# (name, the moment in seconds since the epoch, how many times it came, whether the clock waits until it is done)
Reached = Callable[[str, float, int, bool], None]


class Timetable:
    """An agenda of the clock. reached: does what is due. thread: the name of the thread for a clock that runs."""

    def __init__(self, clock: Clock, reached: Reached, thread: str) -> None:
        self._clock, self._reached, self._name = clock, reached, thread
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()
        self._poke, self._closed = threading.Event(), False
        self._thread: threading.Thread | None = None
        clock.keep(self)

    def set(self, wanted: Mapping[str, Recurring]) -> None:
        """These and no others. One that is there already goes on; a new or changed one begins now."""
        with self._lock:
            for name in [name for name in self._entries if name not in wanted]:
                del self._entries[name]
            for name, recurring in wanted.items():
                known = self._entries.get(name)
                if known is None or known.recurring != recurring:
                    self._entries[name] = _Entry(recurring, recurring.first(self._clock.epoch()))
            self._run_by_itself()
        self._poke.set()
        self._clock.wake()

    def due(self) -> float | None:
        """Rig seconds of what comes next."""
        with self._lock:
            moments = [one.due for one in self._entries.values() if one.due is not None]
        return self._moment(min(moments)) if moments else None

    def act(self, moment: float) -> None:
        """Do what is due, one after another, and see each come to an end."""
        for name, at, times in self._claim(moment):
            self._reached(name, at, times, True)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._entries.clear()

    def close(self) -> None:
        """Forget all, for good; no thread is left."""
        with self._lock:
            self._closed = True
            self._entries.clear()
        self._poke.set()
        self._clock.wake()
        if self._thread is not None:
            self._thread.join()

    def _run_by_itself(self) -> None:
        if self._entries and self._thread is None and not self._clock.manual and not self._closed:
            self._thread = threading.Thread(target=self._mind, name=self._name, daemon=True)
            self._thread.start()

    def _mind(self) -> None:
        while True:
            self._poke.clear()
            if self._closed:  # looked at after the clearing, or a close between the two would be missed
                return
            moment = self.due()
            if moment is None:
                self._poke.wait()
            elif self._clock.wait_until(moment, self._poke):
                for claimed in self._claim(moment):
                    self._try(*claimed)

    def _try(self, name: str, at: float, times: int) -> None:
        """The thread outlives what it could not do; nobody else would hear of it."""
        try:
            self._reached(name, at, times, False)
        except Exception:
            log.exception("%s: what was due for %s failed", self._name, name)

    def _moment(self, due: float) -> float:
        """In rig time, to a tenth of a millisecond and not later: what is due 300 s after now is so at now + 300, which
        times of day as floats or datetimes are not exact enough for."""
        return math.floor((self._clock.moment(due) + ROUNDING_S) * 1e4) / 1e4

    def _claim(self, moment: float) -> list[tuple[str, float, int]]:
        claimed = []
        with self._lock:
            for name, one in sorted(self._entries.items()):
                if one.due is not None and self._moment(one.due) <= moment:
                    one.times += 1
                    claimed.append((name, one.due, one.times))
                    one.due = one.recurring.after(one.due)
        return claimed
