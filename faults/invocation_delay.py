"""invocation_delay: the handler gets its event late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import Delivery


@dataclass(frozen=True)
class InvocationDelay(Fault):
    """The handler starts so much later than its invocation, cold or warm, as with AWS FIS's
    `aws:lambda:invocation-add-delay`: the time is part of the duration, the handler has less of it left, and past the
    timeout the invocation times out without the handler having run."""

    name: ClassVar[str] = "invocation_delay"
    color: ClassVar[str] = "blue"

    ms: int = param(1000, "ms", "between the invocation and the handler's start")
    jitter_ms: int = param(0, "ms", "more or less than that, drawn from the seed for each invocation")
    real: bool = param(False, "", "really wait; otherwise the rig only counts the time, and nobody waits")

    def on_deliver(self, delivery: Delivery, proceed: Callable[..., Any], ctx: Context) -> Any:
        late_ms = self.ms + ctx.random.uniform(-self.jitter_ms, self.jitter_ms)
        late_s = min(max(0.0, late_ms / 1000), delivery.invocation.function.timeout_s)
        if not self.real:
            return proceed(replace(delivery, late_s=delivery.late_s + late_s))
        ctx.stall(late_s)
        return proceed()
