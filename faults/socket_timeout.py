"""socket_timeout: nothing gets through a connection, until it is closed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import param
from emulator.model import Chunks, Line
from emulator.socket_fault import SocketFault


@dataclass(frozen=True)
class SocketTimeout(SocketFault):
    """The connection is made, nothing gets through it, and `timeout_ms` later both sides see it closed. With 0 nobody
    closes it: a handler without a timeout of its own runs into the function's. What is on its way when the rule is
    disarmed arrives then, as TCP sends again what was lost."""

    name: ClassVar[str] = "socket_timeout"

    timeout_ms: int = param(1000, "ms", "real time from connecting to the close; 0: never, while the rule is armed")

    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        if line.wait(self.timeout_ms / 1000 if self.timeout_ms else math.inf):
            line.close()
        yield from ()  # what waits meanwhile goes on its way when the rule is disarmed
