"""Values of a query: text, numbers, timestamps, or nothing. A text that looks like a number is one where it matters."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*")
_CHUNK = re.compile(r"\d+|\D+")


class Timestamp(int):
    """Milliseconds since the epoch, shown as a date."""


Value = str | int | float | None
SortKey = tuple[int, float, tuple[tuple[int, int, str], ...]]


class Malformed(ValueError):
    """A query that does not compile: AWS's sentence, and where it went wrong (offsets into the query)."""

    def __init__(self, message: str, start: int = 0, end: int | None = None) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, start if end is None else end


def unexpected(text: str, start: int, end: int) -> Malformed:
    """AWS's sentence, as people report it: `unexpected symbol found ( at line 1 and position 115`."""
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1)
    symbol = text[start:end] or "<EOF>"
    return Malformed(f"unexpected symbol found {symbol} at line {line} and position {column}", start, end)


def number(value: Value) -> int | float | None:
    """A value as a number; None when it is none, or too great to be one."""
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value) or not math.isfinite(made := float(value)):
        return None
    return int(made) if made.is_integer() and abs(made) < 1e15 else made


def text(value: Value) -> str:
    """A value as GetQueryResults has it. Computed numbers have at most four decimals, as Insights shows them."""
    if isinstance(value, Timestamp):
        return written(value)
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) < 1e15 else repr(value)
    return "" if value is None else str(value)


def written(milliseconds: int) -> str:
    """`2026-01-02 03:04:05.678`, UTC; the bare number where no calendar has such a day."""
    try:
        moment = EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return str(int(milliseconds))
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def equal(one: Value, other: Value) -> bool:
    """As numbers when one of them is a number, else letter by letter. Nothing equals what is not there."""
    if one is None or other is None:
        return False
    if isinstance(one, str) and isinstance(other, str):
        return one == other
    left, right = number(one), number(other)
    return left == right if left is not None and right is not None else text(one) == text(other)


def before(one: Value, other: Value) -> bool:
    """one < other: as numbers when both can be, else letter by letter."""
    if one is None or other is None:
        return False
    left, right = number(one), number(other)
    return left < right if left is not None and right is not None else text(one) < text(other)


def truth(value: Value) -> bool:
    """What `filter` makes of a value: missing, empty and 0 are false."""
    known = number(value)
    return known != 0 if known is not None else bool(value)


def sort_key(value: Value) -> SortKey:
    """AWS's natural order, ascending: what is not there, texts, numbers; digits in a text by length, then value."""
    if value is None:
        return (0, 0.0, ())
    known = number(value)
    if known is not None:
        return (2, float(known), ())
    chunks = _CHUNK.findall(text(value))
    return (1, 0.0, tuple((0, len(c), c) if c.isdecimal() else (1, 0, c) for c in chunks))
