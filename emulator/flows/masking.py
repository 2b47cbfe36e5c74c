"""Mask tasks: characters of a field's value give way to a mask.

AWS names the operators (MASK_ALL, MASK_FIRST_N, MASK_LAST_N) and the properties; its CDK constructs take one character
as MASK_VALUE, `*` where none is given. That a value keeps its length, whatever MASK_LENGTH a MASK_ALL has, is ours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.flows import task_parts
from emulator.flows.columns import text_of
from emulator.flows.task_parts import Task


def masked(task: Task) -> Callable[[Any], Any]:
    """A value's text, masked; null stays null. A value shorter than MASK_LENGTH is masked whole."""
    mask, operator = task_parts.given(task, "MASK_VALUE") or "*", task_parts.operator(task)
    count = 0 if operator == "MASK_ALL" else task_parts.counted(task_parts.given(task, "MASK_LENGTH"))

    def masked_text(value: Any) -> Any:
        if value is None:
            return None
        text = text_of(value)
        if operator == "MASK_FIRST_N":
            return mask * min(count, len(text)) + text[count:]
        if operator == "MASK_LAST_N":
            return text[: max(len(text) - count, 0)] + mask * min(count, len(text))
        return mask * len(text)

    return masked_text
