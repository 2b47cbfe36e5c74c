"""Condition blocks. Within a block everything is ANDed, values of one key are ORed (negated operators: NORed).

A missing key: false; true for negated operators, ...IfExists and ForAllValues; ForAnyValue is false all the same, also
with IfExists (measured on AWS, re:Post QU9HFmDzP0QGuU-fd7rS6B7w).
"""

from __future__ import annotations

from collections.abc import Iterable

from emulator.aws.iam.matching import Unresolved, pattern_of, text_of
from emulator.aws.iam.operators import OPERATORS, Operator
from emulator.aws.iam.policy import Condition
from emulator.aws.iam.request import Keys


def conditions_hold(conditions: Iterable[Condition], keys: Keys, variables: bool) -> bool:
    """variables: is the document of a version that has them? An unresolved variable makes the condition false."""
    return all(holds(condition, keys, variables) for condition in conditions)


def holds(condition: Condition, keys: Keys, variables: bool = True) -> bool:
    """Does one operator hold for one key?"""
    values = keys.get(condition.key.lower(), ())
    if condition.operator == "Null":
        return any((wanted.lower() == "true") != bool(values) for wanted in condition.values)
    operator = OPERATORS[condition.operator]
    if condition.qualifier and values == ("",):  # AWS: an empty string is an empty set here
        values = ()
    if not values:
        return _holds_for_nothing(condition, operator)
    try:
        wanted = _wanted(condition, operator, keys if variables else None)
    except Unresolved:
        return False
    return _holds_for(values, wanted, operator, condition.qualifier)


def _holds_for_nothing(condition: Condition, operator: Operator) -> bool:
    if condition.qualifier == "ForAnyValue":
        return False
    return condition.if_exists or condition.qualifier == "ForAllValues" or operator.negated


def _wanted(condition: Condition, operator: Operator, keys: Keys | None) -> list[str]:
    """The policy's values, ready to be compared."""
    usable = keys if operator.variables else None
    return [pattern_of(value, usable) if operator.globs else text_of(value, usable) for value in condition.values]


def _holds_for(values: tuple[str, ...], wanted: list[str], operator: Operator, qualifier: str) -> bool:
    outcomes = [any(operator.test(value, item) for item in wanted) != operator.negated for value in values]
    every = qualifier == "ForAllValues" or (not qualifier and operator.negated)
    return all(outcomes) if every else any(outcomes)
