"""invocation_error: the invocation fails, whatever the handler does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import Answer, Delivery


@dataclass(frozen=True)
class InvocationError(Fault):
    """The invocation ends with an error (`FunctionError: Unhandled`), as with AWS FIS's `aws:lambda:invocation-error`.
    The handler has run all the same, and what it did stays done, unless its execution is prevented. What the handler's
    process did beside answering (a crash, a timeout) stays what it is."""

    name: ClassVar[str] = "invocation_error"

    prevent_execution: bool = param(False, "", "the handler does not run")
    error_type: str = param("InjectedError", "", "`errorType` of the answer")
    message: str = param("The invocation was made to fail", "", "`errorMessage` of the answer")

    def on_deliver(self, delivery: Delivery, proceed: Callable[..., Any], ctx: Context) -> Any:
        error = {"errorMessage": self.message, "errorType": self.error_type}
        answer = Answer("error", json.dumps(error, separators=(",", ":")).encode())
        if self.prevent_execution:
            return answer
        seen = proceed()
        return seen if seen.verdict in ("died", "deadline") else answer
