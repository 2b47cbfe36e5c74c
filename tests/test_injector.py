"""What passes a point: which rules it meets, what a strike is, and whose exception it is."""

from dataclasses import dataclass, replace

import pytest
from injector_rig import Answer, Hook, Subject, arm, call, cut, delay, look, rows, told

from emulator.errors import FaultError
from emulator.fault import Fault, Rule
from emulator.injector import Injector
from emulator.scope import Match, When
from emulator.timeline import Timeline

pytest_plugins = ["injector_rig"]  # fixtures: manual_clock, injector


class CallError(Exception):
    """What the call itself may raise."""


@dataclass(frozen=True)
class Elsewhere(Fault):
    name = "elsewhere"

    def on_connect(self, subject, proceed, ctx):
        return Answer("never")


def twice(subject, proceed, ctx):
    proceed()
    return proceed()


def alter(subject, proceed, ctx):
    return replace(proceed(), verdict="altered")


def copy(subject, proceed, ctx):
    return replace(proceed())


def stall(subject, proceed, ctx):
    ctx.stall(0.001)
    return proceed()


def no_delay(subject, proceed, ctx):
    ctx.delay(0)
    ctx.stall(0)
    return proceed()


def swallow(subject, proceed, ctx):
    try:
        return proceed()
    except CallError:
        return Answer("swallowed")


def retry(subject, proceed, ctx):
    try:
        return proceed()
    except CallError:
        return proceed()


def delay_after(subject, proceed, ctx):
    try:
        return proceed()
    finally:
        ctx.delay(3)


def broken(subject, proceed, ctx):
    raise KeyError("mistake")


def broken_after(subject, proceed, ctx):
    proceed()
    raise KeyError("mistake")


def translate(subject, proceed, ctx):
    try:
        return proceed()
    except CallError as error:
        raise RuntimeError("translated") from error


def nothing(subject, proceed, ctx):
    proceed()


def test_without_rules_a_subject_passes_and_is_recorded(injector):
    passage = call(injector)
    assert (passage.reply, passage.delayed, passage.stalled, passage.struck) == (Answer(), 0, 0, ())
    assert rows(injector) == [("crm/inv-1", "invoke", "", "ok")]


@pytest.mark.parametrize(
    ("hook", "struck", "verdict", "calls"),
    [
        (look, False, "ok", 1),
        (copy, False, "ok", 1),
        (no_delay, False, "ok", 1),
        (cut, True, "cut", 0),
        (twice, True, "ok", 2),
        (alter, True, "altered", 1),
        (delay, True, "ok", 1),
        (stall, True, "ok", 1),
    ],
)
def test_a_strike_is_an_effect_not_a_look(injector, hook, struck, verdict, calls):
    (armed,) = arm(injector, hook)
    delivered = []
    passage = call(injector, proceed=lambda: delivered.append(1) or Answer())
    assert (passage.struck, len(delivered), armed.strikes) == ((hook.__name__,) * struck, calls, int(struck))
    assert rows(injector) == [("crm/inv-1", "invoke", hook.__name__ * struck, verdict)]
    assert injector.never_struck() == ([] if struck else [hook.__name__])


def test_the_first_rule_armed_is_outermost(injector):
    order = []

    def layer(name):
        def hook(subject, proceed, ctx):
            order.append(f"{name} before")
            reply = proceed()
            order.append(f"{name} after {reply.verdict}")
            return Answer(f"{name}({reply.verdict})")

        return Rule(Hook(hook), name=name)

    injector.arm([layer("first"), layer("second")])
    injector.arm([layer("third")])
    passage = call(injector)
    assert passage.reply.verdict == "first(second(third(ok)))"
    assert passage.struck == ("first", "second", "third")
    assert order[:3] == ["first before", "second before", "third before"]
    assert rows(injector) == [("crm/inv-1", "invoke", "first,second,third", passage.reply.verdict)]


