"""EventBridge's `rate(5 minutes)` and `cron(0 12 * * ? *)`: what follows on a moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timezone

_RATE = re.compile(r"rate\((?P<count>[1-9]\d*) (?P<unit>minute|hour|day)(?P<many>s?)\)")
_CRON = re.compile(r"cron\((?P<fields>[^()]+)\)")
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
Following = Callable[[float], float | None]  # seconds since the epoch -> the next such moment after it, if there is one


class BadExpression(ValueError):
    """AWS's words."""

    def __init__(self) -> None:
        super().__init__("Parameter ScheduleExpression is not valid.")


def following(expression: str) -> Following:
    """Raises BadExpression. A rate of one has a unit in the singular, as on AWS; cron is in UTC."""
    if rate := _RATE.fullmatch(expression):
        count = int(rate["count"])
        if (count == 1) == bool(rate["many"]):
            raise BadExpression
        return lambda moment: moment + count * SECONDS[rate["unit"]]
    cron = _CRON.fullmatch(expression)
    if cron is None:
        raise BadExpression
    return _cron(cron["fields"])


def _cron(fields: str) -> Following:
    from aws_croniter import AwsCroniter

    try:
        parsed = AwsCroniter(fields)
    except ValueError:
        raise BadExpression from None

    def after(moment: float) -> float | None:
        (found,) = parsed.get_next(datetime.fromtimestamp(moment, timezone.utc))
        return found.timestamp() if found else None

    return after
