"""idle_expired: Lambda has taken an idle environment back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import ON_DEMAND, Reuse, Warm


@dataclass(frozen=True)
class IdleExpired(Fault):
    """Lambda has taken the idle environment back sooner than usual, so the invocation is a cold start: clients made at
    import, caches and /tmp begin anew. Environments of provisioned concurrency are never taken back for being idle."""

    name: ClassVar[str] = "idle_expired"
    color: ClassVar[str] = "blue"

    idle_s: float = param(0.0, "s", "that it has been idle for, by the rig's clock, before it is taken back")

    def on_warm(self, warm: Warm, proceed: Callable[[], Reuse], ctx: Context) -> Reuse:
        idle = warm.initialization == ON_DEMAND and warm.idle_s >= self.idle_s
        return Reuse("expired") if idle else proceed()
