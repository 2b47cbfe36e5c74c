"""The actions that experiments are made of: AWS's for Lambda functions, and its wait. Each becomes a rule or nothing.

Source: FIS user guide, actions reference. It says neither whether `preventExecution`, `contentTypeHeader` and
`statusCode` may be left out nor what they are then; here they may, and the faults' own defaults hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.modelled import ServiceError

RESOURCE_TYPE, TARGET = "aws:lambda:function", "Functions"
WAIT = "aws:fis:wait"
PERCENTAGE = "invocationPercentage"
_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


@dataclass(frozen=True)
class Parameter:
    """name: the fault's parameter that it sets, if it does. read: the text's meaning; ValueError says what it must be.
    """

    about: str
    read: Callable[[str], Any]
    name: str = ""
    required: bool = False


@dataclass(frozen=True)
class Kind:
    """An action. fault: what it arms, empty for none. excludes: of actions at the same function with the same word only
    the one that started first is applied."""

    id: str
    about: str
    parameters: Mapping[str, Parameter]
    fault: str = ""
    excludes: str = ""
    targets: Mapping[str, str] = field(default_factory=dict)

    def seconds(self, given: Mapping[str, str]) -> float:
        """How long it lasts."""
        return float(duration(given["duration"]))

    def probability(self, given: Mapping[str, str]) -> float:
        """Share of the invocations that it strikes."""
        return int(given.get(PERCENTAGE, "100")) / 100

    def settings(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The fault's parameters."""
        return {p.name: p.read(given[key]) for key, p in self.parameters.items() if p.name and key in given}


def duration(text: str) -> int:
    """Seconds of an ISO 8601 duration of a minute to twelve hours."""
    parts = _DURATION.fullmatch(text)
    hours, minutes, seconds = (int(part or 0) for part in parts.groups()) if parts else (0, 0, 0)
    total = hours * 3600 + minutes * 60 + seconds
    if not 60 <= total <= 12 * 3600:
        raise ValueError("must be an ISO 8601 duration of PT1M to PT12H")
    return total


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(text)

    return read


def _truth(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def _header(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("must be the value of an HTTP header")
    return text


_LASTS = Parameter("How long the action lasts, an ISO 8601 duration from PT1M to PT12H.", duration, required=True)
_SHARE = Parameter("Percentage of invocations (1-100) that the fault is injected into; 100 by default.",
                   _number(1, 100))
_PREVENT = Parameter("Whether the answer is given without running the function.", _truth, "prevent_execution")
_FUNCTIONS = {TARGET: RESOURCE_TYPE}

KINDS = {
    kind.id: kind
    for kind in (
        Kind(WAIT, "Waits for a time.", {"duration": _LASTS}),
        Kind(
            "aws:lambda:invocation-add-delay", "Delays the start of a function.",
            {"duration": _LASTS, PERCENTAGE: _SHARE,
             "startupDelayMilliseconds": Parameter(
                 "Milliseconds (0-900000) between invocation and execution of function code; 1000 by default.",
                 _number(0, 900_000), "ms")},
            "invocation_delay", "delay", _FUNCTIONS,
        ),
        Kind(
            "aws:lambda:invocation-error", "Marks invocations of a function as failed.",
            {"duration": _LASTS, PERCENTAGE: _SHARE, "preventExecution": _PREVENT},
            "invocation_error", "answer", _FUNCTIONS,
        ),
        Kind(
            "aws:lambda:invocation-http-integration-response", "Replaces the answer of a function by an HTTP response.",
            {"duration": _LASTS, PERCENTAGE: _SHARE, "preventExecution": _PREVENT,
             "contentTypeHeader": Parameter("Content type of the response.", _header, "content_type"),
             "statusCode": Parameter("HTTP status code (000-999) of the response.", _number(0, 999), "status")},
            "invocation_response", "answer", _FUNCTIONS,
        ),
    )
}


def kind_of(action_id: str) -> Kind:
    """Raises ServiceError as AWS does (seen in an issue of AWS's FIS workshop)."""
    if action_id not in KINDS:
        raise ServiceError("ResourceNotFoundException", f"Action with ID {action_id} not found.")
    return KINDS[action_id]
