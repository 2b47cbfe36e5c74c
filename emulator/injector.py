"""The one place that calls faults, and the one that says whether a rule struck.

A strike is an effect, not a look: the rule changed the reply, delayed it, raised, or did not call `proceed`
exactly once. The first rule armed is outermost, as WSGI middleware is.
"""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from emulator.clock import Clock
from emulator.errors import FaultError, UsageError
from emulator.fault import Context, Rule
from emulator.model import Reply, Subject
from emulator.timeline import Timeline

R = TypeVar("R", bound=Reply)


@dataclass(frozen=True)
class Passage(Generic[R]):
    """reply: what came back. delayed, stalled: virtual and real seconds the rules added. struck: labels of
    rules that had an effect."""

    reply: R
    delayed: float = 0.0
    stalled: float = 0.0
    struck: tuple[str, ...] = ()


@dataclass(eq=False)
class Armed:
    """A rule in force, with its counts and state."""

    rule: Rule
    since: float
    state: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: Counter[str] = field(default_factory=Counter)
    strikes: int = 0

    def next_index(self, subject: Subject) -> int:
        """Position of this subject in the rule's count."""
        per = self.rule.when.per
        key = subject.attributes().get("function", "") if per == "function" else ""
        key = subject.id.rsplit("/", 1)[0] if per == "invocation" else key
        with self.lock:
            self.seen[key] += 1
            return self.seen[key] - 1


class Injector:
    """Holds the armed rules; `pass_through` is called at every point."""

    def __init__(self, clock: Clock, timeline: Timeline, seed: int = 0) -> None:
        self.clock, self.timeline, self.seed = clock, timeline, seed
        self._armed: tuple[Armed, ...] = ()
        self._lock = threading.Lock()

    def arm(self, rules: Iterable[Rule]) -> list[Armed]:
        """Put rules in force together, before the next subject at any point."""
        with self._lock:
            taken = {armed.rule.label for armed in self._armed}
            added = []
            for rule in rules:
                if rule.label in taken:
                    raise UsageError(f"a rule named {rule.label!r} is armed already: give this one a name of its own")
                taken.add(rule.label)
                added.append(Armed(rule, self.clock.now(), rule.fault.new_state()))
            self._armed += tuple(added)
        return added

    def disarm(self, gone: Iterable[Armed] | None = None) -> None:
        """Take rules out of force (all of them by default) and heal each, whatever the others do."""
        with self._lock:
            leaving = list(self._armed if gone is None else gone)
            self._armed = tuple(armed for armed in self._armed if armed not in leaving)
        problems = [p for armed in leaving if (p := self._heal(armed))]
        if problems:
            raise problems[0]

    def armed(self) -> tuple[Armed, ...]:
        """Rules in force, in order of arming."""
        return self._armed

    def never_struck(self) -> list[str]:
        """Labels of rules in force that had no effect although they must."""
        return [a.rule.label for a in self._armed if not a.strikes and not a.rule.optional]

    def pass_through(self, point: str, subject: Subject, proceed: Callable[[], R]) -> Passage[R]:
        """Take `subject` past `point`: through the rules that strike it, to `proceed`, into the timeline."""
        struck: list[str] = []
        costs: list[Context] = []
        chain: Callable[[], Any] = proceed
        for armed in reversed(self._armed):
            if hasattr(armed.rule.fault, f"on_{point}"):
                chain = self._wrap(armed, point, subject, chain, struck, costs)
        reply = chain()
        self.timeline.record(subject.id, point, ",".join(struck), reply.verdict)
        return Passage(reply, sum(c.delayed for c in costs), sum(c.stalled for c in costs), tuple(struck))

    def _applies(self, armed: Armed, subject: Subject) -> bool:
        rule = armed.rule
        if not rule.where.fits(subject.attributes()):
            return False
        dice = self._dice(armed, subject, "when")
        return rule.when.strikes(armed.next_index(subject), self.clock.now() - armed.since, dice)

    def _dice(self, armed: Armed, subject: Subject, use: str) -> random.Random:
        return random.Random(f"{self.seed}/{armed.rule.label}/{subject.id}/{use}")

    def _wrap(
        self,
        armed: Armed,
        point: str,
        subject: Subject,
        inner: Callable[[], Any],
        struck: list[str],
        costs: list[Context],
    ) -> Callable[[], Any]:
        def step() -> Any:
            if not self._applies(armed, subject):
                return inner()
            replies: list[Any] = []

            def proceed() -> Any:
                replies.append(inner())
                return replies[-1]

            ctx = Context(self.clock, armed.state, armed.lock, self._dice(armed, subject, "hook"))
            reply = _call(armed, point, subject, proceed, ctx)
            if len(replies) != 1 or reply is not replies[0] or ctx.delayed or ctx.stalled:
                with armed.lock:
                    armed.strikes += 1
                struck.insert(0, armed.rule.label)
                costs.append(ctx)
            return reply

        return step

    def _heal(self, armed: Armed) -> FaultError | None:
        ctx = Context(self.clock, armed.state, armed.lock, random.Random(self.seed))
        try:
            armed.rule.fault.heal(ctx)
        except Exception as error:
            return FaultError(f"fault {armed.rule.label!r} raised while healing: {error!r}")
        return None


def _call(armed: Armed, point: str, subject: Subject, proceed: Callable[[], Any], ctx: Context) -> Any:
    """Run the hook; an exception of the fault's own becomes a FaultError, the call's own pass unchanged."""
    inside: list[BaseException] = []

    def guarded() -> Any:
        try:
            return proceed()
        except BaseException as error:
            inside.append(error)
            raise

    try:
        reply = getattr(armed.rule.fault, f"on_{point}")(subject, guarded, ctx)
    except BaseException as error:
        if error in inside or not isinstance(error, Exception):
            raise
        raise FaultError(f"fault {armed.rule.label!r} raised at {point} of {subject.id}: {error!r}") from error
    if not hasattr(reply, "verdict"):
        raise FaultError(f"fault {armed.rule.label!r} gave {type(reply).__name__} at {point}: it must return a reply")
    return reply
