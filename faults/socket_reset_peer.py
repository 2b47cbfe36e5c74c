"""socket_reset_peer: a connection is reset by the peer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import param
from emulator.model import Chunks, Line
from emulator.socket_fault import SocketFault


@dataclass(frozen=True)
class SocketResetPeer(SocketFault):
    """When the first data comes (downstream: the server's first answer), it is lost and both sides get a reset (RST):
    the handler sees `Connection reset by peer`. `after_bytes` lets the login pass, so that a query is what fails."""

    name: ClassVar[str] = "socket_reset_peer"
    color: ClassVar[str] = "red"

    timeout_ms: int = param(0, "ms", "real time from that data to the reset")
    after_bytes: int = param(0, "bytes", "that pass first")

    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        left = self.after_bytes
        for _, data in chunks:
            passing, kept = data[:left], data[left:]
            left -= len(passing)
            yield passing
            if kept and not (line.wait(self.timeout_ms / 1000) and line.reset()):
                yield kept  # the rule was disarmed meanwhile
