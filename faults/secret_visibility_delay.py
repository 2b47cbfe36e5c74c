"""secret_visibility_delay: a secret just written cannot be read yet (Secrets Manager is eventually consistent)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, AwsError
from emulator.scope import Match

NOT_FOUND = AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
READS = ("GetSecretValue", "DescribeSecret")


@dataclass(frozen=True)
class SecretVisibilityDelay(Fault):
    """The first reads of each secret answer ResourceNotFoundException, or all reads for some seconds from when the rule
    first saw it: read, or written where the rule's `operation` matches writes too (`"*"`). Other calls pass."""

    name: ClassVar[str] = "secret_visibility_delay"
    color: ClassVar[str] = "orange"
    default_match: ClassVar[Match] = Match(service="secretsmanager", operation="GetSecretValue", origin="function")

    reads: int = param(1, "reads", "first reads of each secret, by whomever, that do not find it")
    seconds: float = param(0.0, "s of rig time", "instead of counting: how long each secret stays invisible")

    def new_state(self) -> dict[str, tuple[int, float]]:
        """Secret -> (reads refused, rig time first seen)."""
        return {}

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        """Reads wait for visibility; anything else passes and is only noted."""
        if call.operation not in READS:
            reply = proceed()  # a new secret has its ARN only now
            self._visible(call.resource, ctx, reading=False)
            return reply
        return proceed() if self._visible(call.resource, ctx, reading=True) else NOT_FOUND

    def _visible(self, secret: str, ctx: Context, reading: bool) -> bool:
        """Decide and count in one step: of any number of threads exactly `reads` are refused."""
        now = ctx.clock.now()
        with ctx.lock:
            refused, first = ctx.state.get(secret, (0, now))
            visible: bool = now - first >= self.seconds if self.seconds > 0 else refused >= self.reads
            ctx.state[secret] = (refused + (reading and not visible), first)
        return visible
