"""aws_throttle: too many calls, in the words of each service, which SDKs know and retry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, AwsError
from emulator.rate import Bucket
from emulator.scope import Match

# Services that say it in their own way. Source: their API references, and the codes that botocore retries.
OWN = {
    "apigateway": ("TooManyRequestsException", "Too Many Requests"),
    "cognito-idp": ("TooManyRequestsException", "Rate exceeded"),
    "dynamodb": ("ThrottlingException", "Rate of requests exceeds the allowed throughput."),
    "ec2": ("ThrottlingException", "Request limit exceeded."),  # RequestLimitExceeded on the wire
    "kms": ("ThrottlingException",
            "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."),
    "lambda": ("TooManyRequestsException", "Rate exceeded"),
    "organizations": ("TooManyRequestsException", "Rate exceeded"),
    "route53": ("Throttling", "Rate exceeded"),
    "s3": ("ThrottlingException", "Please reduce your request rate."),  # SlowDown on the wire
}
ELSE = ("ThrottlingException", "Rate exceeded")  # Throttling in the query protocol


@dataclass(frozen=True)
class AwsThrottle(Fault):
    """The call is refused as one too many, by the service's own code (ThrottlingException, Throttling, SlowDown,
    TooManyRequestsException), and does nothing. With a burst, and a rate, only what goes beyond them: each operation
    of a service in a region has a bucket of its own, which all callers share."""

    name: ClassVar[str] = "aws_throttle"
    default_match: ClassVar[Match] = Match(origin="function")

    rate: float = param(0.0, "calls/s of rig time", "that pass in the long run")
    burst: int = param(0, "calls", "that pass at once while the bucket is full, as it is at first; 0: none ever passes")

    def __post_init__(self) -> None:
        if problem := self._full().problem():
            raise ValueError(problem)

    def new_state(self) -> dict[tuple[str, str, str], Bucket]:
        """What is left to take, by (region, service, operation)."""
        return {}

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        """Let it pass if there is a token for it."""
        with ctx.lock:
            bucket = ctx.state.setdefault((call.region, call.service, call.operation), self._full())
            there = bucket.take(ctx.clock.now())
        return proceed() if there else AwsError(*OWN.get(call.service, ELSE))

    def _full(self) -> Bucket:
        return Bucket(self.rate, self.burst)
