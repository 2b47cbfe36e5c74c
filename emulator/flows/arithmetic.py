"""Arithmetic tasks: numbers of several fields become one.

AWS names the operators and MATH_OPERATION_FIELDS_ORDER (`price,discount`, as its CDK constructs write it), the order in
which the fields are reckoned with. What becomes of nulls, texts and divisions by zero no source says: ours.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from emulator.flows import task_parts
from emulator.flows.columns import LARGEST, number_of, plain
from emulator.flows.plan import FlowFailed, Row
from emulator.flows.task_parts import Task

# As many digits as a decimal of Spark's or Athena's has.
_CONTEXT = Context(prec=38, rounding=ROUND_HALF_EVEN, traps=[DivisionByZero, InvalidOperation, Overflow])
OPERATIONS: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "ADDITION": _CONTEXT.add,
    "SUBTRACTION": _CONTEXT.subtract,
    "MULTIPLICATION": _CONTEXT.multiply,
    "DIVISION": _CONTEXT.divide,
}


def order_of(task: Task) -> list[str]:
    """The fields, first to last."""
    return task_parts.listed(task_parts.given(task, "MATH_OPERATION_FIELDS_ORDER")) or task_parts.sources(task)


def computed(task: Task) -> Callable[[Row], int | float | None]:
    """From left to right. Null where a field is null or missing. FlowFailed for what is no number and for a division
    by zero."""
    name, fields = task_parts.operator(task), order_of(task)

    def number(row: Row) -> int | float | None:
        values = [row.get(field) for field in fields]
        if any(value is None or value == "" for value in values):
            return None
        return _fold(name, fields, [_number(name, *one) for one in zip(fields, values, strict=True)])

    return number


def _number(name: str, field: str, value: Any) -> Decimal:
    try:
        return number_of(value)
    except ValueError as error:
        raise FlowFailed(f"{name} failed: the value of {field} {error}: {str(value)[:200]}") from None


def _fold(name: str, fields: list[str], numbers: list[Decimal]) -> int | float:
    total = numbers[0]
    for field, number in zip(fields[1:], numbers[1:], strict=True):
        try:
            total = OPERATIONS[name](total, number)
        except (DivisionByZero, InvalidOperation):
            raise FlowFailed(f"{name} failed: {field} is zero") from None
        except Overflow:
            raise FlowFailed(f"{name} failed: the result is too large") from None
        if total and total.adjusted() > LARGEST:
            raise FlowFailed(f"{name} failed: the result is too large")
    return plain(total)
