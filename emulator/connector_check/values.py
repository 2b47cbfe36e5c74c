"""Values of records: whether one is of its field's type, and some to write."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

WHOLE = ("Integer", "Long", "Short", "BigInteger")
BROKEN = ("Float", "Double", "BigDecimal")
_BEGIN = datetime(2024, 1, 15, 9, 0, tzinfo=timezone.utc)


def parsed(record: str) -> dict[str, Any] | None:
    """A record, which AppFlow takes as the text of a JSON object; None where it is none."""
    try:
        said = json.loads(record)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def misfit(value: Any, data_type: str) -> str:
    """Why it is no value of the type; empty where it is one. A text that can be read as one is one; null always is."""
    if value is None:
        return ""
    if data_type in ("Struct", "Map", "List") and isinstance(value, str):
        return ""  # AWS's Salesforce example calls all types it does not know Struct
    return "" if _FITS.get(data_type, _is_text)(value) else f"{json.dumps(value)[:60]} is no {data_type}"


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    """Or what can be taken as one."""
    return not isinstance(value, dict | list)


def _is_whole(value: Any) -> bool:
    return _is_number(value) and float(value) == int(float(value))


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError, OverflowError):
        return False


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or str(value).lower() in ("true", "false")


def _is_time(value: Any) -> bool:
    """ISO 8601, or a number: milliseconds since the epoch."""
    if _is_number(value):
        return True
    try:
        datetime.fromisoformat(str(value).replace("Z", "+00:00")[:10])
    except ValueError:
        return False
    return True


_FITS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(WHOLE, _is_whole), **dict.fromkeys(BROKEN, _is_number), "Boolean": _is_boolean,
    "Date": _is_time, "DateTime": _is_time, "Struct": _is_object, "Map": _is_object, "List": _is_list,
}


def sample(field: Any, number: int) -> Any:
    """A value for a field to write, another one for each number."""
    bounds = field.constraints
    if bounds and bounds.allowedValues:
        return bounds.allowedValues[number % len(bounds.allowedValues)]
    low, high = _range(bounds and bounds.allowedValueRange, 1, 1000)
    if field.dataType in WHOLE:
        return int(min(low + number, high))
    if field.dataType in BROKEN:
        return min(low + number + 0.5, high)
    if field.dataType == "Boolean":
        return number % 2 == 0
    moment = _BEGIN + timedelta(days=number)
    if field.dataType == "Date":
        return moment.strftime("%Y-%m-%d")
    if field.dataType == "DateTime":
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return _text(bounds, number)


def _text(bounds: Any, number: int) -> str:
    shortest, longest = _range(bounds and bounds.allowedLengthRange, 1, 24)
    return f"check-{number}".ljust(int(shortest), "x")[: max(1, int(longest))]


def _range(bounds: Any, low: float, high: float) -> tuple[float, float]:
    return (bounds.minRange, bounds.maxRange) if bounds else (low, high)
