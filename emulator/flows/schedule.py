"""When a scheduled flow runs, and what an incremental run pulls."""

from __future__ import annotations

import calendar
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from emulator.aws.schedule_expression import SECONDS, BadExpression, following
from emulator.flows.filters import Window

FREQUENCIES = {"minute": "BYMINUTE", "hour": "HOURLY", "day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}
FIRST_PULL = timedelta(days=30)  # AppFlow's own figure
ROUNDING_S = 0.001  # the API's moments are of microseconds, and a clock's finer
_RATE = re.compile(rf"rate\( *(?P<count>[1-9]\d{{0,4}}) *(?P<unit>{'|'.join(FREQUENCIES)})s? *\)")
_ONCE = re.compile(r"at\((?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_PERIODS = {**SECONDS, "week": 7 * SECONDS["day"], "month": 30 * SECONDS["day"]}  # a month's only to guess by


def frequency(expression: str) -> str | None:
    """The ScheduleFrequency of a rate, or of one moment; None for anything else."""
    if found := _RATE.fullmatch(expression):
        return FREQUENCIES[found["unit"]]
    return None if _moment(expression) is None else "ONCE"


def valid(expression: str) -> bool:
    """Whether it is one of AppFlow's: `rate(5minutes)` (a space before the unit is taken, too), cron, `at(...)`."""
    if frequency(expression) is not None:
        return True
    try:
        following(expression)
    except BadExpression:
        return False
    return expression.startswith("cron(")


@dataclass(frozen=True)
class Recurrence:
    """The runs of an active flow. since: when it was activated; start, end: of the schedule, all in seconds since the
    epoch. offset: seconds by which each run is later than the schedule has it.

    A rate counts from start, or else from since, which so has the first run (as AWS's people say, aws-cdk-rfcs #483);
    cron is UTC. A start that is over leaves the rate's moments where they are.
    """

    expression: str
    since: float
    start: float | None = None
    end: float | None = None
    offset: float = 0.0

    def first(self, now: float) -> float | None:
        """At once, if it was activated now, and now is one of its moments."""
        return self.after(math.nextafter(self.since, -math.inf) if now - self.since < ROUNDING_S else now)

    def after(self, moment: float) -> float | None:
        begin = self.since if self.start is None else self.start
        found = _next(self.expression, begin, moment - self.offset)
        return None if found is None or (self.end is not None and found > self.end) else found + self.offset


def window(field: str, now: datetime, last: datetime | None, first: datetime | None) -> Window:
    """What an incremental run at `now` pulls. last: the end of the last successful one's window; first: the flow's
    firstExecutionFrom."""
    return Window(field, last or first or now - FIRST_PULL, now)


def _next(expression: str, begin: float, moment: float) -> float | None:
    """The first of its moments from `begin` on and after `moment`."""
    if rate := _RATE.fullmatch(expression):
        count, unit = int(rate["count"]), rate["unit"]
        step = _months(begin, count) if unit == "month" else lambda n: begin + n * count * _PERIODS[unit]
        return _step(step, max(0, int((moment - begin) // (count * _PERIODS[unit]))), moment)
    if (once := _moment(expression)) is not None:
        return once if once >= begin and once > moment else None
    next_one, found = following(expression), float(math.floor(max(moment, begin - 1)))  # its moments are whole minutes
    while (later := next_one(found)) is not None and later < begin:
        found = later
    return later


def _step(step: Callable[[int], float], n: int, moment: float) -> float:
    """The first step after a moment. n: about which one it is."""
    while n > 0 and step(n - 1) > moment:
        n -= 1
    while step(n) <= moment:
        n += 1
    return step(n)


def _months(begin: float, count: int) -> Callable[[int], float]:
    """The same day and time of every count-th month (UTC); the last day where a month is too short."""
    first = datetime.fromtimestamp(begin, timezone.utc)

    def step(n: int) -> float:
        years, month = divmod(first.month - 1 + n * count, 12)
        year = first.year + years
        day = min(first.day, calendar.monthrange(year, month + 1)[1])
        return begin + (first.replace(year=year, month=month + 1, day=day) - first).total_seconds()

    return step


def _moment(expression: str) -> float | None:
    """Of `at(2026-11-22T12:00:00)`, UTC."""
    found = _ONCE.fullmatch(expression)
    try:
        return datetime.fromisoformat(f"{found['time']}+00:00").timestamp() if found else None
    except ValueError:
        return None
