"""The one append-only record of what happened; assertions, reports and the fingerprint read only this."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass

from emulator.clock import Clock

KEPT = 200_000  # events a long-running rig keeps; older ones leave the list and the fingerprint says so


@dataclass(frozen=True)
class Event:
    """`subject` passed `point`; `outcome` is what came of it. at: rig seconds.

    rule: label of the rule that struck, several with commas between, or empty. detail: for people; never part of
    the fingerprint.
    """

    seq: int
    at: float
    subject: str
    point: str
    rule: str
    outcome: str
    detail: str = ""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


class Timeline:
    """Thread-safe; listeners are called in the thread that recorded the event. kept: the most events it keeps. run:
    number of the run that it tells of; `clear` begins the next one."""

    def __init__(self, clock: Clock, kept: int = KEPT) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._events: deque[Event] = deque(maxlen=kept)
        self._seq = self.run = 0
        self._listeners: list[Callable[[Event], None]] = []

    def record(
        self, subject: str, point: str, rule: str, outcome: str, detail: str = "", run: int | None = None
    ) -> Event | None:
        """Append one event. run: the one it began in; if that is over, it is not recorded."""
        with self._lock:
            if run is not None and run != self.run:
                return None
            self._seq += 1
            event = Event(self._seq, round(self._clock.now(), 6), subject, point, rule, outcome, detail)
            self._events.append(event)
        for listener in self._listeners:
            listener(event)
        return event

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` with every event from now on."""
        self._listeners.append(listener)

    def events(self, since: int = 0) -> list[Event]:
        """Events with a sequence number above `since`, oldest first."""
        with self._lock:
            return [event for event in self._events if event.seq > since]

    def strikes(self, rule: str | None = None) -> list[Event]:
        """Events in which a rule (this one, if given) had an effect."""
        return [e for e in self.events() if e.rule and (rule is None or rule in e.rule.split(","))]

    def fingerprint(self) -> str:
        """sha256 over the sorted (subject, point, rule, outcome): no time, no order of arrival."""
        with self._lock:
            rows, recorded = [(e.subject, e.point, e.rule, e.outcome) for e in self._events], self._seq
        rows.sort()
        dropped = [["dropped", recorded - len(rows)]] if recorded > len(rows) else []
        return hashlib.sha256(json.dumps([*dropped, *rows]).encode()).hexdigest()

    def clear(self) -> None:
        """Forget everything, as at the start of a run."""
        with self._lock:
            self._events.clear()
            self._seq = 0
            self.run += 1
