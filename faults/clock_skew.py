"""clock_skew: the caller's clock is wrong, so that AWS does not believe its signatures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, AwsError
from emulator.scope import Match

S3 = ("s3", "s3-outposts", "s3-object-lambda")
SKEWED = AwsError("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
STAMP = "%Y%m%dT%H%M%SZ"
LIMIT_MIN, S3_LIMIT_MIN = 5, 15


@dataclass(frozen=True)
class ClockSkew(Fault):
    """The call is refused as if the caller's clock were wrong: InvalidSignatureException, SignatureDoesNotMatch in XML
    protocols, S3's RequestTimeTooSkewed past its 15 minutes. It does nothing. The handler's own clock is right: only
    the message shows the wrong time, and the answer's Date does not. On AWS an SDK that sets its clock by that Date
    (JavaScript's v3; botocore does not) would try again and succeed; here it fails."""

    name: ClassVar[str] = "clock_skew"
    default_match: ClassVar[Match] = Match(origin="function")

    minutes: int = param(10, "min", "by which the caller's clock is behind; it is ahead where they are negative", -1440)

    def __post_init__(self) -> None:
        if abs(self.minutes) <= LIMIT_MIN:
            raise ValueError(f"minutes: AWS allows {LIMIT_MIN}, so {self.minutes} would strike nothing")

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        if call.service not in S3:
            return AwsError("InvalidSignatureException", self._told(ctx))
        return SKEWED if abs(self.minutes) > S3_LIMIT_MIN else proceed()

    def _told(self, ctx: Context) -> str:
        now, limit = ctx.clock.utc(), timedelta(minutes=LIMIT_MIN)
        signed, stamp = f"{now - timedelta(minutes=self.minutes):{STAMP}}", f"{now:{STAMP}}"
        if self.minutes > 0:
            return f"Signature expired: {signed} is now earlier than {now - limit:{STAMP}} ({stamp} - {LIMIT_MIN} min.)"
        later = f"{now + limit:{STAMP}} ({stamp} + {LIMIT_MIN} min.)"
        return f"Signature not yet current: {signed} is still later than {later}"
