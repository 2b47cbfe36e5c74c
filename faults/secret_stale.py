"""secret_stale: readers still see what a secret was before it was written (a new value, a moved label)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import Context, Fault, param
from emulator.scope import Match
from emulator.visibility import Lag, Read, Seen, Sightings


@dataclass(frozen=True)
class SecretStale(Fault):
    """Reads after a write see the older value, labels, policy or deletion: the first reads after it, or all for some
    seconds, or for those seconds at some of several endpoints. A new secret is seen: see secret_visibility_delay."""

    name: ClassVar[str] = "secret_stale"
    color: ClassVar[str] = "orange"
    default_match: ClassVar[Match] = Match(service="secretsmanager", operation="GetSecretValue", origin="function")

    reads: int = param(1, "reads", "first reads after each write, by whomever, that see what was before")
    seconds: float = param(0.0, "s of rig time", "instead of counting: how long each write stays unseen")
    replicas: int = param(1, "endpoints", "that share the seconds: the first sees it at once, the last after all", 1)

    def __post_init__(self) -> None:
        if problem := self._lag.problem():
            raise ValueError(problem)

    def new_state(self) -> Sightings:
        """How often each secret was read."""
        return Sightings()

    def on_read(self, read: Read, proceed: Callable[[], Seen], ctx: Context) -> Seen:
        """What it was, but never further back than when it was created."""
        newest = proceed()
        if read.kind != "secret":
            return newest
        last = len(read.versions) - 1
        with ctx.lock:
            index = self._lag.index(read, ctx.clock.now(), ctx.random, ctx.state, fresh=last)
        index = max(index, read.birth)
        return newest if index == last else read.give(index)

    @property
    def _lag(self) -> Lag:
        return Lag(self.reads, self.seconds, self.replicas)
