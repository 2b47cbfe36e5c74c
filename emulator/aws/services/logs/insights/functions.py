"""Functions of a query's expressions: each takes values and gives one; what is not there gives nothing."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from typing import NamedTuple

from emulator.aws.services.logs.insights.values import Timestamp, Value, number, sort_key, text


class Function(NamedTuple):
    """How many arguments it takes, what it does, and whether it wants those that are not there too."""

    least: int
    most: int
    call: Callable[..., Value]
    missing_too: bool = False


MANY = 100


def apply(function: Function, values: list[Value]) -> Value:
    """Its value; None when an argument or the mathematics is missing."""
    if not function.missing_too and any(value is None for value in values):
        return None
    try:
        return function.call(*values)
    except (ArithmeticError, ValueError, TypeError):
        return None


def arithmetic(operation: str, left: Value, right: Value) -> Value:
    """`+ - * / % ^` of two numbers; None when one is none, or there is no such number."""
    one, other = number(left), number(right)
    if one is None or other is None:
        return None
    try:
        made = _ARITHMETIC[operation](one, other)
        return made if math.isfinite(made) else None
    except (ArithmeticError, ValueError):
        return None


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "%": math.fmod,
    "^": math.pow,
}


def _numeric(operation: Callable[..., float]) -> Callable[..., Value]:
    def call(*values: Value) -> Value:
        numbers = [number(value) for value in values]
        return None if None in numbers else operation(*numbers)

    return call


def _trim(name: str) -> Callable[..., Value]:
    """AWS's trim("xyZfooxyZ", "xyZ") is "foo": the second text is a set of characters."""

    def call(value: Value, characters: Value = None) -> Value:
        return str(getattr(text(value), name)(None if characters is None else text(characters)))

    return call


def _substr(value: Value, start: Value, length: Value = None) -> Value:
    begin, count = number(start), number(length)
    if begin is None or begin < 0 or (count is not None and count < 0):
        return None
    return text(value)[int(begin):][: None if count is None else int(count)]


def _address(kind: str = "") -> Callable[[Value], Value]:
    def call(value: Value) -> Value:
        try:
            return int(f"{ipaddress.ip_address(text(value)).version}".endswith(kind))
        except ValueError:
            return 0

    return call


def _in_subnet(kind: str = "") -> Callable[[Value, Value], Value]:
    def call(value: Value, subnet: Value) -> Value:
        try:
            address, network = ipaddress.ip_address(text(value)), ipaddress.ip_network(text(subnet), strict=False)
        except ValueError:
            return 0
        return int(address.version == network.version and address in network and str(address.version).endswith(kind))

    return call


def _millis(value: Value) -> Value:
    known = number(value)
    return None if known is None else int(known)


def _from_millis(value: Value) -> Value:
    known = number(value)
    return None if known is None else Timestamp(known)


FUNCTIONS = {
    "abs": Function(1, 1, _numeric(abs)),
    "ceil": Function(1, 1, _numeric(math.ceil)),
    "floor": Function(1, 1, _numeric(math.floor)),
    "greatest": Function(1, MANY, lambda *values: max(values, key=sort_key)),
    "least": Function(1, MANY, lambda *values: min(values, key=sort_key)),
    "log": Function(1, 1, _numeric(math.log)),
    "sqrt": Function(1, 1, _numeric(math.sqrt)),
    "ispresent": Function(1, 1, lambda value: int(value is not None), missing_too=True),
    "coalesce": Function(1, MANY, lambda *values: next((v for v in values if v is not None), None), missing_too=True),
    "isempty": Function(1, 1, lambda value: int(text(value) == ""), missing_too=True),
    "isblank": Function(1, 1, lambda value: int(not text(value).strip()), missing_too=True),
    "concat": Function(1, MANY, lambda *values: "".join(map(text, values)), missing_too=True),
    "ltrim": Function(1, 2, _trim("lstrip")),
    "rtrim": Function(1, 2, _trim("rstrip")),
    "trim": Function(1, 2, _trim("strip")),
    "strlen": Function(1, 1, lambda value: len(text(value))),
    "toupper": Function(1, 1, lambda value: text(value).upper()),
    "tolower": Function(1, 1, lambda value: text(value).lower()),
    "substr": Function(2, 3, _substr),
    "replace": Function(3, 3, lambda value, old, new: text(value).replace(text(old), text(new))),
    "strcontains": Function(2, 2, lambda value, part: int(text(part) in text(value))),
    "tomillis": Function(1, 1, _millis),
    "frommillis": Function(1, 1, _from_millis),
    "isvalidip": Function(1, 1, _address()),
    "isvalidipv4": Function(1, 1, _address("4")),
    "isvalidipv6": Function(1, 1, _address("6")),
    "isipinsubnet": Function(2, 2, _in_subnet()),
    "isipv4insubnet": Function(2, 2, _in_subnet("4")),
    "isipv6insubnet": Function(2, 2, _in_subnet("6")),
}
