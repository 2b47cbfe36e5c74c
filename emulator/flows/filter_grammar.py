"""Filters in the grammar that the connector SDK parses (custom_connector_queryfilter).

An expression has to mean the same to whoever parses it, so what the grammar holds only by an escape that it does not
explain (a string with both quotes) or not at all (a field called `in`) is refused: Unwritable.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal

from emulator.flows.columns import stamp

_IDENTIFIER = re.compile(r"[a-zA-Z][A-Za-z0-9_.-]*\Z")
_KEYWORDS = frozenset({
    "AND", "and", "OR", "or", "NOT", "not", "TRUE", "True", "true", "FALSE", "False", "false", "CONTAINS", "contains",
    "BETWEEN", "between", "null", "IN", "in", "LIMIT", "limit",
})
Literal = str | bool | Decimal | datetime | date


class Unwritable(ValueError):
    """A sentence's second half: `a string with both quotes`."""


def identifier(name: str) -> str:
    """A field's name."""
    if not _IDENTIFIER.match(name) or name in _KEYWORDS:
        raise Unwritable(f"the field name {name}")
    return name


def literal(value: Literal) -> str:
    """`"text"`, `12.5`, `true`, `2021-04-20`, `2021-04-20T12:30:45.000Z`"""
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return _years(stamp(value))
    return _years(value.isoformat())


def _number(value: Decimal) -> str:
    """All its digits, and no zeros after the last."""
    text = f"{value:f}" if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _string(text: str) -> str:
    """A backslash at the end would take the closing quote with it, up to the next one."""
    if text.endswith("\\"):
        raise Unwritable("a string that ends with a backslash")
    if '"' not in text:
        return f'"{text}"'
    if "'" not in text:
        return f"'{text}'"
    raise Unwritable("a string with both quotes")


def _years(text: str) -> str:
    """strftime does not pad years on every machine; the grammar wants four digits."""
    return text.rjust(len("2021-04-20T12:30:45.234Z") if "T" in text else len("2021-04-20"), "0")
