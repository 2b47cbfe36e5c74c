"""A connection for shapes of sockets' faults alone: time passes only as they wait."""

from __future__ import annotations

import random
from collections.abc import Sequence


class Line:
    """What a shape may do, noted. waited: seconds of each wait. closed: in order."""

    def __init__(self) -> None:
        self.at, self.waited, self.closed = 0.0, [], False

    def now(self) -> float:
        return self.at

    def wait(self, seconds: float) -> bool:
        self.waited.append(round(seconds, 6))
        self.at += max(0.0, seconds)
        return True

    def close(self) -> bool:
        self.closed = True
        return True


class Chunks(list):
    """All came when the connection was made, the end too."""

    ended = 0.0

    def __init__(self, parts: Sequence[bytes]) -> None:
        super().__init__((0.0, part) for part in parts)


def shaped(fault, parts: Sequence[bytes], seed: int = 1) -> Line:
    """The line, when all that is in `parts` has passed the fault's shape."""
    line = Line()
    line.given = list(fault.shape(Chunks(parts), line, random.Random(seed)))
    return line
