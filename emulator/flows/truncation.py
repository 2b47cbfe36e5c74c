"""Truncate tasks: a field's value is cut to a length."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.flows import task_parts
from emulator.flows.columns import text_of
from emulator.flows.task_parts import Task


def truncated(task: Task) -> Callable[[Any], Any]:
    """The first TRUNCATE_LENGTH characters of a value's text; null stays null."""
    length = task_parts.counted(task_parts.given(task, "TRUNCATE_LENGTH"))
    return lambda value: None if value is None else text_of(value)[:length]
