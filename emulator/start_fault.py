"""Faults that alter how an environment starts, and with what it lives from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from emulator.fault import Context, Fault
from emulator.model import ColdStart, Reply


class Started(Reply, Protocol):
    """What came of a start."""

    def retire(self) -> None:
        """Its environment is not to be used again."""


class StartFault(Fault):
    """Base of those faults. What was altered stays so while the environment lives, as on Lambda; once the rule is gone
    no invocation is given one that was started under it."""

    def altered(self, cold: ColdStart) -> ColdStart:
        """The start as it is to be instead."""
        raise NotImplementedError

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