def test_a_rule_inside_one_that_delivers_twice_sees_two_and_is_named_once(injector):
    outer, inner = arm(injector, twice, alter)
    assert call(injector).struck == ("twice", "alter")
    assert (outer.strikes, inner.strikes, sum(inner.seen.values())) == (1, 2, 2)


def test_a_rule_inside_one_that_cuts_short_sees_nothing(injector):
    _, inner = arm(injector, cut, delay)
    passage = call(injector)
    assert (passage.struck, passage.delayed, inner.strikes, inner.seen) == (("cut",), 0, 0, {})


def test_delays_of_all_rules_add_up_and_nobody_waits(injector, manual_clock):
    injector.arm([Rule(Hook(delay), name="a"), Rule(Hook(delay), name="b"), Rule(Hook(stall), name="c")])
    begin = manual_clock.monotonic()
    passage = call(injector)
    assert (passage.delayed, passage.stalled) == (4, 0.001)
    assert manual_clock.monotonic() - begin < 2


def test_only_points_that_a_fault_hooks_concern_it(injector):
    (armed,) = injector.arm([Rule(Elsewhere())])
    assert call(injector).reply == Answer()
    assert armed.seen == {}
    assert injector.pass_through("connect", Subject(), lambda _: Answer()).reply == Answer("never")


def test_a_subject_that_does_not_match_is_neither_struck_nor_counted(injector):
    (armed,) = arm(injector, cut, match=Match(function="erp"))
    assert not call(injector).struck
    assert armed.seen == {}
    assert call(injector, Subject(function="erp")).struck


def fail():
    raise CallError("the call's own")


@pytest.mark.parametrize("hook", [look, alter, twice])
def test_the_calls_own_exception_passes_unchanged_and_is_no_strike(injector, hook):
    (armed,) = arm(injector, hook)
    with pytest.raises(CallError, match="the call's own"):
        call(injector, proceed=fail)
    assert (armed.strikes, rows(injector)) == (0, [("crm/inv-1", "invoke", "", "raised CallError")])
    assert injector.timeline.events()[0].detail == "the call's own"


def test_a_hook_that_swallows_the_calls_exception_has_struck(injector):
    (armed,) = arm(injector, swallow)
    assert (call(injector, proceed=fail).reply.verdict, armed.strikes) == ("swallowed", 1)


def test_a_hook_that_calls_again_after_an_exception_has_struck(injector):
    (armed,) = arm(injector, retry)
    answers = iter([CallError("once")])
    passage = call(injector, proceed=lambda: fail() if next(answers, None) else Answer())
    assert (passage.reply, armed.strikes) == (Answer(), 1)
    with pytest.raises(CallError):
        call(injector, proceed=fail)
    assert armed.strikes == 2


def test_a_hook_that_delayed_a_call_that_failed_has_struck(injector):
    (armed,) = arm(injector, delay_after)
    with pytest.raises(CallError):
        call(injector, proceed=fail)
    assert (armed.strikes, rows(injector)) == (1, [("crm/inv-1", "invoke", "delay_after", "raised CallError")])


@pytest.mark.parametrize("hook", [broken, broken_after])
def test_a_faults_own_exception_is_a_fault_error_that_names_it(injector, hook):
    (armed,) = arm(injector, hook)
    said = rf"fault '{hook.__name__}' raised at invoke of crm/inv-1: KeyError\('mistake'\)"
    with pytest.raises(FaultError, match=said):
        call(injector)
    assert (armed.strikes, rows(injector)) == (1, [("crm/inv-1", "invoke", hook.__name__, "raised FaultError")])


def test_a_fault_that_translates_the_calls_exception_is_wrong(injector):
    arm(injector, translate)
    with pytest.raises(FaultError, match=r"'translate' raised .*translated"):
        call(injector, proceed=fail)


def test_a_fault_that_gives_no_reply_is_wrong(injector):
    arm(injector, nothing)
    with pytest.raises(FaultError, match="'nothing' gave NoneType at invoke of crm/inv-1: it must return a reply"):
        call(injector)


