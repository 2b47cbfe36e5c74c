"""aws_error: any error of any AWS service."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, AwsError
from emulator.scope import Match


@dataclass(frozen=True)
class AwsAnswersError(Fault):
    """The call answers an error, written in the service's own protocol, and does nothing."""

    name: ClassVar[str] = "aws_error"
    default_match: ClassVar[Match] = Match(origin="function")

    code: str = param("InternalFailure", "", "AWS's name of the error, as boto3 shows it")
    message: str = param("", "", "what it says")
    status: int = param(0, "HTTP status", "0: the one that AWS's model gives this error, 400 where it gives none")

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z][\w.-]*", self.code):
            raise ValueError(f"code: {self.code!r} is no name of an error")
        if self.status and not 400 <= self.status <= 599:
            raise ValueError(f"status: must be 400 to 599, not {self.status}")

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> AwsError:
        """Refuse without proceeding."""
        return AwsError(self.code, self.message, self.status or 400)
