"""The one place that calls faults, and the one that says whether a rule struck.

A strike is an effect, not a look: the rule changed the subject or the reply, delayed it, acted on something else,
raised, or did not call `proceed` exactly once. The first rule armed is outermost, as WSGI middleware is.
"""

from __future__ import annotations

import heapq
import logging
import math
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeVar

from emulator.clock import Clock
from emulator.errors import FaultError, UsageError
from emulator.fault import Context, Rule
from emulator.fault_check import misfit
from emulator.model import Reply, Subject
from emulator.timeline import Timeline

R = TypeVar("R", bound=Reply)
S = TypeVar("S", bound=Subject)
LOG = logging.getLogger(__name__)
MET = 100_000  # subjects that a rule knows again; older ones do not come again
_INVOCATION = re.compile(r"[^/]+/inv-\d+(?=/|$)")


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
    """A rule in force, with its counts and state. over: its time is (`ttl`, `between`); it is healed, and only tells
    how often it has struck. muted: it lets everything pass. healed: what its hooks still leave behind is to be undone.
    """

    rule: Rule
    since: float
    state: Any
    lock: threading.Lock = field(default_factory=threading.Lock)
    healing: threading.Lock = field(default_factory=threading.Lock)
    seen: Counter[str] = field(default_factory=Counter)
    returned: dict[str, list[int]] = field(default_factory=dict)
    met: Counter[str] = field(default_factory=Counter)
    strikes: int = 0
    over: bool = False
    muted: bool = False
    healed: bool = False

    @property
    def missed(self) -> bool:
        """It had to strike, and has not."""
        return not (self.strikes or self.rule.optional or self.muted)

    @property
    def end(self) -> float:
        """Rig seconds at which its time is over."""
        return self.since + self.rule.when.end

    def count(self, subject: Subject) -> tuple[int, int]:
        """Position of this subject in the rule's count, and how often the same one was here before: an event that is
        tried again, an environment that is used again."""
        key = _counted_by(subject, self.rule.when.per)
        with self.lock:
            self.met[subject.id] += 1
            again = self.met[subject.id] - 1
            if len(self.met) > MET:
                del self.met[next(iter(self.met))]
            if left := self.returned.get(key):
                return heapq.heappop(left), again
            self.seen[key] += 1
            return self.seen[key] - 1, again

    def uncount(self, subject: Subject, index: int) -> None:
        """It had no effect on this one after all, so the turn is the next one's, whoever passed meanwhile."""
        key = _counted_by(subject, self.rule.when.per)
        with self.lock:
            heapq.heappush(self.returned.setdefault(key, []), index)


