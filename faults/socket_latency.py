"""socket_latency: everything on a connection arrives later."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import param
from emulator.model import Chunks, Line
from emulator.socket_fault import SocketFault


@dataclass(frozen=True)
class SocketLatency(SocketFault):
    """What passes arrives `ms` later, in real time and in order, the other side's close too: every query that waits for
    its answer takes so much longer. To connect takes no longer."""

    name: ClassVar[str] = "socket_latency"

    ms: int = param(100, "ms", "by which everything is late")
    jitter_ms: int = param(0, "ms", "more or less than that, drawn from the seed for each piece that comes")

    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        due = 0.0
        for came, data in chunks:
            due = max(due, came + self._late(dice))  # what is late does not let others overtake it
            line.wait(due - line.now())
            yield data
        line.wait(max(due, chunks.ended + self._late(dice)) - line.now())

    def _late(self, dice: random.Random) -> float:
        return (self.ms + dice.uniform(-self.jitter_ms, self.jitter_ms)) / 1000
