"""What was measured: rows of numbers, and taking them so that a busy machine is unfair to all sides alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

Lane = Callable[[], float | None]  # does the thing once; gives its milliseconds, or None to be timed from outside


@dataclass(frozen=True)
class Row:
    """One line of the table. against: the comparison that matters, in words with numbers."""

    what: str
    median: float
    p99: float
    least: float
    most: float
    samples: int
    unit: str = "ms"
    against: str = ""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def row(what: str, values: list[float], against: str = "", unit: str = "ms") -> Row:
    """Medians, not means: one pause of the machine must not decide."""
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Row(what, statistics.median(ordered), p99, ordered[0], ordered[-1], len(ordered), unit, against)


def timed(lane: Lane) -> float:
    """Milliseconds of one turn."""
    begin = time.perf_counter()
    own = lane()
    return (time.perf_counter() - begin) * 1000 if own is None else own


def interleaved(lanes: Mapping[str, Lane], rounds: int, block: int = 1, warm_up: int = 20) -> dict[str, list[float]]:
    """ABAB: every round runs `block` turns of each lane, so that what else the machine does strikes all of them."""
    values: dict[str, list[float]] = {name: [] for name in lanes}
    for lane in lanes.values():
        for _ in range(warm_up):
            lane()
    for _ in range(rounds):
        for name, lane in lanes.items():
            values[name] += [timed(lane) for _ in range(block)]
    return values


def over(value: list[float], floor: list[float], name: str = "floor") -> str:
    """`floor + 0.61 ms (x 3.4)`, from medians."""
    mine, other = statistics.median(value), statistics.median(floor)
    sign = "+" if mine >= other else "-"
    return f"{name} {sign} {abs(mine - other):.2f} ms (x {mine / other:.1f})"
