"""Partition tasks: folders by the values of fields (`country=DE/`), outermost first.

AWS documents the folders; that a null one and one with a slash look as Hive's do is ours. The fields stay in the files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from emulator.flows import task_parts
from emulator.flows.columns import text_of
from emulator.flows.formats import encoded
from emulator.flows.plan import Row
from emulator.flows.task_parts import Task

NOTHING = "__HIVE_DEFAULT_PARTITION__"
_UNSAFE = re.compile(r'[\x00-\x1f\x7f"#%\'*/:=?\\{\[\]^]')


def keys_of(tasks: Sequence[Task], named: Mapping[str, str]) -> tuple[str, ...]:
    """Columns of the destination. named: field of the source -> its column; a key may be either."""
    keys = [key for task in task_parts.only(tasks, "Partition") for key in fields_of(task)]
    columns = set(named.values())
    return tuple(key if key in columns else named.get(key, key) for key in dict.fromkeys(keys))


def fields_of(task: Task) -> list[str]:
    return task_parts.listed(task_parts.given(task, "ORDERED_PARTITION_KEYS_LIST")) or task_parts.sources(task)


def folders(keys: Sequence[str], row: Row) -> tuple[str, ...]:
    """Of a row as the destination gets it."""
    return tuple(f"{_safe(key)}={_value(row.get(key))}" for key in keys)


def _value(value: object) -> str:
    return NOTHING if value is None or value == "" else _safe(text_of(value))


def _safe(text: str) -> str:
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", encoded(text).decode())
