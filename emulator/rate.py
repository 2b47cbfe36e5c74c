"""A token bucket, as AWS and SaaS hosts count requests. No clock: the moment is handed in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class Bucket:
    """Full at first: holds `burst` tokens, and gets `rate` of them back every second. Not thread-safe."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, now: float) -> bool:
        """Take one, if there is one. now: seconds that never go back."""
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        there = self._tokens > 1 - 1e-9  # what came back in tenths may be a hair less than a whole one
        self._tokens -= there
        return there

    def wait(self) -> float:
        """Seconds from the last `take` until there is one again; infinite where none comes back."""
        return max(0.0, 1 - self._tokens) / self.rate if self.rate else math.inf

    def problem(self) -> str:
        """Why it cannot be, or nothing."""
        return "a rate needs a burst of 1 or more to collect in" if self.rate and self.burst < 1 else ""
