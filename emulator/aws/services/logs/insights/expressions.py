"""Expressions of a query as functions of a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from emulator.aws.services.logs.insights import times
from emulator.aws.services.logs.insights.aggregates import AGGREGATES, Sample
from emulator.aws.services.logs.insights.functions import FUNCTIONS, apply, arithmetic
from emulator.aws.services.logs.insights.java_regex import translate
from emulator.aws.services.logs.insights.values import Malformed, Value, before, equal, number, text, truth
from emulator.aws.services.logs.insights.values import unexpected as unexpected_symbol

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_COMPARISONS: dict[str, Callable[[Value, Value], bool]] = {
    "=": equal,
    "!=": lambda one, other: not equal(one, other),
    "<": before,
    ">": lambda one, other: before(other, one),
    "<=": lambda one, other: before(one, other) or equal(one, other),
    ">=": lambda one, other: before(other, one) or equal(one, other),
}
_TIMED = {"bin": 1, "datefloor": 2, "dateceil": 2}  # functions whose last argument is a period


class Row(Protocol):
    """An event, or a line that `stats` made."""

    def get(self, name: str) -> Value: ...
    def put(self, name: str, value: Value) -> None: ...


Expression = Callable[[Any], Value]


def unquoted(written: str) -> str:
    """The text of a quoted string."""
    return _ESCAPED.sub(lambda found: _ESCAPES.get(found[1], found[1]), written[1:-1])


def field_name(written: str) -> str:
    """A field's name without backticks."""
    return written.replace("`", "")


def unexpected(query: str, token: Any) -> Malformed:
    """A token that cannot stand where it stands."""
    return unexpected_symbol(query, token.start_pos, token.end_pos)


