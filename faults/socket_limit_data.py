"""socket_limit_data: a connection is closed after so much data."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import param
from emulator.model import Chunks, Line
from emulator.socket_fault import SocketFault


@dataclass(frozen=True)
class SocketLimitData(SocketFault):
    """When `after_bytes` have passed, both sides see the connection closed (FIN), as by a proxy with a quota: an answer
    ends in its middle."""

    name: ClassVar[str] = "socket_limit_data"
    color: ClassVar[str] = "red"

    after_bytes: int = param(1000, "bytes", "that pass before the close")

    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        left = self.after_bytes
        for _, data in chunks:
            passing, kept = data[:left], data[left:]
            left -= len(passing)
            yield passing
            if not left and not line.close():
                yield kept  # the rule was disarmed meanwhile
