"""Validate tasks: a record whose field is not as it must be is dropped, or ends the run.

AWS's CDK constructs write the two actions as DropRecord and DropDataset ("terminates the whole flow execution").
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from emulator.flows import task_parts
from emulator.flows.columns import number_of
from emulator.flows.plan import FlowFailed, Row
from emulator.flows.task_parts import Task

ACTIONS = ("DropRecord", "DropDataset")


def _is_null(value: Any) -> bool:
    return value is None or value == ""


def _number(value: Any) -> Decimal | None:
    try:
        return number_of(value)
    except ValueError:
        return None


def _below_zero(value: Any) -> bool:
    number = _number(value)
    return number is not None and number < 0


# Operator -> whether a value is wrong, and how it is said. Only VALIDATE_NON_NULL minds null, missing and empty.
CHECKS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "VALIDATE_NON_NULL": (_is_null, "is null or missing"),
    "VALIDATE_NUMERIC": (lambda value: not _is_null(value) and _number(value) is None, "is no number"),
    "VALIDATE_NON_ZERO": (lambda value: _number(value) == 0, "is zero"),
    "VALIDATE_NON_NEGATIVE": (_below_zero, "is negative"),
}


def valid(task: Task) -> Callable[[Row], bool]:
    """Whether a record stays. FlowFailed where the task's action is DropDataset."""
    operator = task_parts.operator(task)
    wrong, said = CHECKS[operator]
    ends, fields = task_parts.given(task, "VALIDATION_ACTION") == "DropDataset", task_parts.sources(task)

    def stays(row: Row) -> bool:
        bad = next((name for name in fields if wrong(row.get(name))), None)
        if bad is not None and ends:
            raise FlowFailed(f"{operator} failed: the value of {bad} {said}: {str(row.get(bad))[:200]}")
        return bad is None

    return stays
