"""The only source of time. Nothing else in the rig imports `time`.

Two times: `wall()` and `monotonic()` are the machine's, for log lines, deadlines and measurements;
`now()` is the rig's own, in seconds since it started, which faults, visibility windows, idle expiry and
retries read. The rig's time runs with the machine's, or stands still until `advance()` when `manual`.
"""

from __future__ import annotations

import math
import threading
import time
from datetime import datetime, timezone


class Clock:
    """Machine time for what a handler can see, rig time for what only the rig can."""

    def __init__(self, manual: bool = False) -> None:
        self.manual = manual
        self._start, self._began = time.monotonic(), time.time()
        self._advanced = 0.0
        self._moved = threading.Condition()

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

    def epoch(self) -> float:
        """The rig's time of day, in seconds since the epoch: what sessions and tokens expire by."""
        return self._began + self.now()

    def advance(self, seconds: float) -> None:
        """Move rig time forward and wake whoever waits for it."""
        if not (seconds >= 0 and math.isfinite(seconds)):
            raise ValueError(f"time goes forward, by a number of seconds: advance({seconds})")
        with self._moved:
            self._advanced += seconds
            self._moved.notify_all()

    def wait_until(self, moment: float, stop: threading.Event) -> bool:
        """Block until rig time reaches `moment`; False when `stop` was set first."""
        with self._moved:
            while not stop.is_set() and (left := moment - self.now()) > 0:
                self._moved.wait(None if self.manual else min(left, threading.TIMEOUT_MAX))
        return not stop.is_set()

    def wake(self) -> None:
        """Let every `wait_until` look at its stop event again."""
        with self._moved:
            self._moved.notify_all()

    def stall(self, seconds: float) -> None:
        """Really wait: for delays that a handler's own clock can see."""
        time.sleep(max(0.0, seconds))
