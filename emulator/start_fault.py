"""Faults that alter how an environment starts, and with what it lives from then on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from emulator.fault import Context, Fault
from emulator.model import ColdStart, Started


def prolong(started: Started, cold: ColdStart, seconds: float, ctx: Context, real: bool) -> None:
    """An init takes so much longer. real: that much really passes, as long as Lambda waits; the rest is only counted.
    """
    waited = max(0.0, min(seconds, cold.limit_s - started.ms / 1000)) if real else 0.0
    if waited:
        ctx.stall(waited)
    ctx.delay(seconds - waited)


class StartFault(Fault, ABC):
    """Base of those faults. What was altered stays so while the environment lives, as on Lambda; once the rule is gone
    no invocation is given one that was started under it."""

    @abstractmethod
    def altered(self, cold: ColdStart) -> ColdStart:
        """The start as it is to be instead."""

    def new_state(self) -> list[Callable[[], None]]:
        """Ways to retire what was started."""
        return []

    def on_start(self, subject: ColdStart, proceed: Callable[..., Started], ctx: Context) -> Any:
        started = proceed(self.altered(subject))
        if started.verdict == "started":
            with ctx.lock:
                ctx.state.append(started.retire)
        return started

    def heal(self, ctx: Context) -> None:
        for retire in ctx.state:
            retire()
