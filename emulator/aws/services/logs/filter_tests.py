"""What a filter pattern compares: a JSON member or a word against a number, a text with `*` at its ends, or a regex."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Test = Callable[[Any], bool]
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_STEP = re.compile(r"""\.?\[(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\]|\.([\w\-]+)""")
_ESCAPED = re.compile(r'\\(["\\])')
_REGEX_CHARACTERS = re.compile(r"(?:\\[\x21-\x7e]|[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|*+.])+")
_DOCUMENT = re.compile(r"\s*[{\[]")
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)
_MISSING = object()
_EVERY = object()


class InvalidPattern(ValueError):
    """AWS's sentence for a pattern it refuses."""


def phrase(written: str) -> str:
    """The text of a quoted phrase; a backslash makes a quote or a backslash plain."""
    return _ESCAPED.sub(r"\1", written[1:-1])


def regex(written: str) -> re.Pattern[str]:
    """`%...%`: AWS takes a part of the language only - no groups, no spaces, ASCII."""
    inner = written[1:-1]
    if not inner:
        raise InvalidPattern("Invalid filter pattern")
    known = _REGEX_CHARACTERS.match(inner)
    if not known or known.end() < len(inner):
        strange = inner[known.end() if known else 0]
        raise InvalidPattern(f"Invalid character(s) in term '{strange}'")
    try:
        return re.compile(inner, re.ASCII)
    except (re.error, OverflowError):
        raise InvalidPattern("Invalid filter pattern") from None


def document(message: str) -> Any:
    """A message that is a JSON object or array, its numbers as they were written; None for any other."""
    if not _DOCUMENT.match(message):
        return None
    try:
        return _DECODER.decode(message)
    except (ValueError, RecursionError):
        return None


def json_test(test: Any) -> Test:
    """A comparison, `IS NULL`, `IS TRUE`, `IS FALSE` or `NOT EXISTS` as a test of a whole document."""
    steps = list(_steps(str(test.children[0])))
    if test.data == "missing":
        return lambda document: not any(value is not _MISSING for value in _values(document, steps))
    if test.data == "literal":
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}[str(test.children[1])]
        return lambda document: any(value is wanted for value in _values(document, steps))
    holds = value_test(str(test.children[1]), test.children[2])
    return lambda document: any(
        holds(value) for value in _values(document, steps) if isinstance(value, (str, bool))
    )  # AWS: a selector must lead to a text or a number, else the event matches neither `=` nor `!=`


def value_test(operator_: str, value: Any) -> Test:
    """`= 4*`, `> 1000`, `!= %re%` as a test of a text (numbers are texts here) or a boolean."""
    written = str(value.children[0])
    if value.data == "bare" and _NUMBER.fullmatch(written):
        return _number_test(operator_, float(written))
    if operator_ not in ("=", "!="):
        raise InvalidPattern("Invalid filter pattern")
    if value.data == "bare" and written[0] in "+-":
        raise InvalidPattern(f"Invalid character(s) in term '{written[0]}'")
    alike = _alike(value.data, written)
    return alike if operator_ == "=" else lambda actual: not alike(actual)


def _number_test(operator_: str, wanted: float) -> Test:
    compare = OPERATORS[operator_]

    def test(actual: Any) -> bool:
        if isinstance(actual, str) and _NUMBER.fullmatch(actual):
            return compare(float(actual), wanted)
        return operator_ == "!="

    return test


def _alike(kind: str, written: str) -> Test:
    if kind == "regex":
        found = regex(written)
        return lambda actual: found.search(_text(actual)) is not None
    return _glob(phrase(written) if kind == "phrase" else written)


def _glob(text: str) -> Test:
    """AWS: `*` is any text before or after; in the middle it is an asterisk."""
    if not text.strip("*") and text:
        return lambda actual: True
    head, tail, core = text.startswith("*"), text.endswith("*"), text.strip("*")
    if head and tail:
        return lambda actual: core in _text(actual)
    if head:
        return lambda actual: _text(actual).endswith(core)
    if tail:
        return lambda actual: _text(actual).startswith(core)
    return lambda actual: _text(actual) == text


def _text(actual: Any) -> str:
    return str(actual).lower() if isinstance(actual, bool) else str(actual)


def _steps(selector: str) -> Iterator[Any]:
    """`$.a[0].['b.c']` as names and indexes."""
    for index, every, quoted, double, name in _STEP.findall(selector[1:]):
        yield int(index) if index else _EVERY if every else quoted or double or name


def _values(document: Any, steps: list[Any]) -> list[Any]:
    """What a selector leads to: one value, or one for each element of an array at `[*]`."""
    values = [document]
    for step in steps:
        values = [found for value in values for found in _next(value, step)]
    return values


def _next(value: Any, step: Any) -> list[Any]:
    if step is _EVERY:
        return value if isinstance(value, list) else [_MISSING]
    if isinstance(step, int):
        return [value[step] if isinstance(value, list) and step < len(value) else _MISSING]
    return [value.get(step, _MISSING) if isinstance(value, dict) else _MISSING]
