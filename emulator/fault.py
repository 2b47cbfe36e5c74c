"""What a fault is, and a rule: a fault with a place and a time.

A fault is a frozen dataclass whose fields are its parameters (`param()` gives each a unit and a meaning). It
implements the points it needs; every hook gets `(subject, proceed, ctx)`. Calling `proceed` zero times cuts the
call short, once lets it pass (earlier, later or altered), twice delivers it twice. `proceed(altered)` passes on another
subject of the same id, as `dataclasses.replace` makes it. State lives in `ctx.state`, made by `new_state()` for each
armed rule, never in the fault.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from emulator.clock import Clock
from emulator.scope import Match, When

POINTS = {
    "request": "a request at API Gateway",
    "permit": "a look whether a service may invoke a function",
    "invoke": "an invocation",
    "start": "an execution environment's start",
    "warm": "an idle environment that is to be used again",
    "deliver": "an event that an environment is given",
    "aws_call": "a call of an AWS service",
    "read": "a look at a secret, or at a caller's policies",
    "resolve": "a name of a SaaS host that is looked up",
    "handshake": "a TLS handshake with a SaaS host",
    "connect": "a connection to a database or another relayed host",
    "resume": "such a connection whose environment was frozen and goes on",
    "upstream": "a request to a SaaS host",
    "query": "a page of records that a flow asks its source connector for",
    "write": "a batch of records that a flow writes to its destination connector",
}


@dataclass
class Context:
    """What a hook may use besides its subject.

    state: this rule's own. lock: guards it. random: dice keyed by seed, rule and subject.
    delayed, stalled: what this passage has cost so far, in seconds (virtual, real). did: see `acted`.
    """

    clock: Clock
    state: Any
    lock: threading.Lock
    random: random.Random
    delayed: float = 0.0
    stalled: float = 0.0
    did: str = ""

    def delay(self, seconds: float) -> None:
        """Add time that only the rig can observe: nothing waits, the callers' limits count it."""
        self.delayed += max(0.0, seconds)

    def stall(self, seconds: float) -> None:
        """Really wait: the handler's own clock can see this."""
        self.stalled += max(0.0, seconds)
        self.clock.stall(seconds)

    def acted(self, what: str) -> None:
        """Something beside this passage was changed (a server filled up, a socket closed): that is a strike too.
        what: for people, in the record's detail."""
        self.did = f"{self.did}, {what}" if self.did else what


class Fault:
    """Base of every fault; subclasses are frozen dataclasses with a `name` and a docstring.

    own_points: names of points beside the rig's, and what each is; who brings the fault takes subjects past them
    (`Rig.pass_through`). default_match: where it strikes unless a rule says otherwise.
    """

    name: ClassVar[str] = ""
    color: ClassVar[str] = "red"
    default_match: ClassVar[Match] = Match()
    own_points: ClassVar[Mapping[str, str]] = {}

    def new_state(self) -> Any:
        """State for one armed rule."""
        return None

    def heal(self, ctx: Context) -> None:
        """Undo what outlives a passage: called when the rule is disarmed, whatever happened before, and again behind
        each hook that was under way then."""

    @classmethod
    def points(cls) -> tuple[str, ...]:
        """The points this fault hooks."""
        return tuple(p for p in (*POINTS, *cls.own_points) if callable(getattr(cls, f"on_{p}", None)))

    def strikes_at(self, point: str) -> bool:
        """Whether one with these parameters strikes there: a fault of several places may be told which one it is. What
        passes elsewhere is not counted."""
        return hasattr(self, f"on_{point}")


REQUIRED: Any = MISSING  # as a parameter's default: there is none, a rule has to say


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


N = TypeVar("N", int, float)


def tighter(given: N | None, own: N) -> N:
    """For a field that limits something: of two rules that set it the tighter one counts, whichever is outermost.
    given: what the subject has by now."""
    return own if given is None else min(given, own)


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