def test_the_fault_that_is_wrong_is_named_whatever_is_around_it(injector):
    outer, wrong, inner = arm(injector, look, broken, alter)
    with pytest.raises(FaultError, match="'broken' raised"):
        call(injector)
    assert (outer.strikes, wrong.strikes, inner.strikes) == (0, 1, 0)


def test_an_interrupt_passes_as_it_is(injector):
    def interrupted(subject, proceed, ctx):
        raise KeyboardInterrupt

    arm(injector, interrupted)
    with pytest.raises(KeyboardInterrupt):
        call(injector)


def add(word):
    return lambda subject, proceed, ctx: proceed(replace(subject, word=subject.word + word))


def test_an_altered_subject_goes_on_and_is_a_strike(injector):
    outer, inner = injector.arm([Rule(Hook(add("a")), name="outer"), Rule(Hook(add("b")), name="inner")])
    passage = injector.pass_through("invoke", Subject(), told)
    assert (passage.reply, passage.struck) == (Answer("ab"), ("outer", "inner"))
    assert (outer.strikes, inner.strikes) == (1, 1)


def test_a_subject_passed_on_as_it_was_is_no_strike(injector):
    (armed,) = injector.arm([Rule(Hook(lambda subject, proceed, ctx: proceed(replace(subject))))])
    assert injector.pass_through("invoke", Subject(), told).struck == ()
    assert armed.strikes == 0


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (replace(Subject(), function="erp"), r"Subject\.function cannot be altered \(only: word\)"),
        (replace(Subject(), id="crm/inv-2"), r"Subject\.id cannot be altered"),
        (Answer(), "proceed takes a Subject, not Answer"),
    ],
)
def test_what_nobody_looks_at_again_cannot_be_altered(injector, other, problem):
    injector.arm([Rule(Hook(lambda subject, proceed, ctx: proceed(other)))])
    with pytest.raises(FaultError, match=problem):
        injector.pass_through("invoke", Subject(), told)


def test_what_was_done_beside_the_passage_is_a_strike_with_its_detail(injector):
    def fill(subject, proceed, ctx):
        ctx.acted("opened 3 sessions")
        return proceed()

    (armed,) = injector.arm([Rule(Hook(fill))])
    assert injector.pass_through("invoke", Subject(), told, quiet=True).struck == ("hook",)
    assert (armed.strikes, injector.timeline.strikes()[0].detail) == (1, "opened 3 sessions")


def test_a_subjects_note_is_in_the_detail_and_not_in_the_fingerprint(injector):
    def fill(subject, proceed, ctx):
        ctx.acted("opened 3 sessions")
        return proceed()

    injector.pass_through("invoke", Subject(), told)
    before = injector.timeline.fingerprint()
    injector.timeline.clear()
    noted = type("Noted", (Subject,), {"note": "attempt 2"})
    injector.pass_through("invoke", noted(), told)
    assert (injector.timeline.fingerprint(), injector.timeline.events()[0].detail) == (before, "attempt 2")
    injector.arm([Rule(Hook(fill))])
    injector.pass_through("invoke", noted(), told)
    assert injector.timeline.strikes()[0].detail == "attempt 2, opened 3 sessions"


class Chosen(Hook):
    """Strikes at the one of its places that it was told."""

    def __init__(self, place):
        super().__init__(cut)
        self.place = place

    def on_connect(self, subject, proceed, ctx):
        return cut(subject, proceed, ctx)

    def strikes_at(self, point):
        return point == self.place


def test_what_passes_where_a_fault_was_not_told_to_strike_is_not_counted(manual_clock):
    injector = Injector(manual_clock, Timeline(manual_clock))
    injector.arm([Rule(Chosen("connect"), when=When(times=1))])
    assert (injector.hooked("invoke"), injector.hooked("connect")) == (False, True)
    assert injector.pass_through("invoke", Subject(), told).struck == ()
    assert injector.pass_through("connect", Subject(), told).struck == ("hook",)
