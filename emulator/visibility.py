"""What a reader sees of a thing that was written: the subject of point `read`, and how far a reader can lag behind.

AWS's control planes are eventually consistent: a write takes time to reach every endpoint, and a reader may see an
older version until then. Which one is a function of the writes, the rig's clock and keyed dice, never of threads.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.model import Caller


@dataclass(frozen=True)
class Write:
    """One version of a thing. serial: ascending over all things. at: rig seconds. what: the operation that made it,
    empty for what was before the first one. there: whether the thing exists since then."""

    serial: int
    at: float
    what: str
    there: bool


@dataclass(frozen=True)
class Seen:
    """The version that the reader is given."""

    serial: int
    verdict: str = "newest"


@dataclass(frozen=True)
class Moment:
    """When something happened: rig seconds, and the last write there was by then (0: none)."""

    at: float
    serial: int = 0


@dataclass(frozen=True)
class Read:
    """A look at a secret, or at an IAM principal while a call is authorised.

    id: `NAME/inv-3/secretsmanager.GetSecretValue#2`; with the secret's name behind it where one call reads several;
    of a principal `NAME/inv-3/iam.Authorize#2`. kind: secret | iam. thing: `secret/REGION/NAME`, `iam/role/NAME`,
    `iam/user/NAME`. resource: its ARN. started: when the caller's execution environment began; None outside of any.
    versions: oldest first, at least one; the first is mostly what was before there was anything.
    """

    id: str
    kind: str
    thing: str
    service: str
    operation: str
    resource: str
    caller: Caller
    started: Moment | None
    versions: tuple[Write, ...]

    def attributes(self) -> Mapping[str, str]:
        return {
            "service": self.service,
            "operation": self.operation,
            "resource": self.resource,
            "caller": self.caller.arn,
            "function": self.caller.function,
            "origin": "function" if self.caller.function else "client",
        }

    @property
    def birth(self) -> int:
        """Index of the write since which the thing exists (of the last such, if it was deleted); 0 for none."""
        there = [i for i in range(1, len(self.versions)) if self.versions[i].there and not self.versions[i - 1].there]
        return there[-1] if there else 0

    def give(self, index: int) -> Seen:
        """That version, as a hook's reply."""
        behind = len(self.versions) - 1 - index
        if not behind:
            return Seen(self.versions[-1].serial)
        said = f"{behind} behind" if self.versions[index].there else "not there yet"
        return Seen(self.versions[index].serial, said)

    def index_at(self, moment: float, lag: float) -> int:
        """Index of the newest version that is at least `lag` seconds old at `moment`; 0 where none is."""
        old = [index for index, write in enumerate(self.versions) if moment - write.at >= lag]
        return old[-1] if old else 0


@dataclass
class Sightings:
    """How often each thing was read, and had been when each of its writes was first met. Not thread-safe."""

    reads: dict[str, int] = field(default_factory=dict)
    before: dict[str, dict[int, float]] = field(default_factory=dict)

    def since(self, read: Read, fresh: int) -> list[float]:
        """For each version the reads of the thing since that write, without this one, which is counted from now on.

        fresh: at the very first read, index of the first write that nobody has read; the older ones always were.
        """
        count = self.reads.get(read.thing, 0)
        older = {} if count else {write.serial: -math.inf for write in read.versions[:fresh]}
        known = self.before.get(read.thing, older)
        self.before[read.thing] = {write.serial: known.get(write.serial, count) for write in read.versions}
        self.reads[read.thing] = count + 1
        return [count - self.before[read.thing][write.serial] for write in read.versions]


@dataclass(frozen=True)
class Lag:
    """How long a write stays unseen: for `seconds`; or, with several `replicas`, at each endpoint for its own share of
    them (at the first not at all, at the last for all); or, where seconds is 0, for so many `reads` of the thing."""

    reads: int = 0
    seconds: float = 0.0
    replicas: int = 1

    def index(self, read: Read, now: float, dice: random.Random, sightings: Sightings, fresh: int) -> int:
        """Index of the newest version that this reader sees. dice: draws the endpoint that answers. fresh: index of the
        first write that counts as unread when a thing is met for the first time."""
        if self.seconds > 0:
            return read.index_at(now, self.share(dice.randrange(self.replicas)))
        met = [index for index, reads in enumerate(sightings.since(read, fresh)) if reads >= self.reads]
        return met[-1] if met else 0

    def share(self, replica: int) -> float:
        """Seconds by which an endpoint lags, 0 being the first."""
        return self.seconds * (replica / (self.replicas - 1) if self.replicas > 1 else 1)

    def problem(self) -> str:
        """Why it cannot be, or nothing."""
        if self.replicas < 1:
            return "replicas must be 1 or more"
        return "replicas need seconds to share" if self.replicas > 1 and not self.seconds else ""
