"""clock_skew: the caller's clock is wrong, so that AWS does not believe its signatures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall
from emulator.scope import Match

S3 = ("s3", "s3-outposts", "s3-object-lambda")
LIMIT_MIN, S3_LIMIT_MIN = 5, 15


@dataclass(frozen=True)
class ClockSkew(Fault):
    """AWS's clock is another than the caller's, which comes to the same as a caller whose clock is wrong: calls are
    refused for the time that they are signed at. InvalidSignatureException, SignatureDoesNotMatch in XML protocols,
    S3's RequestTimeTooSkewed past its 15 minutes. They do nothing. An SDK that sets its clock by the answer's Date and
    tries again (JavaScript's v3; botocore does not) succeeds, as on AWS."""

    name: ClassVar[str] = "clock_skew"
    default_match: ClassVar[Match] = Match(origin="function")

    minutes: int = param(10, "min", "by which the caller's clock is behind; it is ahead where they are negative", -1440)

    def __post_init__(self) -> None:
        if abs(self.minutes) <= LIMIT_MIN:
            raise ValueError(f"minutes: AWS allows {LIMIT_MIN}, so {self.minutes} would strike nothing")

    def on_aws_call(self, call: AwsCall, proceed: Callable[..., Any], ctx: Context) -> Any:
        if call.service in S3 and abs(self.minutes) <= S3_LIMIT_MIN:
            return proceed()
        return proceed(replace(call, ahead_s=call.ahead_s + self.minutes * 60))
