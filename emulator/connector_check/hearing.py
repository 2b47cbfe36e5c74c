"""One request to a connector as AppFlow makes it, and everything that came of it: AppFlow's view, and what it hides."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulator.clock import Clock
from emulator.connector_check.cause import cause
from emulator.frontdoors.appflow import DATA_LIMIT_S, LIMIT_S, ConnectorCalls, ConnectorError, Request
from emulator.model import Invoker, Outcome

DATA = ("QueryData", "RetrieveData", "WriteData")
_INIT = re.compile(r"^REPORT RequestId: .*\tInit Duration: ([\d.]+) ms", re.MULTILINE)
_MEMORY = re.compile(r"^REPORT RequestId: .*\tMax Memory Used: (\d+) MB", re.MULTILINE)


@dataclass(frozen=True)
class Heard:
    """What came of one request.

    answer: a model of `frontdoors.connector_contract`; with isSuccess false it says why not; None where AppFlow could
    not use what came. error: how AppFlow reports it, None on success. problems: what the lint says of an answer that
    AppFlow cannot use. body: what the function answered, parsed where it is JSON. log: of the invocation, as far as it
    is known. seconds: until the answer. init_s: of a cold start, None when warm or not known. memory_mb: the most
    that the function has used so far, 0 where not known. size: of the answer in bytes.
    """

    request: Request
    answer: Any = None
    error: ConnectorError | None = None
    problems: tuple[str, ...] = ()
    status: str = ""
    body: Any = None
    log: str = field(default="", repr=False)
    seconds: float = 0.0
    init_s: float | None = None
    memory_mb: int = 0
    size: int = 0

    @property
    def kind(self) -> str:
        """`QueryData`."""
        return str(self.request.get("type", "")).removesuffix("Request")

    @property
    def ok(self) -> bool:
        """A successful answer that AppFlow can use."""
        return self.error is None and self.answer is not None

    @property
    def refused(self) -> bool:
        """The connector says no, in a way that AppFlow can pass on."""
        return self.error is not None and self.answer is not None

    @property
    def error_code(self) -> str:
        """The connector's own: `InvalidCredentials`; empty where it gave none."""
        details = getattr(self.answer, "errorDetails", None)
        return str(details.errorCode) if details else ""

    @property
    def message(self) -> str:
        """The connector's own sentence."""
        details = getattr(self.answer, "errorDetails", None)
        by_field = getattr(self.answer, "errorsByInputField", None) or {}
        return str(details.errorMessage) if details else "; ".join(f"{key}: {why}" for key, why in by_field.items())

    @property
    def cause(self) -> str:
        """Why the function failed, from its log; empty where it did not or does not say."""
        return "" if self.answer is not None else cause(self.log)


Ask = Callable[[Request], Heard]


class _Overheard:
    """An invoker that keeps what came."""

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker
        self.outcome: Outcome | None = None

    def invoke(self, function: str, payload: bytes, origin: str, **more: Any) -> Outcome:
        self.outcome = self._invoker.invoke(function, payload, origin, **more)
        return self.outcome


@dataclass(frozen=True)
class Hearing:
    """Asks a connector as AppFlow does: `Hearing(rig.functions, rig.clock, arn)(request)`. Limits in seconds."""

    invoker: Invoker
    clock: Clock
    function_arn: str
    limit_s: float = LIMIT_S
    data_limit_s: float = DATA_LIMIT_S

    def __call__(self, request: Request) -> Heard:
        kept, problems = _Overheard(self.invoker), list[str]()
        calls = ConnectorCalls(
            kept, self.clock, lambda arn, kind, found: problems.extend(found), self.limit_s, self.data_limit_s
        )
        answer, error, begin = None, None, self.clock.monotonic()
        try:
            answer = calls.call(self.function_arn, {"type": "", **request})
        except ConnectorError as raised:
            answer, error = raised.answer, raised
        seconds = self.clock.monotonic() - begin
        return _heard(request, kept.outcome, seconds, answer=answer, error=error, problems=tuple(problems))


def _heard(request: Request, outcome: Outcome | None, seconds: float, **known: Any) -> Heard:
    if outcome is None:
        return Heard(request, seconds=seconds, **known)
    log = outcome.log.decode(errors="replace")
    init, memory = _INIT.search(log), _MEMORY.search(log)
    init_ms = float(init[1]) if init else outcome.init_ms
    return Heard(
        request, status=outcome.status, body=_parsed(outcome.payload), log=log, seconds=seconds + outcome.virtual_s,
        init_s=None if init_ms is None else init_ms / 1000, memory_mb=int(memory[1]) if memory else 0,
        size=len(outcome.payload), **known,
    )


def _parsed(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode(errors="replace")
