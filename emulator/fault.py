"""What a fault is, and a rule: a fault with a place and a time.

A fault is a frozen dataclass whose fields are its parameters (`param()` gives each a unit and a meaning). It
implements the points it needs; every hook gets `(subject, proceed, ctx)`. Calling `proceed` zero times cuts the
call short, once lets it pass (earlier, later or altered), twice delivers it twice. State lives in `ctx.state`,
made by `new_state()` for each armed rule, never in the fault.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar

from emulator.clock import Clock
from emulator.scope import Match, When

POINTS = ("request", "start", "invoke", "aws_call", "read", "connect", "upstream")


@dataclass
class Context:
    """What a hook may use besides its subject.

    state: this rule's own. lock: guards it. random: dice keyed by seed, rule and subject.
    delayed, stalled: what this passage has cost so far, in seconds (virtual, real).
    """

    clock: Clock
    state: Any
    lock: threading.Lock
    random: random.Random
    delayed: float = 0.0
    stalled: float = 0.0

    def delay(self, seconds: float) -> None:
        """Add time that only the rig can observe: nothing waits, the callers' limits count it."""
        self.delayed += max(0.0, seconds)

    def stall(self, seconds: float) -> None:
        """Really wait: the handler's own clock can see this."""
        self.stalled += max(0.0, seconds)
        self.clock.stall(seconds)


class Fault:
    """Base of every fault; subclasses are frozen dataclasses with a `name`."""

    name: ClassVar[str] = ""
    color: ClassVar[str] = "red"
    default_match: ClassVar[Match] = Match()

    def new_state(self) -> Any:
        """State for one armed rule."""
        return None

    def heal(self, ctx: Context) -> None:
        """Undo what outlives a passage: called when the rule is disarmed, whatever happened before."""

    @classmethod
    def points(cls) -> tuple[str, ...]:
        """The points this fault hooks."""
        return tuple(p for p in POINTS if callable(getattr(cls, f"on_{p}", None)))


def param(default: Any, unit: str, about: str, least: float = 0) -> Any:
    """A fault's parameter with its default, unit and meaning, as `lambdarig faults NAME` prints them.

    least: the smallest number that it may be.
    """
    metadata = {"unit": unit, "about": about, "least": least}
    if isinstance(default, (list, dict, set)):
        return field(default_factory=lambda: default.copy(), metadata=metadata)
    return field(default=default, metadata=metadata)


def parameters(fault: type[Fault]) -> dict[str, dict[str, Any]]:
    """name -> {default, unit, about, least, type} of a fault class."""
    rows = {}
    for f in fields(fault):  # type: ignore[arg-type]
        default = f.default_factory() if callable(f.default_factory) else f.default
        rows[f.name] = {"default": default, "type": _written(f.type), **f.metadata}
    return rows


def _written(hint: Any) -> str:
    """A type as its author wrote it, whether or not annotations are postponed in that module."""
    return hint.__name__ if isinstance(hint, type) else str(hint)


@dataclass(frozen=True, eq=False)
class Rule:
    """A fault, where (`match`) and when (`when`). `optional`: may end without having struck."""

    fault: Fault
    match: Match = Match()
    when: When = When()
    name: str = ""
    optional: bool = False

    @property
    def label(self) -> str:
        """The name in the timeline: given, or the fault's."""
        return self.name or self.fault.name

    @cached_property
    def where(self) -> Match:
        """`match`, with the fault's defaults where it says nothing."""
        return self.match.over(self.fault.default_match)


Hook = Callable[[Any, Callable[[], Any], Context], Any]
