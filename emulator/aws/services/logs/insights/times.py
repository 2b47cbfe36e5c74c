"""Periods such as `5m`, and timestamps cut to them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from emulator.aws.services.logs.insights.values import EPOCH, Timestamp

_PERIOD = re.compile(r"0*(\d{1,6})\s*([a-z]+)", re.IGNORECASE)
_SECOND, _DAY = 1000, 86_400_000
_UNITS = {
    "ms": 1, "msec": 1, "millisecond": 1, "s": _SECOND, "sec": _SECOND, "second": _SECOND,
    "m": 60_000, "min": 60_000, "minute": 60_000, "h": 3_600_000, "hr": 3_600_000, "hour": 3_600_000,
    "d": _DAY, "day": _DAY, "w": 7 * _DAY, "week": 7 * _DAY,
}  # fmt: skip
_MONTHS = {"mo": 1, "mon": 1, "month": 1, "q": 3, "qtr": 3, "quarter": 3, "y": 12, "yr": 12, "year": 12}
_MONDAY = -3 * _DAY  # 1970-01-01 was a Thursday


class Period(NamedTuple):
    """So many milliseconds, or so many months."""

    milliseconds: int
    months: int = 0


def period(written: str) -> Period | None:
    """`5m`, `1 hour`, `2qtrs`; None for what is no period of time. Units of more than one letter take a plural."""
    found = _PERIOD.fullmatch(written)
    if not found or not int(found[1]):
        return None
    unit = found[2].lower()
    if unit not in _UNITS and unit not in _MONTHS and len(unit) > 2:
        unit = unit.removesuffix("s")
    if unit in _UNITS:
        return Period(int(found[1]) * _UNITS[unit])
    return Period(0, int(found[1]) * _MONTHS[unit]) if unit in _MONTHS else None


def floor(moment: int, step: Period) -> Timestamp:
    """The beginning of the period that a moment is in; weeks begin on Mondays, all else counts from 1970."""
    if step.months:
        return _month_floor(moment, step.months)
    shift = _MONDAY if step.milliseconds % (7 * _DAY) == 0 else 0
    return Timestamp((moment - shift) // step.milliseconds * step.milliseconds + shift)


def ceiling(moment: int, step: Period) -> Timestamp:
    """The end of that period; a moment that begins one stays."""
    begin = floor(moment, step)
    if begin == moment:
        return begin
    return _month_floor(moment, step.months, 1) if step.months else Timestamp(begin + step.milliseconds)


def _month_floor(moment: int, months: int, further: int = 0) -> Timestamp:
    day = EPOCH + timedelta(milliseconds=moment)
    count = ((day.year - 1970) * 12 + day.month - 1) // months * months + further * months
    begin = datetime(1970 + count // 12, count % 12 + 1, 1, tzinfo=EPOCH.tzinfo)
    return Timestamp((begin - EPOCH) // timedelta(milliseconds=1))
