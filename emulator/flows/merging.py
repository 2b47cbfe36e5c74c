"""Merge tasks: several fields become one text.

AWS's CDK constructs write a Merge into a field of its own, named by its sources (`first,last`), and a Map from there to
the destination. What a CONCAT_FORMAT looks like no source shows: ours is `${first} ${last}`, or, without such a
placeholder, what stands between the values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from emulator.flows import task_parts
from emulator.flows.columns import text_of
from emulator.flows.plan import Row
from emulator.flows.task_parts import Task

_PLACEHOLDER = re.compile(r"\$\{([^{}]*)\}")


def merged(task: Task) -> Callable[[Row], str]:
    """Null and missing fields are empty text."""
    layout, fields = task_parts.given(task, "CONCAT_FORMAT"), task_parts.sources(task)
    if not _PLACEHOLDER.search(layout):
        return lambda row: layout.join(_text(row, name) for name in fields)
    return lambda row: _PLACEHOLDER.sub(lambda found: _text(row, found[1]), layout)


def strangers(task: Task) -> Iterator[str]:
    """Placeholders that are none of the task's source fields."""
    for name in _PLACEHOLDER.findall(task_parts.given(task, "CONCAT_FORMAT")):
        if name not in task_parts.sources(task):
            yield name


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else text_of(value)
