"""socket_slow_close: the close of a connection takes its time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import param
from emulator.model import Chunks, Line
from emulator.socket_fault import SocketFault


@dataclass(frozen=True)
class SocketSlowClose(SocketFault):
    """Everything passes at once, but the sender's close arrives `delay_ms` later, in real time: a driver that waits for
    the server's end of the connection waits so long; upstream, the server learns so late that a handler has left."""

    name: ClassVar[str] = "socket_slow_close"

    delay_ms: int = param(1000, "ms", "by which the close is late")

    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        for _, data in chunks:
            yield data
        line.wait(self.delay_ms / 1000)
