"""What a flow's tasks make of a record: whether it stays, what its fields become, and under which names.

The order is ours, for no source tells it: filters (where AppFlow filters itself), validations of the source's values,
masks and truncations, then Merge and Arithmetic, which so see what is masked, then masks and truncations of what those
made, and the mapping last. Among themselves, tasks go in the order of the flow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulator.flows import arithmetic, filters, mapping, partitions, task_parts
from emulator.flows.columns import Column
from emulator.flows.masking import masked
from emulator.flows.merging import merged
from emulator.flows.plan import FlowFailed, Row
from emulator.flows.task_parts import Task
from emulator.flows.truncation import truncated
from emulator.flows.validation import valid

__all__ = ["Column", "Tasks"]

_MADE = {"Merge": "String", "Arithmetic": "Double"}
_CHANGES = {"Mask": masked, "Truncate": truncated}
Step = Callable[[Row], None]


@dataclass(frozen=True)
class Tasks:
    """selected: what the source is asked for, in order; empty where that is not known (a Map_all of files). columns: at
    the destination, in order; empty where only the rows can tell."""

    selected: tuple[str, ...]
    columns: tuple[Column, ...]
    _passes: tuple[Callable[[Row], bool], ...]
    _kept: frozenset[str] | None  # by a projection; None for all
    _valid: tuple[Callable[[Row], bool], ...]
    _steps: tuple[Step, ...]
    _fields: mapping.Fields
    _keys: tuple[str, ...]

    @classmethod
    def of(cls, tasks: Sequence[Task], fields: Mapping[str, str], filtering: bool = False) -> Tasks:
        """tasks: of a flow that CreateFlow took. fields: name -> data type of the source's fields, in order; {} where
        unknown. filtering: records that the filters do not pass are dropped here (S3 sources; a connector filters
        itself, by `filters.expression`)."""
        changes = _changes(tasks)
        made = list(dict.fromkeys(target for source, target, _ in changes if target != source))
        named = [name for name in mapping.projected(tasks) if name not in made]
        types = {**fields, **{target: _MADE.get(task_parts.kind(task), "String") for _, target, task in changes}}
        texts = {target for _, target, task in changes if task_parts.kind(task) in _CHANGES}
        moved = mapping.of(tasks, types, made, texts, named or list(fields))
        asked = () if moved.open and not fields else _asked(tasks, moved, named, made)
        stays = [filters.passes(tasks, fields)] if filtering else []
        columns = () if moved.open and not fields else tuple(pair.column for pair in moved.pairs)
        keys = partitions.keys_of(tasks, {pair.source: pair.column.name for pair in moved.pairs})
        return cls(
            asked, columns, tuple(stays), frozenset(asked) if named else None,
            tuple(valid(task) for task in task_parts.only(tasks, "Validate")),
            tuple(_step(*one) for one in changes), moved, keys,
        )

    def apply(self, row: Row) -> Row | None:
        """A record as the source gives it -> as the destination gets it; None for one that is dropped. A field that the
        record has not is left out. FlowFailed where a task cannot be done."""
        try:
            if not all(passes(row) for passes in self._passes):
                return None
            if self._kept is not None:
                row = {name: value for name, value in row.items() if name in self._kept}
            if not all(stays(row) for stays in self._valid):
                return None
            if self._steps:
                row = dict(row)
            for step in self._steps:
                step(row)
            return self._fields.row(row)
        except ValueError as error:
            raise FlowFailed(f"A record has a value that {error}.") from None

    def partition(self, row: Row) -> tuple[str, ...]:
        """Folders of a row that `apply` gave: `country=DE`, outermost first; none without a Partition task."""
        try:
            return partitions.folders(self._keys, row)
        except ValueError as error:
            raise FlowFailed(f"A record has a value that {error}.") from None


def _changes(tasks: Sequence[Task]) -> list[tuple[str, str, Task]]:
    """(field read, field written, task) in the order they are done. A Mask or Truncate changes its own field, unless it
    names another one that no Map of that field goes to."""
    mapped = {(task_parts.sources(task)[0], task_parts.destination(task)) for task in task_parts.only(tasks, "Map")}
    made = [("", _target(task), task) for task in task_parts.only(tasks, *_MADE)]
    names = {target for _, target, _ in made}
    changes = []
    for task in task_parts.only(tasks, *_CHANGES):
        for source in task_parts.sources(task):
            target = task_parts.destination(task)
            changes.append((source, source if not target or (source, target) in mapped else target, task))
    before = [change for change in changes if change[0] not in names]
    return [*before, *made, *(change for change in changes if change[0] in names)]


def _target(task: Task) -> str:
    """Where a Merge or Arithmetic writes to: as the CDK's constructs name it, where the task does not."""
    return task_parts.destination(task) or ",".join(task_parts.sources(task))


def _step(source: str, target: str, task: Task) -> Step:
    kind = task_parts.kind(task)
    if kind in _CHANGES:
        change = _CHANGES[kind](task)
        return lambda row: row.__setitem__(target, change(row[source])) if source in row else None
    make = merged(task) if kind == "Merge" else arithmetic.computed(task)
    return lambda row: row.__setitem__(target, make(row))


def _asked(tasks: Sequence[Task], moved: mapping.Fields, named: Sequence[str], made: Sequence[str]) -> tuple[str, ...]:
    """The projection, or else what the mapping takes; and what the other tasks read, for the CDK's constructs leave it
    out of their projection."""
    read = list(named) or [pair.source for pair in moved.pairs]
    reading = task_parts.only(tasks, *_MADE, *_CHANGES, "Validate")
    read += [name for task in reading for name in task_parts.sources(task)]
    return tuple(name for name in dict.fromkeys(read) if name not in made)
