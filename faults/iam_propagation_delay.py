"""iam_propagation_delay: what IAM was told is not in effect yet: AccessDenied although IAM shows the policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.scope import Match
from emulator.visibility import Lag, Moment, Read, Seen, Sightings


@dataclass(frozen=True)
class IamPropagationDelay(Fault):
    """Calls are authorised by older policies of the caller's role or user: a grant does not help yet, a revocation does
    not hurt yet. `delay`: until some seconds after the write, for everyone. `sticky`: besides, an execution environment
    that cold-started within them keeps what it saw then for its warm life. `flapping`: some endpoints have it at once,
    others not before the seconds are over; which one answers is diced for each call."""

    name: ClassVar[str] = "iam_propagation_delay"
    color: ClassVar[str] = "orange"
    default_match: ClassVar[Match] = Match(service="iam", origin="function")

    mode: Literal["delay", "sticky", "flapping"] = param("delay", "", "who is behind, and how long")
    seconds: float = param(10.0, "s of rig time", "after which a write is in effect everywhere")
    replicas: int = param(2, "endpoints", "flapping: that share the seconds; the first has a write at once", 2)
    reads: int = param(0, "calls", "delay: not seconds, but so many calls after each write that are decided without it")

    def __post_init__(self) -> None:
        if self.reads and self.mode != "delay":
            raise ValueError(f"reads go with mode delay, not with {self.mode}")
        if self.replicas != IamPropagationDelay.replicas and self.mode != "flapping":
            raise ValueError(f"replicas go with mode flapping, not with {self.mode}")

    def new_state(self) -> Sightings:
        """How often each principal's policies were asked for."""
        return Sightings()

    def on_read(self, read: Read, proceed: Callable[[], Seen], ctx: Context) -> Seen:
        """The policies that were."""
        newest = proceed()
        if read.kind != "iam":
            return newest
        now, last = ctx.clock.now(), len(read.versions) - 1
        if self.mode == "sticky" and read.started and self._within(read, read.started):
            index = self._at_start(read, read.started)
        else:
            with ctx.lock:
                index = self._lag.index(read, now, ctx.random, ctx.state, fresh=last)
        return newest if index == last else read.give(index)

    @property
    def _lag(self) -> Lag:
        seconds = 0.0 if self.reads else self.seconds
        return Lag(self.reads, seconds, self.replicas if self.mode == "flapping" else 1)

    def _within(self, read: Read, started: Moment) -> bool:
        """Did the environment start while a write was under way?"""
        known = [write for write in read.versions if write.serial <= started.serial]
        return any(started.at - write.at < self.seconds for write in known)

    def _at_start(self, read: Read, started: Moment) -> int:
        return read.index_at(started.at, self.seconds)
