"""Aggregations of `stats`: each takes the values of one field over a group's rows, with the rows' times."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from emulator.aws.services.logs.insights.values import Timestamp, Value, number, sort_key, text

Sample = tuple[int, Value]  # (milliseconds of the event, value)


class Aggregate(NamedTuple):
    """arguments: the field, and constants after it. call(samples, constants); samples with no value are left out."""

    arguments: int
    call: Callable[[list[Sample], list[Value]], Value]


def _numbers(samples: list[Sample]) -> list[float]:
    return [known for _, value in samples if (known := number(value)) is not None]


def _over(operation: Callable[[list[float]], float]) -> Aggregate:
    def call(samples: list[Sample], constants: list[Value]) -> Value:
        numbers = _numbers(samples)
        try:
            return operation(numbers) if numbers else None
        except OverflowError:  # there is no such number
            return None

    return Aggregate(1, call)


def _mean(numbers: list[float]) -> float:
    return math.fsum(numbers) / len(numbers)


def _deviation(numbers: list[float]) -> float:
    """Of the population; AWS does not say which."""
    mean = _mean(numbers)
    return math.sqrt(math.fsum((each - mean) ** 2 for each in numbers) / len(numbers))


def _percentile(samples: list[Sample], constants: list[Value]) -> Value:
    """The nearest rank: a value that was there. AWS estimates over large sets."""
    numbers, wanted = sorted(_numbers(samples)), number(constants[0])
    if not numbers or wanted is None or not 0 <= wanted <= 100:
        return None
    return numbers[max(0, math.ceil(wanted / 100 * len(numbers)) - 1)]


def _extreme(which: Callable[..., Sample]) -> Callable[[list[Sample], list[Value]], Value]:
    """Numbers as numbers, dates as dates, texts in AWS's natural order."""

    def call(samples: list[Sample], constants: list[Value]) -> Value:
        numeric = [sample for sample in samples if number(sample[1]) is not None] or samples
        if not numeric:
            return None
        found = which(numeric, key=lambda sample: sort_key(sample[1]))[1]
        known = number(found)
        return found if known is None or isinstance(found, Timestamp) else known

    return call


def _by(which: Callable[..., Sample], key: Callable[[Sample], object]) -> Aggregate:
    return Aggregate(1, lambda samples, constants: which(samples, key=key)[1] if samples else None)


AGGREGATES = {
    "count": Aggregate(1, lambda samples, constants: len(samples)),
    "count_distinct": Aggregate(1, lambda samples, constants: len({text(value) for _, value in samples})),
    "sum": _over(math.fsum),
    "avg": _over(_mean),
    "stddev": _over(_deviation),
    "min": Aggregate(1, _extreme(min)),
    "max": Aggregate(1, _extreme(max)),
    "pct": Aggregate(2, _percentile),
    "earliest": _by(min, lambda sample: sample[0]),
    "latest": _by(max, lambda sample: sample[0]),
    "sortsfirst": _by(min, lambda sample: sort_key(sample[1])),
    "sortslast": _by(max, lambda sample: sort_key(sample[1])),
}
