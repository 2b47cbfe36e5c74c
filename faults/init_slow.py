"""init_slow: init takes longer than Lambda waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import ColdStart, Started
from emulator.start_fault import prolong


@dataclass(frozen=True)
class InitSlow(Fault):
    """The whole init takes `seconds`, however quick it was. Past Lambda's 10 s it times out and is repeated inside the
    invocation, on the function's own timeout: with `times: 1` the repeated one is as quick as ever. (`cold_start` adds
    to what was measured, so the same rule can end on either side of a limit.)"""

    name: ClassVar[str] = "init_slow"
    color: ClassVar[str] = "blue"

    seconds: float = param(11, "s", "that init takes, where it did not take longer by itself")
    real: bool = param(False, "", "really wait, as long as Lambda would; otherwise the rig only counts it")

    def on_start(self, subject: ColdStart, proceed: Callable[[], Started], ctx: Context) -> Started:
        started = proceed()
        prolong(started, subject, self.seconds - started.ms / 1000, ctx, self.real)
        return started
