"""What a task says, in the shape that botocore's model has it: {taskType, sourceFields, connectorOperator,
destinationField, taskProperties}."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Task = Mapping[str, Any]


def kind(task: Task) -> str:
    """Map, Filter, ..."""
    return str(task["taskType"])


def operator(task: Task) -> str:
    """Under whatever connector: AWS's own test suite writes S3 for a custom source's Map. Empty where none is given."""
    return str(next(iter((task.get("connectorOperator") or {}).values()), ""))


def given(task: Task, key: str) -> str:
    """One of taskProperties; empty where it is not given."""
    return str((task.get("taskProperties") or {}).get(key, ""))


def sources(task: Task) -> list[str]:
    """The source fields; Terraform modules write a Map_all's as `[""]`."""
    return [name for name in task["sourceFields"] if name]


def destination(task: Task) -> str:
    return str(task.get("destinationField") or "")


def only(tasks: Iterable[Task], *kinds: str) -> list[Task]:
    return [task for task in tasks if kind(task) in kinds]


def listed(text: str) -> list[str]:
    """`[]`, `["a", "b"]`, `[a, b]` or `a,b`: all are seen in use."""
    try:
        names = json.loads(text)
    except (ValueError, RecursionError):
        names = None
    if isinstance(names, list):
        return [name if isinstance(name, str) else json.dumps(name) for name in names]
    return [name.strip("\"' ") for name in text.strip().removeprefix("[").removesuffix("]").split(",")
            if name.strip("\"' ")]


def counted(text: str) -> int:
    """A length: ValueError for what is no positive whole number."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and int(text)):
        raise ValueError(text)
    return int(text)
