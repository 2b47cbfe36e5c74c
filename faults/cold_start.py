"""Latency added to an environment's init, as a heavier import or a slower image would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import ColdStart, Reply


@dataclass(frozen=True)
class ColdStartLatency(Fault):
    """Every cold start it strikes takes `delay_ms` longer; past Lambda's 10 s the init times out and is repeated."""

    name: ClassVar[str] = "cold_start"
    color: ClassVar[str] = "blue"

    delay_ms: int = param(3000, "ms", "time added to init")
    real: bool = param(False, "", "really wait; otherwise the rig only counts the time, and nobody waits for it")

    def on_start(self, subject: ColdStart, proceed: Callable[[], Reply], ctx: Context) -> Reply:
        (ctx.stall if self.real else ctx.delay)(self.delay_ms / 1000)
        return proceed()