class Compiler:
    """query: its text, for errors. now_s: what `now()` is, in seconds since the epoch."""

    def __init__(self, query: str, now_s: int) -> None:
        self.query, self.now_s = query, now_s

    def compile(self, node: Any, aggregating: bool = False) -> Expression:
        """aggregating: the row is a group of rows (`stats`), and aggregations may stand here."""
        made: Expression = getattr(self, f"_{node.data}")(node.children, aggregating)
        return made

    def pattern(self, token: Any) -> re.Pattern[str]:
        """A `/regex/`."""
        try:
            return translate(str(token)[1:-1].replace("\\/", "/"))
        except re.error as error:
            raise Malformed(f"Invalid regular expression: {error}", token.start_pos, token.end_pos) from None

    def _or_(self, children: list[Any], aggregating: bool) -> Expression:
        parts = [self.compile(child, aggregating) for child in children]
        return lambda row: int(any(truth(part(row)) for part in parts))

    def _and_(self, children: list[Any], aggregating: bool) -> Expression:
        parts = [self.compile(child, aggregating) for child in children]
        return lambda row: int(all(truth(part(row)) for part in parts))

    def _negation(self, children: list[Any], aggregating: bool) -> Expression:
        inner = self.compile(children[0], aggregating)
        return lambda row: int(not truth(inner(row)))

    def _comparison(self, children: list[Any], aggregating: bool) -> Expression:
        left, holds, right = self.compile(children[0], aggregating), _COMPARISONS[str(children[1])], children[2]
        other = self.compile(right, aggregating)
        return lambda row: int(holds(left(row), other(row)))

    def _like(self, children: list[Any], aggregating: bool) -> Expression:
        subject, wanted = self.compile(children[0], aggregating), children[1].children[0]
        if children[1].data == "regex":
            search = self.pattern(wanted).search
            return lambda row: int((value := subject(row)) is not None and search(text(value)) is not None)
        part = unquoted(str(wanted))
        return lambda row: int((value := subject(row)) is not None and part in text(value))

    def _not_like(self, children: list[Any], aggregating: bool) -> Expression:
        like = self._like(children, aggregating)
        return lambda row: int(not like(row))

    def _within(self, children: list[Any], aggregating: bool) -> Expression:
        subject = self.compile(children[0], aggregating)
        members = [self.compile(child, aggregating) for child in children[1].children]
        return lambda row: int(any(equal(subject(row), member(row)) for member in members))

    def _not_within(self, children: list[Any], aggregating: bool) -> Expression:
        within = self._within(children, aggregating)
        return lambda row: int(not within(row))

    def _sum(self, children: list[Any], aggregating: bool) -> Expression:
        first, pairs = self.compile(children[0], aggregating), list(zip(children[1::2], children[2::2], strict=True))
        rest = [(str(operation), self.compile(operand, aggregating)) for operation, operand in pairs]

        def evaluate(row: Any) -> Value:
            value = first(row)
            for operation, operand in rest:
                value = arithmetic(operation, value, operand(row))
            return value

        return evaluate

    _product = _sum

    def _power(self, children: list[Any], aggregating: bool) -> Expression:
        parts = [self.compile(child, aggregating) for child in children]

        def evaluate(row: Any) -> Value:
            value = parts[-1](row)
            for part in reversed(parts[:-1]):
                value = arithmetic("^", part(row), value)
            return value

        return evaluate

    def _negative(self, children: list[Any], aggregating: bool) -> Expression:
        inner = self.compile(children[0], aggregating)
        return lambda row: arithmetic("-", 0, inner(row))

    def _number(self, children: list[Any], aggregating: bool) -> Expression:
        value = number(str(children[0]))
        return lambda row: value

    def _string(self, children: list[Any], aggregating: bool) -> Expression:
        value = unquoted(str(children[0]))
        return lambda row: value

    def _name(self, children: list[Any], aggregating: bool) -> Expression:
        """A field; `true` and `false` are 1 and 0 unless the event has such a field."""
        name = field_name(str(children[0]))
        constant = {"true": 1, "false": 0}.get(name.lower())
        if constant is None:
            return lambda row: row.get(name)
        return lambda row: constant if (value := row.get(name)) is None else value

    def _period(self, children: list[Any], aggregating: bool) -> Expression:
        raise unexpected(self.query, children[0])

    _star = _period

    def _call(self, children: list[Any], aggregating: bool) -> Expression:
        token, arguments = children[0], children[1:]
        name = str(token).lower()
        if name in AGGREGATES and aggregating:
            return self._aggregate(name, token, arguments)
        if name in _TIMED and len(arguments) == _TIMED[name]:
            return self._timed(name, arguments, aggregating)
        if name == "now" and not arguments:
            return lambda row: self.now_s
        function = FUNCTIONS.get(name)
        if function is None or not function.least <= len(arguments) <= function.most:
            raise self._refused(token)
        parts = [self.compile(argument, aggregating) for argument in arguments]
        return lambda row: apply(function, [part(row) for part in parts])

    def _refused(self, token: Any) -> Malformed:
        """AWS does not know the name as a function's, so the parenthesis after it is what surprises."""
        at = self.query.index("(", token.end_pos)
        return unexpected_symbol(self.query, at, at + 1)

    def _timed(self, name: str, arguments: list[Any], aggregating: bool) -> Expression:
        last = arguments[-1]
        step = times.period(str(last.children[0])) if last.data == "period" else None
        if step is None:
            raise unexpected_symbol(self.query, last.meta.start_pos, last.meta.end_pos)
        moment = self.compile(arguments[0], aggregating) if len(arguments) > 1 else lambda row: row.get("@timestamp")
        cut = times.ceiling if name == "dateceil" else times.floor

        def evaluate(row: Any) -> Value:
            known = number(moment(row))
            try:
                return None if known is None else cut(int(known), step)
            except (OverflowError, ValueError):
                return None

        return evaluate

    def _aggregate(self, name: str, token: Any, arguments: list[Any]) -> Expression:
        aggregate = AGGREGATES[name]
        if name == "count" and (not arguments or arguments[0].data == "star"):
            return lambda group: len(group.rows)
        if len(arguments) != aggregate.arguments:
            raise self._refused(token)
        inner, *constants = [self.compile(argument) for argument in arguments]

        def evaluate(group: Any) -> Value:
            samples: list[Sample] = [
                (number(row.get("@timestamp")) or 0, value)  # type: ignore[misc]
                for row in group.rows if (value := inner(row)) is not None
            ]  # fmt: skip
            return aggregate.call(samples, [constant(group) for constant in constants])

        return evaluate

