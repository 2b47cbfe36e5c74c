"""response_too_large: Lambda does not take the function's answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param, tighter
from emulator.model import Delivery

KB = 1024


@dataclass(frozen=True)
class ResponseTooLarge(Fault):
    """The handler has done its work, and its answer is refused as one of more than 6 MB is: the runtime gets 413
    RequestEntityTooLarge, the caller Function.ResponseSizeTooLarge "Response payload size exceeded maximum allowed
    payload size (6291556 bytes)". What AWS's runtime client does then is its own affair: Python's ends, so that the
    next invocation is a cold start. An error that the handler raises is an answer too."""

    name: ClassVar[str] = "response_too_large"

    limit_kb: int = param(0, "KB", "that an answer may have; with 0 every one is too large")

    def on_deliver(self, delivery: Delivery, proceed: Callable[..., Any], ctx: Context) -> Any:
        return proceed(replace(delivery, response_limit=tighter(delivery.response_limit, self.limit_kb * KB)))
