"""response_lost: the function ran, and whoever invoked it never hears of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emulator.fault import Context, Fault
from emulator.model import Invocation


@dataclass(frozen=True)
class ResponseLost(Fault):
    """The function runs to its end, and its answer gets lost: Invoke's connection ends without one, which SDKs retry;
    API Gateway answers 504, AppFlow a ConnectorServerException; a flow's run ends in Error, though the batch is
    written; an asynchronous event is tried again."""

    name: ClassVar[str] = "response_lost"

    def on_invoke(self, invocation: Invocation, proceed: Callable[[], Any], ctx: Context) -> Any:
        """What did not run has no answer to lose."""
        outcome = proceed()
        if outcome.status == "throttled":
            return outcome
        return replace(outcome, status="lost", payload=b"", function_error="")
