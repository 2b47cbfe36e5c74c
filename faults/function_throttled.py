"""function_throttled: Lambda refuses to run the function, for one of its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.model import Invocation, Outcome

# Source: ThrottleReason in AWS's model of Lambda.
Reason = Literal[
    "ConcurrentInvocationLimitExceeded",
    "FunctionInvocationRateLimitExceeded",
    "ReservedFunctionConcurrentInvocationLimitExceeded",
    "ReservedFunctionInvocationRateLimitExceeded",
    "CallerRateLimitExceeded",
    "ConcurrentSnapshotCreateLimitExceeded",
]


@dataclass(frozen=True)
class FunctionThrottled(Fault):
    """The function does not run: Invoke answers 429 TooManyRequestsException, which SDKs retry; API Gateway answers
    500, AppFlow a ConnectorServerException; an asynchronous event waits, 1 s at first, and comes later."""

    name: ClassVar[str] = "function_throttled"

    reason: Reason = param("ReservedFunctionConcurrentInvocationLimitExceeded", "", "AWS's name of the limit")

    def on_invoke(self, invocation: Invocation, proceed: Callable[[], Any], ctx: Context) -> Outcome:
        """Without proceeding."""
        return Outcome("throttled", b"", reason=self.reason)
