"""Latency added to an environment's init, as a slower image or a package read from a cold disk would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import ColdStart, Started
from emulator.start_fault import prolong


@dataclass(frozen=True)
class ColdStartLatency(Fault):
    """Every cold start it strikes takes `delay_ms` longer, and `slowdown` times as long, as where what init imports is
    read for the first time; past Lambda's 10 s the init times out and is repeated."""

    name: ClassVar[str] = "cold_start"
    color: ClassVar[str] = "blue"

    delay_ms: int = param(3000, "ms", "time added to init")
    slowdown: float = param(1.0, "times", "as long as it was measured, which the rig only counts", least=1)
    real: bool = param(False, "", "really wait for `delay_ms`, as long as Lambda would; else the rig only counts it")

    def on_start(self, subject: ColdStart, proceed: Callable[[], Started], ctx: Context) -> Started:
        started = proceed()
        prolong(started, subject, self.delay_ms / 1000, ctx, self.real)
        ctx.delay((self.slowdown - 1) * started.ms / 1000)
        return started
