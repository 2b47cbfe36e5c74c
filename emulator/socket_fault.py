"""Faults that do something to the bytes of connections to databases and other relayed hosts."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.model import Chunks, Connection, Line, Link, Release


@dataclass(frozen=True)
class SocketFault(Fault, ABC):
    """Base of a fault that shapes what passes through connections at relays, each from its beginning until the rule is
    disarmed. A subclass says how, in `shape`."""

    color: ClassVar[str] = "blue"

    direction: Literal["upstream", "downstream", "both"] = param(
        "downstream", "", "which way: `upstream` is from the function to the host, `downstream` back; or `both`"
    )

    @abstractmethod
    def shape(self, chunks: Chunks, line: Line, dice: random.Random) -> Iterator[bytes]:
        """See `emulator.model.Shape`. dice: of this connection and direction."""

    def new_state(self) -> Release:
        return Release()

    def on_connect(self, subject: Connection, proceed: Callable[[], Link], ctx: Context) -> Link:
        link, seed = proceed(), ctx.random.random()
        if link.verdict != "connected":
            return link
        ways = ("upstream", "downstream") if self.direction == "both" else (self.direction,)
        mine = [(way, partial(self.shape, dice=random.Random(f"{seed}/{way}")), ctx.state) for way in ways]
        return replace(link, shapes=(*mine, *link.shapes))

    def heal(self, ctx: Context) -> None:
        ctx.state.release()
