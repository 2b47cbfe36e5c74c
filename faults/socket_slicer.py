"""socket_slicer: data comes in small pieces."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import param
from emulator.model import Chunks, Line
from emulator.socket_fault import SocketFault


@dataclass(frozen=True)
class SocketSlicer(SocketFault):
    """What was sent at once comes in small segments, a moment apart in real time: a handler that takes what one `recv`
    gives it for a whole message is wrong."""

    name: ClassVar[str] = "socket_slicer"

    average_size: int = param(64, "bytes", "of a piece", least=1)
    size_variation: int = param(0, "bytes", "more or less than that, drawn from the seed for each piece")
    delay_ms: float = param(1.0, "ms", "between two pieces")

    def __post_init__(self) -> None:
        if self.size_variation >= self.average_size:
            raise ValueError("size_variation: must be less than average_size")

    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        for _, data in chunks:
            while data:
                size = dice.randint(self.average_size - self.size_variation, self.average_size + self.size_variation)
                yield data[:size]
                data = data[size:]
                if not line.wait(self.delay_ms / 1000):  # the rule was disarmed: the rest as it came
                    yield data
                    break
