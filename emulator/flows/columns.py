"""Names and types of what a flow writes, and values as those types."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

TEXT, WHOLE, NUMBER, BOOLEAN, DATE, DATETIME = "text", "whole number", "number", "boolean", "date", "datetime"
# The connector SDK's types, and the names that sources and destinations of AWS's own give theirs.
_KINDS = {
    TEXT: "string id textarea varchar text picklist email phone url charactervarying",
    WHOLE: "integer int long short biginteger bigint smallint",
    NUMBER: "float double bigdecimal decimal numeric number real currency percent",
    BOOLEAN: "boolean bool",
    DATE: "date",
    DATETIME: "datetime timestamp",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
LARGEST = 308  # a number's power of ten, as of a Double: AppFlow's own limit is not known
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d|\Z)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Column:
    """name: at the destination. type: one of the connector SDK's (`String`, `Integer`, ...); another name where a
    task's DESTINATION_DATA_TYPE has one that is not known here; empty where nothing is known."""

    name: str
    type: str = ""


_NAMES = ("String", "Integer", "Float", "Double", "Long", "Short", "BigInteger", "BigDecimal", "ByteArray", "Boolean",
          "Date", "DateTime", "Struct", "Map", "List")
_NAMED = {name.lower(): name for name in _NAMES}
_NAME_OF = {TEXT: "String", WHOLE: "Long", NUMBER: "Double", BOOLEAN: "Boolean", DATE: "Date", DATETIME: "DateTime"}


def type_named(data_type: str) -> str:
    """As the connector SDK calls it: `string` and `textarea` are its String. Any other name stays as it is."""
    return _NAMED.get(data_type.lower()) or _NAME_OF.get(kind_of(data_type), data_type)


def kind_of(data_type: str) -> str:
    """TEXT, WHOLE, ... of a data type's name in any spelling; empty for one that is not known here."""
    return _KIND_OF.get(data_type.replace(" ", "").replace("_", "").lower(), "")


def text_of(value: Any) -> str:
    """A value of a record as text: what is no string is its JSON. ValueError for what JSON cannot hold."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, RecursionError):
        raise ValueError("is nothing that JSON can hold") from None


def number_of(value: Any) -> Decimal:
    """ValueError for what is no number, or one out of a Double's range."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        raise ValueError("is no number")
    try:
        # A float by its shortest text: 0.1 is a tenth.
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except InvalidOperation:
        raise ValueError("is no number") from None
    if not number.is_finite() or (isinstance(value, str) and "_" in value):
        raise ValueError("is no number")
    if number and abs(number.adjusted()) > LARGEST:
        raise ValueError("is a number too large or too small")
    return number


def plain(number: Decimal) -> int | float:
    """As JSON has it: a whole number without a point."""
    return int(number) if number == number.to_integral_value() else float(number)


def whole_of(value: Any) -> int:
    number = number_of(value)
    if number != number.to_integral_value():
        raise ValueError("is no whole number")
    return int(number)


def boolean_of(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise ValueError("is neither true nor false")


def moment_of(value: Any) -> datetime:
    """ISO 8601, or milliseconds since 1970 (as the CDK's constructs write them in filters); UTC where no zone is
    given."""
    if isinstance(value, date):
        value = str(value)
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("is no time")
    try:
        if isinstance(value, str) and _ISO.match(value.strip()):
            given = datetime.fromisoformat(_iso(value.strip()))
            return (given if given.tzinfo else given.replace(tzinfo=timezone.utc)).astimezone(timezone.utc)
        return _EPOCH + timedelta(milliseconds=whole_of(value))
    except (ValueError, OverflowError):
        raise ValueError("is no time") from None


def _iso(text: str) -> str:
    """What Python 3.10 reads: no Z, and six digits of a second's fraction or none."""
    text = text[:-1] + "+00:00" if text[-1:] in ("Z", "z") else text
    head, point, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return f"{head}.{digits[:6]:0<6}{rest[len(digits):]}" if point and digits else text


def date_of(value: Any) -> date:
    return moment_of(value).date()


def stamp(moment: datetime) -> str:
    """`2021-04-20T12:30:45.234Z`"""
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


READ: dict[str, Callable[[Any], str | Decimal | bool | date | datetime]] = {
    TEXT: text_of, WHOLE: number_of, NUMBER: number_of, BOOLEAN: boolean_of, DATE: date_of, DATETIME: moment_of,
}
_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    TEXT: text_of,
    WHOLE: whole_of,
    NUMBER: lambda value: plain(number_of(value)),
    BOOLEAN: boolean_of,
    DATE: lambda value: date_of(value).isoformat(),
    DATETIME: lambda value: stamp(moment_of(value)),
}


def converter(source_type: str, destination_type: str) -> Callable[[Any], Any] | None:
    """From a value of one type to one of another, by ValueError if it is none; null stays null, and empty text is null
    where no text is wanted: CSV has no other. None where there is nothing to convert: the same kind, or a type that is
    not known here."""
    kind = kind_of(destination_type)
    if not kind or kind == kind_of(source_type):
        return None
    convert, null = _CONVERTERS[kind], (None,) if kind == TEXT else (None, "")
    return lambda value: None if value in null else convert(value)
