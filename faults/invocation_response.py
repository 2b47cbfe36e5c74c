"""invocation_response: the function answers an HTTP response of the fault's, whatever the handler does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import Answer, Delivery


@dataclass(frozen=True)
class InvocationResponse(Fault):
    """The function's answer is an HTTP response with this status, in the form that API Gateway takes from a proxy
    integration, as with AWS FIS's `aws:lambda:invocation-http-integration-response`; for Lambda the invocation
    succeeded. The handler has run all the same, and what it did stays done, unless its execution is prevented."""

    name: ClassVar[str] = "invocation_response"

    status: int = param(500, "HTTP status", "of the response; API Gateway itself refuses one it does not know")
    content_type: str = param("application/json", "", "what the response says its body is")
    body: str = param("", "", "of the response")
    prevent_execution: bool = param(False, "", "the handler does not run")

    def __post_init__(self) -> None:
        if self.status > 999:
            raise ValueError(f"status: must be 999 or less, not {self.status}")
        if not self.content_type.isascii() or not self.content_type.isprintable():
            raise ValueError(f"content_type: {self.content_type!r} cannot be a header")

    def on_deliver(self, delivery: Delivery, proceed: Callable[..., Any], ctx: Context) -> Any:
        response = {"statusCode": self.status, "headers": {"Content-Type": self.content_type}, "body": self.body}
        answer = Answer("response", json.dumps(response, separators=(",", ":")).encode())
        if self.prevent_execution:
            return answer
        seen = proceed()
        return seen if seen.verdict in ("died", "deadline") else answer