class Injector:
    """Holds the armed rules; `pass_through` is called at every point.

    without: labels of rules that are muted, to find out which of them a failure needs. labels: of all that were armed.
    """

    def __init__(self, clock: Clock, timeline: Timeline, seed: int = 0, without: Collection[str] = ()) -> None:
        self.clock, self.timeline, self.seed, self.without = clock, timeline, seed, without
        self.labels: dict[str, None] = {}
        self._armed: tuple[Armed, ...] = ()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._watching = False
        clock.keep(self)

    def arm(self, rules: Iterable[Rule]) -> list[Armed]:
        """Put rules in force together, before the next subject at any point. Raises UsageError, and then arms none."""
        wanted = tuple(rules)
        for rule in wanted:
            if wrong := misfit(rule.fault):
                raise UsageError(f"fault {rule.label}: {wrong}")
        with self._lock:
            kept = tuple(armed for armed in self._armed if not armed.over)
            labels = _labels(wanted, kept)
            over = tuple(armed for armed in self._armed if armed.over and armed.rule.label not in labels)
            added = self._made(wanted)
            self.labels |= dict.fromkeys(labels)
            self._armed = (*over, *kept, *added)
        self._watch()
        return added

    def _made(self, rules: Iterable[Rule]) -> list[Armed]:
        """Each with its state; where one cannot be made, those made before it are healed."""
        made: list[Armed] = []
        try:
            for rule in rules:
                made.append(Armed(rule, self.clock.now(), _state(rule), muted=rule.label in self.without))
        except BaseException:
            for armed in made:
                self._heal_late(armed)
            raise
        return made

    def disarm(self, gone: Iterable[Armed] | None = None) -> None:
        """Take rules out of force (all of them by default) and heal each, whatever the others do: once, and again
        behind a hook that is under way meanwhile."""
        with self._lock:
            wanted = None if gone is None else tuple(gone)
            leaving = [armed for armed in self._armed if wanted is None or armed in wanted]
            self._armed = tuple(armed for armed in self._armed if armed not in leaving)
        self._watch()
        problems = [problem for armed in leaving if not armed.over and (problem := self._heal(armed))]
        if problems:
            raise FaultError("; ".join(problems))

    # --- rules that end by themselves: on the clock's agenda where it is moved by hand, else watched by a thread ---

    def due(self) -> float | None:
        """When the next rule's time is over (`clock.Agenda`)."""
        ends = [armed.end for armed in self._armed if not armed.over and armed.end < math.inf]
        return min(ends, default=None)

    def act(self, moment: float) -> None:
        """Heal the rules whose time is over by then."""
        with self._lock:
            ending = [armed for armed in self._armed if not armed.over and armed.end <= moment]
            for armed in ending:
                armed.over = True
        for armed in ending:
            self._heal_late(armed)

    def _watch(self) -> None:
        self._changed.set()
        self.clock.wake()
        with self._lock:
            if self.clock.manual or self._watching or self.due() is None:
                return
            self._watching = True
        threading.Thread(target=self._mind, name="rules-end", daemon=True).start()

    def _mind(self) -> None:
        """Until no rule is left that ends."""
        while True:
            self._changed.clear()
            with self._lock:
                end = self.due()
                self._watching = end is not None
            if end is None:
                return
            if self.clock.wait_until(end, self._changed):
                self.act(end)

    def armed(self) -> tuple[Armed, ...]:
        """Rules in force, in order of arming."""
        return self._armed

    def never_struck(self) -> list[str]:
        """Labels of rules in force that had no effect although they must."""
        return [armed.rule.label for armed in self._armed if armed.missed]

    def hooked(self, point: str) -> bool:
        """Is any rule in force that could strike at this point?"""
        return any(armed.rule.fault.strikes_at(point) for armed in self._armed if not armed.over)

    def pass_through(self, point: str, subject: S, proceed: Callable[[S], R], quiet: bool = False) -> Passage[R]:
        """Take `subject` past `point`: through the rules that strike it, to `proceed`, into the timeline. `proceed` is
        given the subject as the rules left it.

        quiet: into the timeline only where a rule struck.
        """
        way = _Way(point, subject, self.timeline.run)
        chain: Callable[[Any], Any] = proceed
        for armed in reversed(self._armed):
            if armed.rule.fault.strikes_at(point):
                chain = self._wrap(armed, way, chain)
        try:
            reply = chain(subject)
        except Exception as error:
            self._record(way, f"raised {type(error).__name__}", str(error))
            raise
        if way.struck or not quiet:
            notes = (getattr(subject, "note", ""), *(cost.did for cost in way.costs))
            self._record(way, reply.verdict, ", ".join(note for note in notes if note))
        return Passage(reply, sum(c.delayed for c in way.costs), sum(c.stalled for c in way.costs), way.struck)

    def _record(self, way: _Way, outcome: str, detail: str = "") -> None:
        self.timeline.record(way.subject.id, way.point, ",".join(way.struck), outcome, detail, way.run)

    def _drawn(self, armed: Armed, subject: Subject) -> tuple[str, int] | None:
        """What the dice of this passage are keyed by, and its position in the count; None where the rule lets it pass.
        """
        rule = armed.rule
        if armed.over or armed.muted or not rule.where.fits(subject.attributes()):
            return None
        if not rule.when.on(self.clock.now() - armed.since):
            return None
        index, again = armed.count(subject)
        key = f"{self.seed}/{rule.label}/{subject.id}" + (f"/{again}" if again else "")
        return (key, index) if rule.when.strikes(index, random.Random(f"{key}/when")) else None

    def _wrap(self, armed: Armed, way: _Way, inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def step(subject: Any) -> Any:
            if (drawn := self._drawn(armed, subject)) is None:
                return inner(subject)
            key, index = drawn
            ctx = Context(self.clock, armed.state, armed.lock, random.Random(f"{key}/hook"))
            rest = _Rest(inner, subject)
            effect = True
            try:
                reply = _call(armed, way, rest, ctx)
                effect = not rest.gave(reply)
            except BaseException as error:
                effect = not rest.raised_only(error)
                raise
            finally:
                if effect or rest.altered or ctx.delayed or ctx.stalled or ctx.did:
                    way.strike(armed, ctx)
                else:
                    armed.uncount(subject, index)
                if armed.healed:
                    self._heal_late(armed)
            return reply

        return step

    def _heal(self, armed: Armed) -> str:
        """What went wrong, if anything."""
        armed.healed = True
        ctx = Context(self.clock, armed.state, armed.lock, random.Random(self.seed))
        try:
            with armed.healing:
                armed.rule.fault.heal(ctx)
        except Exception as error:
            return f"fault {armed.rule.label!r} raised while healing: {error!r}"
        return ""

    def _heal_late(self, armed: Armed) -> None:
        """Where nobody waits to hear of a problem."""
        if problem := self._heal(armed):
            LOG.error(problem)


@dataclass
class _Way:
    """One subject on its way past one point, and what struck it there, outermost first."""

    point: str
    subject: Subject
    run: int
    struck: tuple[str, ...] = ()
    costs: list[Context] = field(default_factory=list)

    def strike(self, armed: Armed, ctx: Context) -> None:
        with armed.lock:
            armed.strikes += 1
        label = armed.rule.label
        self.struck = (label, *(other for other in self.struck if other != label))
        self.costs.append(ctx)


@dataclass
class _Rest:
    """`proceed` as one hook sees it: the rest of the way, and what that gave or raised."""

    inner: Callable[[Any], Any]
    subject: Any
    replies: list[Any] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    altered: bool = False

    def __call__(self, altered: Any = None) -> Any:
        subject = self.subject if altered is None else self._checked(altered)
        try:
            self.replies.append(self.inner(subject))
        except BaseException as error:
            self.errors.append(error)
            raise
        return self.replies[-1]

    def _checked(self, altered: Any) -> Any:
        """Only what the core looks at again may differ: anything else would be a strike without an effect."""
        kind = type(self.subject)
        if type(altered) is not kind:
            raise TypeError(f"proceed takes a {kind.__name__}, not {type(altered).__name__}")
        may = getattr(kind, "ALTERABLE", ())
        changed = [f.name for f in fields(kind) if getattr(altered, f.name) != getattr(self.subject, f.name)]
        if wrong := [name for name in changed if name not in may]:
            raise TypeError(f"{kind.__name__}.{wrong[0]} cannot be altered (only: {', '.join(may) or 'nothing'})")
        self.altered = self.altered or bool(changed)
        return altered

    def gave(self, reply: Any) -> bool:
        """The hook called once and returned what it got."""
        return len(self.replies) == 1 and not self.errors and (reply is self.replies[0] or reply == self.replies[0])

    def raised(self, error: BaseException) -> bool:
        """The error is the call's own, not the hook's."""
        return any(error is one for one in self.errors)

    def raised_only(self, error: BaseException) -> bool:
        """The hook called once, and let what came of it pass."""
        return not self.replies and len(self.errors) == 1 and self.raised(error)


def _call(armed: Armed, way: _Way, rest: _Rest, ctx: Context) -> Any:
    """Run the hook; an exception of the fault's own becomes a FaultError, the call's own pass unchanged."""
    label, place = armed.rule.label, f"{way.point} of {way.subject.id}"
    try:
        reply = getattr(armed.rule.fault, f"on_{way.point}")(rest.subject, rest, ctx)
    except BaseException as error:
        if rest.raised(error) or not isinstance(error, Exception):
            raise
        raise FaultError(f"fault {label!r} raised at {place}: {error!r}") from error
    if not hasattr(reply, "verdict"):
        raise FaultError(f"fault {label!r} gave {type(reply).__name__} at {place}: it must return a reply")
    return reply


def _labels(rules: Iterable[Rule], kept: Iterable[Armed]) -> list[str]:
    """Of rules that are to be armed beside those. Raises UsageError for one that is taken."""
    taken, labels = {armed.rule.label for armed in kept}, list[str]()
    for rule in rules:
        if rule.label in taken or rule.label in labels:
            raise UsageError(f"a rule named {rule.label!r} is armed already: give this one a name of its own")
        labels.append(rule.label)
    return labels


def _state(rule: Rule) -> Any:
    try:
        return rule.fault.new_state()
    except Exception as error:
        raise FaultError(f"fault {rule.label!r} raised while it was armed: {error!r}") from error


def _counted_by(subject: Subject, per: str) -> str:
    """What a rule counts this subject under."""
    if per == "function":
        return subject.attributes().get("function", "")
    if per == "invocation":
        within = getattr(subject, "invocation", "")  # a connection goes on in later ones than its id names
        named = _INVOCATION.match(within if isinstance(within, str) and within else subject.id)
        return named[0] if named else subject.id.rsplit("/", 1)[0]
    return ""
