"""retried_by_sdk: a call that was done is answered 5xx, so that the caller's SDK makes it again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, AwsError, AwsReply
from emulator.scope import Match

MESSAGE = "An error occurred and the request cannot be processed."  # as Lambda's ServiceException has it


@dataclass(frozen=True)
class RetriedBySdk(Fault):
    """The function has run, and Invoke answers a 5xx all the same, to the first attempts of each call: the caller's SDK
    sends the event again by its own rules, and the function runs again with another request id. Attempts are counted by
    the SDK itself (`amz-sdk-request`). With service and operation matched, any other call is done twice as well."""

    name: ClassVar[str] = "retried_by_sdk"
    default_match: ClassVar[Match] = Match(service="lambda", operation="Invoke")

    attempts: int = param(1, "attempts", "of each call that are answered so", least=1)
    code: str = param("ServiceException", "", "AWS's name of the error, as boto3 shows it")
    status: int = param(500, "HTTP status", "500 to 599; SDKs retry 500, 502, 503 and 504")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][\w.-]*", self.code):
            raise ValueError(f"code: {self.code!r} is no name of an error")
        if not 500 <= self.status <= 599:
            raise ValueError(f"status: must be 500 to 599, not {self.status}")

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Any:
        """A call that was refused anyway keeps its own answer."""
        reply = proceed()
        done = isinstance(reply, AwsReply) and reply.status < 300
        return AwsError(self.code, MESSAGE, self.status) if done and call.attempt <= self.attempts else reply
