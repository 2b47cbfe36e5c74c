"""Which fields go where: Map, Map_all, Passthrough and the projection."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.flows import task_parts
from emulator.flows.columns import Column, converter, type_named
from emulator.flows.plan import FlowFailed, Row
from emulator.flows.task_parts import Task


@dataclass(frozen=True)
class Pair:
    """A field of the source, or one that a task makes, and the column it becomes."""

    source: str
    column: Column
    convert: Callable[[Any], Any] | None = None

    def value(self, row: Row) -> Any:
        """KeyError for a field that the row has not; FlowFailed for a value that is none of the column's type."""
        given = row[self.source]
        if self.convert is None:
            return given
        try:
            return self.convert(given)
        except ValueError as error:
            raise FlowFailed(
                f"The value of {self.source} {error} and cannot become the {self.column.type} of {self.column.name}: "
                f"{str(given)[:200]}"
            ) from None


@dataclass(frozen=True)
class Fields:
    """What a row becomes. pairs: in the order of the columns. open: fields that no pair names go on under their own
    names, but for those in `shut` (a Map_all where the source's fields are not known, or of new fields too)."""

    pairs: tuple[Pair, ...]
    open: bool = False
    shut: frozenset[str] = frozenset()

    def row(self, row: Row) -> Row:
        """A field that the row has not is left out."""
        mapped = {pair.column.name: pair.value(row) for pair in self.pairs if pair.source in row}
        if self.open:
            mapped.update((name, value) for name, value in row.items() if name not in self.shut and name not in mapped)
        return mapped


def projected(tasks: Sequence[Task]) -> tuple[str, ...]:
    """What the projections name, together; empty where there is none."""
    named = (name for task in task_parts.only(tasks, "Filter") if task_parts.operator(task) == "PROJECTION"
             for name in task_parts.sources(task))
    return tuple(dict.fromkeys(named))


def of(
    tasks: Sequence[Task], types: Mapping[str, str], made: Collection[str], texts: Collection[str],
    source: Sequence[str],
) -> Fields:
    """types: of the source's fields and of what tasks make. made: names of what Merge, Arithmetic and the like make.
    texts: fields that a Mask or Truncate made text of, and that stay text. source: the fields that a Map_all takes, in
    order.

    A flow that maps nothing writes its fields under their own names; what is made and not mapped goes under its own.
    """
    maps = [_pair(task, types, texts) for task in task_parts.only(tasks, "Map")]
    wholes = task_parts.only(tasks, "Map_all", "Passthrough")
    mapped = {pair.source for pair in maps}
    excluded = {name for task in wholes for name in task_parts.listed(_excluded(task))}
    rest = _rest(wholes, maps, source)
    pairs = [_same(name, types) for name in rest if name not in excluded | mapped]
    pairs += maps + [_same(name, types) for name in made if name not in mapped]
    names = dict.fromkeys(pair.column.name for pair in pairs)
    last = {pair.column.name: pair for pair in pairs}
    return Fields(
        tuple(last[name] for name in names), _open(wholes, source), frozenset(excluded | mapped | set(made)))


def _rest(wholes: Sequence[Task], maps: Sequence[Pair], source: Sequence[str]) -> Sequence[str]:
    """Passthrough may name its fields; a projection alone takes all of its own."""
    if any(_whole(task) for task in wholes) or not (wholes or maps):
        return source
    return list(dict.fromkeys(name for task in wholes for name in task_parts.sources(task)))


def _whole(task: Task) -> bool:
    return task_parts.kind(task) == "Map_all" or not task_parts.sources(task)


def _open(wholes: Sequence[Task], source: Sequence[str]) -> bool:
    if any(task_parts.given(task, "INCLUDE_NEW_FIELDS").lower() == "true" for task in wholes):
        return True
    return not source and any(_whole(task) for task in wholes)


def _excluded(task: Task) -> str:
    return task_parts.given(task, "EXCLUDE_SOURCE_FIELDS_LIST")


def _pair(task: Task, types: Mapping[str, str], texts: Collection[str]) -> Pair:
    source = task_parts.sources(task)[0]
    if source in texts:
        return Pair(source, Column(task_parts.destination(task), "String"))
    given = task_parts.given(task, "SOURCE_DATA_TYPE") or types.get(source, "")
    wanted = task_parts.given(task, "DESTINATION_DATA_TYPE")
    return Pair(source, Column(task_parts.destination(task), type_named(wanted or given)), converter(given, wanted))


def _same(name: str, types: Mapping[str, str]) -> Pair:
    return Pair(name, Column(name, type_named(types.get(name, ""))))
