"""upstream_rate_limited: the SaaS host has had enough, and says when to come again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import UpstreamCall, UpstreamReply
from emulator.rate import Bucket


@dataclass(frozen=True)
class UpstreamRateLimited(Fault):
    """The SaaS host answers 429 with Retry-After; the request does not reach its stub. With a burst, and a rate, only
    what goes beyond them: all requests that the rule matches share one bucket."""

    name: ClassVar[str] = "upstream_rate_limited"

    rate: float = param(0.0, "requests/s of rig time", "that pass in the long run")
    burst: int = param(0, "requests", "that pass at once while the bucket is full, as it is at first; 0: none passes")
    retry_after: int = param(1, "s", "what Retry-After says, or more where the bucket is empty for longer")
    body: str = param('{"message": "Too Many Requests"}', "", "of the answer, JSON")

    def __post_init__(self) -> None:
        if problem := self.new_state().problem():
            raise ValueError(problem)

    def new_state(self) -> Bucket:
        """What is left to take."""
        return Bucket(self.rate, self.burst)

    def on_upstream(self, call: UpstreamCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        """Let it pass if there is a token for it."""
        with ctx.lock:
            there, wait = ctx.state.take(ctx.clock.now()), ctx.state.wait()
        if there:
            return proceed()
        seconds = max(self.retry_after, math.ceil(wait - 1e-6)) if math.isfinite(wait) else self.retry_after
        headers = (("content-type", "application/json"), ("retry-after", str(seconds)))
        return UpstreamReply(429, headers, self.body.encode())
