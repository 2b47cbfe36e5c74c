"""socket_bandwidth: a connection over which little passes at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import param
from emulator.model import Chunks, Line
from emulator.socket_fault import SocketFault


@dataclass(frozen=True)
class SocketBandwidth(SocketFault):
    """No more than `rate` passes in a second, in real time: a large result takes as long as its size says, a small one
    no time. The sender can be ahead by 16 MB, which wait in the rig."""

    name: ClassVar[str] = "socket_bandwidth"

    rate: int = param(100, "KB/s", "of 1,000 bytes", least=1)

    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        piece, free = max(1, self.rate * 20), 0.0  # what passes in 20 ms, so that it does not come in gushes
        for came, data in chunks:
            for start in range(0, len(data), piece):
                part = data[start : start + piece]
                free = max(free, came) + len(part) / (self.rate * 1000)
                line.wait(free - line.now())
                yield part
