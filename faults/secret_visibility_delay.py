"""secret_visibility_delay: a secret just created cannot be read yet (Secrets Manager is eventually consistent)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import Context, Fault, param
from emulator.scope import Match
from emulator.visibility import Lag, Read, Seen, Sightings


@dataclass(frozen=True)
class SecretVisibilityDelay(Fault):
    """A new secret answers ResourceNotFoundException: to its first reads, or to all for some seconds after it was
    created, or for those seconds at some of several endpoints, each of which sees it after its own share of them."""

    name: ClassVar[str] = "secret_visibility_delay"
    color: ClassVar[str] = "orange"
    default_match: ClassVar[Match] = Match(service="secretsmanager", operation="GetSecretValue", origin="function")

    reads: int = param(1, "reads", "first reads of each new secret, by whomever, that do not find it")
    seconds: float = param(0.0, "s of rig time", "instead of counting: how long each new secret stays invisible")
    replicas: int = param(1, "endpoints", "that share the seconds: the first sees it at once, the last after all", 1)

    def __post_init__(self) -> None:
        if problem := self._lag.problem():
            raise ValueError(problem)

    def new_state(self) -> Sightings:
        """How often each secret was read."""
        return Sightings()

    def on_read(self, read: Read, proceed: Callable[[], Seen], ctx: Context) -> Seen:
        """Not there, if its creation is not seen; else as it is."""
        newest = proceed()
        if read.kind != "secret" or not read.birth:
            return newest
        with ctx.lock:
            index = self._lag.index(read, ctx.clock.now(), ctx.random, ctx.state, fresh=read.birth)
        return newest if index >= read.birth else read.give(read.birth - 1)

    @property
    def _lag(self) -> Lag:
        return Lag(self.reads, self.seconds, self.replicas)
