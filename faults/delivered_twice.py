"""delivered_twice: at-least-once delivery, as Lambda's queue of asynchronous events has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import Invocation
from emulator.scope import Match


@dataclass(frozen=True)
class DeliveredTwice(Fault):
    """The same event reaches the function again when it has run, with the same request id (`aws_request_id`). What the
    last delivery comes to counts; a synchronous caller, where the rule matches one, is given that answer. With `match:
    {origin: appflow}` a connector has a flow's batch to write twice."""

    name: ClassVar[str] = "delivered_twice"
    default_match: ClassVar[Match] = Match(origin="event")

    deliveries: int = param(2, "deliveries", "of the event", least=2)

    def on_invoke(self, invocation: Invocation, proceed: Callable[[], Any], ctx: Context) -> Any:
        """One after the other; an event that is throttled has not been delivered."""
        outcome = proceed()
        for _ in range(self.deliveries - 1):
            if outcome.status == "throttled":
                break
            outcome = proceed()
        return outcome
