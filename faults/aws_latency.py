"""aws_latency: AWS takes its time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, Held
from emulator.scope import Match


@dataclass(frozen=True)
class AwsLatency(Fault):
    """The call is done at once, and its answer comes later, in real time: the client's read timeout and the function's
    own timeout run meanwhile. A rule that is disarmed lets the answer go."""

    name: ClassVar[str] = "aws_latency"
    color: ClassVar[str] = "blue"
    default_match: ClassVar[Match] = Match(origin="function")

    ms: int = param(1000, "ms", "by which the answer is late")
    jitter_ms: int = param(0, "ms", "more or less than that, drawn from the seed for each call")

    def new_state(self) -> threading.Event:
        """Set when answers are to be kept back no longer."""
        return threading.Event()

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        late_ms = self.ms + ctx.random.uniform(-self.jitter_ms, self.jitter_ms)
        reply = proceed()
        return Held(reply, late_ms / 1000, ctx.state) if late_ms > 0 else reply

    def heal(self, ctx: Context) -> None:
        ctx.state.set()
