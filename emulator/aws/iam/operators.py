"""The condition operators: each compares one value of the request with one value of the policy.

A request value that is not of the operator's type matches nothing. Source: IAM JSON policy elements, condition
operators.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Any

from emulator.aws.iam.glob import glob_match

Test = Callable[[str, str], bool]

_DATE = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?))?)?"
    r"(?:t(\d\d?)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?(z|[+-]\d\d(?::?\d\d)?)?)?", re.ASCII,
)


@dataclass(frozen=True)
class Operator:
    """test(request value, policy value). negated: true when no policy value matches. variables: may have `${...}`.

    globs: the policy value is a pattern of * and ?, so a variable's value must be made literal in it.
    """

    test: Test
    negated: bool = False
    variables: bool = False
    globs: bool = False


def number(text: str) -> Decimal | None:
    """An integer or decimal, None for anything else."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None


def moment(text: str) -> Decimal | None:
    """Seconds since 1970: W3C's forms of ISO 8601, or epoch seconds, where there is neither `T` nor `-` in it."""
    text = text.lower()
    if "t" not in text and "-" not in text[1:]:
        return number(text)
    found = _DATE.fullmatch(text)
    return _seconds(*found.groups()) if found else None


def _seconds(year: str, month: str, day: str, *time: str | None) -> Decimal | None:
    """time: hour, minute, second, fraction of it, zone; each may be None."""
    hour, minute, second, part, zone = time
    try:
        date = datetime(int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0))
        offset = _offset(zone or "z")
    except ValueError:
        return None
    epoch = (date - datetime(1970, 1, 1)) // timedelta(seconds=1)
    return Decimal(epoch - offset) + Decimal(f"0.{part or 0}")


def _offset(zone: str) -> int:
    """Seconds east of UTC."""
    if zone == "z":
        return 0
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    delta = timezone(timedelta(hours=hours, minutes=minutes)).utcoffset(None)
    return int(delta.total_seconds()) * (-1 if zone[0] == "-" else 1)


def _compared(read: Callable[[str], Decimal | None], compare: Callable[[Any, Any], bool]) -> Test:
    def test(given: str, wanted: str) -> bool:
        left, right = read(given), read(wanted)
        return left is not None and right is not None and compare(left, right)

    return test


def _is_in_range(given: str, wanted: str) -> bool:
    """Without a prefix length the policy means the one address."""
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _same_bytes(given: str, wanted: str) -> bool:
    try:
        return base64.b64decode(given, validate=True) == base64.b64decode(wanted, validate=True)
    except (binascii.Error, ValueError):
        return False


def arn_match(given: str, wanted: str) -> bool:
    """Component by component, so that a wildcard stays between its colons; the sixth takes the rest."""
    if wanted == "*":
        return given.startswith("arn:")
    values, patterns = given.split(":", 5), wanted.split(":", 5)
    return len(values) == len(patterns) == 6 and all(map(glob_match, values, patterns))


def _family(name: str, read: Callable[[str], Decimal | None]) -> dict[str, Operator]:
    orders = {"LessThan": operator.lt, "LessThanEquals": operator.le,
              "GreaterThan": operator.gt, "GreaterThanEquals": operator.ge}
    return {
        f"{name}Equals": Operator(_compared(read, operator.eq)),
        f"{name}NotEquals": Operator(_compared(read, operator.eq), negated=True),
        **{f"{name}{order}": Operator(_compared(read, compare)) for order, compare in orders.items()},
    }


def _lower_equal(given: str, wanted: str) -> bool:
    return given.lower() == wanted.lower()


OPERATORS: Mapping[str, Operator] = {
    "StringEquals": Operator(operator.eq, variables=True),
    "StringNotEquals": Operator(operator.eq, negated=True, variables=True),
    "StringEqualsIgnoreCase": Operator(_lower_equal, variables=True),
    "StringNotEqualsIgnoreCase": Operator(_lower_equal, negated=True, variables=True),
    "StringLike": Operator(glob_match, variables=True, globs=True),
    "StringNotLike": Operator(glob_match, negated=True, variables=True, globs=True),
    **_family("Numeric", number),
    **_family("Date", moment),
    "Bool": Operator(_lower_equal, variables=True),
    "BinaryEquals": Operator(_same_bytes),
    "IpAddress": Operator(_is_in_range),
    "NotIpAddress": Operator(_is_in_range, negated=True),
    **{f"Arn{how}": Operator(arn_match, negated="Not" in how, variables=True, globs=True)
       for how in ("Equals", "Like", "NotEquals", "NotLike")},
    "Null": Operator(operator.eq),  # asks whether the key is there; `conditions` answers it
}
