"""What must come of a step: JMESPath -> the value found there, or checks of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jmespath

from emulator.errors import FileProblem, one_line
from emulator.files import Step

CHECKS = ("contains", "matches", "not", "at_least", "at_most")
BAD_PATH = (ValueError, RecursionError)  # JMESPath's own errors are ValueErrors; a slice by steps of 0 is a plain one
_ABOUT_FAILURE = re.compile(r"\W*(error|function_error|status)\b")


def check_expectations(expect: Mapping[str, Any], file: Path, key: str) -> None:
    """Raises FileProblem for what could not hold or fail."""
    for path, wanted in expect.items():
        check_path(path, file, key)
        _check_wanted(wanted, file, f"{key}.{path}")


def check_path(path: str, file: Path, key: str) -> None:
    """Raises FileProblem for what is no JMESPath."""
    try:
        jmespath.compile(path).search({})
    except jmespath.exceptions.JMESPathTypeError:  # the answer will have what an empty one has not
        return
    except BAD_PATH as error:
        raise FileProblem(file, key, f"{path!r} is no JMESPath: {one_line(error)}") from None


def _check_wanted(wanted: Any, file: Path, key: str) -> None:
    if not isinstance(wanted, dict) or not wanted.keys() & set(CHECKS):
        return
    if unknown := sorted(map(str, wanted.keys() - set(CHECKS))):
        raise FileProblem(file, f"{key}.{unknown[0]}", "unknown check", CHECKS)
    for name in ("at_least", "at_most"):
        if isinstance(value := wanted.get(name, 0), bool) or not isinstance(value, int | float):
            raise FileProblem(file, f"{key}.{name}", f"must be a number, not {value!r}")
    try:
        re.compile(wanted.get("matches", ""))
    except (re.error, TypeError) as error:
        raise FileProblem(file, f"{key}.matches", f"is no regular expression: {error}") from None
    _check_wanted(wanted.get("not"), file, f"{key}.not")


def judged(step: Step, result: dict[str, Any]) -> list[str]:
    """What of the step's expectations does not hold. A step that expects no failure must succeed."""
    problems = []
    failed = _failure(step, result)
    if failed and not any(_ABOUT_FAILURE.match(path) for path in step.expect):
        problems.append(f"failed: {_short(failed)}")
    for path, wanted in step.expect.items():
        try:
            found = jmespath.search(path, result)
        except BAD_PATH as error:
            problems.append(f"{path}: cannot be looked up: {one_line(error)}")
            continue
        if not holds(found, wanted):
            problems.append(f"{path}: expected {_short(wanted)}, found {_short(found)}")
    return problems


def _failure(step: Step, result: dict[str, Any]) -> Any:
    """What an API's route, an AWS call or a function failed with; nothing when it did not."""
    if result.keys() == {"error"}:
        return result["error"]
    if step.http is not None:
        return result if result["status"] >= 400 else None
    if step.invoke is None:
        return None
    return (result["payload"] or result["function_error"]) if result["function_error"] else None


def holds(found: Any, wanted: Any) -> bool:
    """Equality, or the checks contains, matches, not, at_least, at_most."""
    if not isinstance(wanted, dict) or not wanted.keys() & set(CHECKS):
        return bool(found == wanted)
    text = found if isinstance(found, str) else json.dumps(found)
    tests: dict[str, Callable[[Any], bool]] = {
        "contains": lambda w: (w if isinstance(w, str) else json.dumps(w)) in text,
        "matches": lambda w: re.search(w, text) is not None,
        "not": lambda w: not holds(found, w),
        "at_least": lambda w: isinstance(found, int | float) and found >= w,
        "at_most": lambda w: isinstance(found, int | float) and found <= w,
    }
    return all(tests[name](value) for name, value in wanted.items())


def shown(step: Step, result: dict[str, Any]) -> list[str]:
    """The lines of what the step's `show` leads to."""
    if step.show is None:
        return []
    try:
        found = jmespath.search(step.show, result)
    except BAD_PATH as error:
        return [f"{step.show}: cannot be looked up: {one_line(error)}"]
    parts = found if isinstance(found, list) else [found]
    texts = [part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts]
    return [line.rstrip() for text in texts for line in text.strip().splitlines()]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 400 else text[:400] + "..."
