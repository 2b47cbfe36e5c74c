"""Calls of AWS services, and answers that are kept back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from emulator.model.passing import Reply


@dataclass(frozen=True)
class Caller:
    """Who signed a call. environment and invocation are empty for a client outside the functions."""

    arn: str
    access_key: str = ""
    function: str = ""
    environment: str = ""
    invocation: str = ""


@dataclass(frozen=True)
class AwsCall:
    """One request to an AWS service. id: `NAME/inv-3/secretsmanager.GetSecretValue#2`, or `client/...`.

    params: the request's parameters as far as the wire could read them. resource: finds the ARN (or the
    id as the caller typed it) that AWS would name in a refusal. iam_action: where IAM's name is not
    `service:operation`, as `lambda:InvokeFunction` for Invoke. attempt: as AWS's clients count
    them in `amz-sdk-request`; 1 where they do not.

    What faults alter: ahead_s, seconds by which AWS's clock is ahead of the caller's: signatures are looked at, and the
    answer is dated, by that clock.
    """

    ALTERABLE: ClassVar = ("ahead_s",)

    id: str
    service: str
    operation: str
    region: str
    caller: Caller
    params: Mapping[str, object]
    find_resource: Callable[[], str] = field(default=lambda: "*", repr=False, compare=False)
    iam_action: str = ""
    attempt: int = 1
    ahead_s: float = 0.0

    @property
    def action(self) -> str:
        """IAM's name for it, e.g. `secretsmanager:GetSecretValue`."""
        return self.iam_action or f"{self.service}:{self.operation}"

    @property
    def resource(self) -> str:
        return self.find_resource()

    @property
    def note(self) -> str:
        return f"attempt {self.attempt}" if self.attempt > 1 else ""

    def attributes(self) -> Mapping[str, str]:
        return _CallAttributes(self)


class _CallAttributes(dict[str, str]):
    """The resource costs a look into the backend: only a Match that asks for it pays."""

    def __init__(self, call: AwsCall) -> None:
        origin = "function" if call.caller.function else "client"
        super().__init__(
            service=call.service,
            operation=call.operation,
            caller=call.caller.arn,
            function=call.caller.function,
            origin=origin,
        )
        self._call = call

    def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
        return self._call.resource if key == "resource" else super().get(key, default)


@dataclass(frozen=True)
class AwsReply:
    """An answer as bytes. headers: lower-case names."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    code: str = ""

    @property
    def verdict(self) -> str:
        return self.code or str(self.status)


@dataclass(frozen=True)
class AwsError:
    """An answer a fault gives; the wire writes it in the service's own protocol."""

    code: str
    message: str
    status: int = 400

    @property
    def verdict(self) -> str:
        return self.code


@dataclass(frozen=True, eq=False)
class Held:
    """An answer that whoever serves the call keeps back, so that the strike is known at once, however long it takes.

    reply: given after `seconds` of real time, or as soon as `until` is set; with None the connection ends without one.
    """

    reply: Reply | None
    seconds: float
    until: threading.Event

    @property
    def verdict(self) -> str:
        return self.reply.verdict if self.reply else "no answer"
