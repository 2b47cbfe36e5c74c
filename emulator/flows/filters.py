"""Filter tasks: as an expression for a connector, which filters itself, or as a test of rows where AppFlow does.

How AWS renders its filters is not documented. Ours: each task in parentheses, joined by `and`; several VALUES are
joined by `or` (NOT_EQUAL_TO: by `and`); text is quoted, all else bare, times are UTC. A row without the field passes
no filter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from emulator.flows import task_parts
from emulator.flows.columns import BOOLEAN, DATE, DATETIME, NUMBER, READ, TEXT, date_of, kind_of
from emulator.flows.filter_grammar import Literal, Unwritable, identifier, literal
from emulator.flows.plan import FlowFailed, Row
from emulator.flows.task_parts import Task

SIGNS = {
    "EQUAL_TO": "=", "NOT_EQUAL_TO": "!=", "LESS_THAN": "<", "LESS_THAN_OR_EQUAL_TO": "<=", "GREATER_THAN": ">",
    "GREATER_THAN_OR_EQUAL_TO": ">=", "CONTAINS": "contains",
}
BETWEEN = "BETWEEN"
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUAL_TO": lambda given, value: given == value,
    "NOT_EQUAL_TO": lambda given, value: given != value,
    "LESS_THAN": lambda given, value: given < value,
    "LESS_THAN_OR_EQUAL_TO": lambda given, value: given <= value,
    "GREATER_THAN": lambda given, value: given > value,
    "GREATER_THAN_OR_EQUAL_TO": lambda given, value: given >= value,
    "CONTAINS": lambda given, value: value in given,
}


@dataclass(frozen=True)
class Window:
    """What an incremental run pulls: after `begin` (None: from the start), up to and with `end`, both with a time zone.
    type: of the field; a Date's window is of whole days, the first one included: what came on it after the run before
    would never be pulled otherwise."""

    field: str
    begin: datetime | None
    end: datetime
    type: str = "DateTime"

    def of(self, fields: Mapping[str, str]) -> Window:
        """With the field's type, where it is known. fields: name -> data type."""
        return replace(self, type=fields.get(self.field, self.type))

    def expression(self) -> str:
        """`(CreatedDate > 2021-04-20T12:30:45.000Z and CreatedDate <= ...)`"""
        read, after = (date_of, ">=") if kind_of(self.type) == DATE else (_milliseconds, ">")
        sides = [("<=", self.end)] if self.begin is None else [(after, self.begin), ("<=", self.end)]
        name = identifier(self.field)
        return f"({' and '.join(f'{name} {sign} {literal(read(moment))}' for sign, moment in sides)})"


def _milliseconds(moment: datetime) -> datetime:
    return moment - timedelta(microseconds=moment.microsecond % 1000)


@dataclass(frozen=True)
class Condition:
    """One Filter task. values: what the field is compared with, BETWEEN's two bounds included."""

    field: str
    operator: str
    kind: str
    values: tuple[Literal, ...]

    @classmethod
    def of(cls, task: Task, fields: Mapping[str, str]) -> Condition:
        """The kind is that of DATA_TYPE or else of the field; where neither says, the values' looks. ValueError for a
        value that is not of it."""
        operator, field = task_parts.operator(task), task_parts.sources(task)[0]
        texts = texts_of(task)
        data_type = task_parts.given(task, "DATA_TYPE") or fields.get(field, "")
        kind = (kind_of(data_type) or TEXT) if data_type else _look(texts)
        kind = TEXT if operator == "CONTAINS" else kind
        return cls(field, operator, kind, tuple(_read(kind, text) for text in texts))

    def expression(self) -> str:
        """`name = "a" or name = "b"`; Unwritable for what the grammar cannot hold."""
        name, values = identifier(self.field), [literal(value) for value in self.values]
        if self.operator == BETWEEN:
            return f"{name} between {values[0]} and {values[1]}"
        joint = " and " if self.operator == "NOT_EQUAL_TO" else " or "
        return joint.join(f"{name} {SIGNS[self.operator]} {value}" for value in values)

    def passes(self, row: Row) -> bool:
        """Whether a row's value is so; a null, missing or empty one never is. One of another kind is none of the
        values, and so passes NOT_EQUAL_TO and nothing else."""
        given = row.get(self.field)
        if given is None or given == "":
            return False
        try:
            value: Any = READ[self.kind](given)
        except ValueError:
            return self.operator == "NOT_EQUAL_TO"
        if self.operator == BETWEEN:
            low, high = self.values
            return bool(low <= value <= high)
        test, every = _TESTS[self.operator], all if self.operator == "NOT_EQUAL_TO" else any
        return every(test(value, wanted) for wanted in self.values)


def texts_of(task: Task) -> list[str]:
    """VALUE; or VALUES, separated by commas as the CDK's constructs write them; or the two bounds."""
    if task_parts.operator(task) == BETWEEN:
        return [task_parts.given(task, "LOWER_BOUND"), task_parts.given(task, "UPPER_BOUND")]
    if several := task_parts.given(task, "VALUES"):
        return [text.strip() for text in several.split(",") if text.strip()]
    return [task_parts.given(task, "VALUE")]


def conditions(tasks: Sequence[Task], fields: Mapping[str, str] | None = None) -> list[Condition]:
    """Of the Filter tasks that are no projection. fields: name -> data type. ValueError as Condition.of."""
    return [Condition.of(task, fields or {}) for task in task_parts.only(tasks, "Filter")
            if task_parts.operator(task) != "PROJECTION"]


def expression(
    tasks: Sequence[Task], window: Window | None = None, fields: Mapping[str, str] | None = None,
) -> str | None:
    """What a connector is given as filterExpression; None without filters. FlowFailed for what cannot be said: a value
    that is none of the field's type, or what the grammar cannot hold (CreateFlow refuses what the tasks show of it)."""
    try:
        parts = [f"({condition.expression()})" for condition in conditions(tasks, fields)]
        parts += [window.expression()] if window else []
    except Unwritable as error:
        raise FlowFailed(f"The connector's filter grammar cannot hold {error}.") from None
    except ValueError as error:
        raise FlowFailed(f"A filter's value {error}.") from None
    return " and ".join(parts) or None


def passes(tasks: Sequence[Task], fields: Mapping[str, str] | None = None) -> Callable[[Row], bool]:
    """Whether a row passes every filter, for sources that do not filter themselves. FlowFailed as `expression`."""
    try:
        every = conditions(tasks, fields)
    except ValueError as error:
        raise FlowFailed(f"A filter's value {error}.") from None
    return lambda row: all(condition.passes(row) for condition in every)


def _read(kind: str, text: str) -> Literal:
    try:
        return READ[kind](text)
    except ValueError as error:
        raise ValueError(f"{text} {error}") from None


def _look(texts: Sequence[str]) -> str:
    """The first kind that all the values can be."""
    return next((kind for kind in (BOOLEAN, NUMBER, DATE, DATETIME) if all(_looks(kind, one) for one in texts)), TEXT)


def _looks(kind: str, text: str) -> bool:
    try:
        READ[kind](text)
    except ValueError:
        return False
    return kind != DATE or len(text.strip()) == len("2021-04-20")
