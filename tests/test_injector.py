import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest

from emulator.clock import Clock
from emulator.errors import FaultError, UsageError
from emulator.fault import Fault, Rule
from emulator.injector import Injector
from emulator.scope import Match, When
from emulator.timeline import Timeline


@dataclass(frozen=True)
class Subject:
    ALTERABLE = ("word",)

    id: str = "crm/inv-1"
    function: str = "crm"
    invocation: str = ""
    word: str = ""

    def attributes(self):
        return {"function": self.function}


@dataclass(frozen=True)
class Answer:
    verdict: str = "ok"


class CallError(Exception):
    """What the call itself may raise."""


class Hook(Fault):
    """A fault that does what the test says."""

    name = "hook"

    def __init__(self, hook, *, heal=None, state=None):
        self._hook, self._heal, self.new_state = hook, heal, state or (lambda: None)

    def on_invoke(self, subject, proceed, ctx):
        return self._hook(subject, proceed, ctx)

    def heal(self, ctx):
        if self._heal:
            self._heal(ctx)


@dataclass(frozen=True)
class Elsewhere(Fault):
    name = "elsewhere"

    def on_connect(self, subject, proceed, ctx):
        return Answer("never")


def look(subject, proceed, ctx):
    return proceed()


def cut(subject, proceed, ctx):
    return Answer("cut")


def twice(subject, proceed, ctx):
    proceed()
    return proceed()


def alter(subject, proceed, ctx):
    return replace(proceed(), verdict="altered")


def copy(subject, proceed, ctx):
    return replace(proceed())


def delay(subject, proceed, ctx):
    ctx.delay(2)
    return proceed()


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


@pytest.fixture
def clock():
    return Clock(manual=True)


@pytest.fixture
def injector(clock):
    return Injector(clock, Timeline(clock), seed=7)


def arm(injector, *hooks, **rule):
    return injector.arm([Rule(Hook(hook), name=hook.__name__, **rule) for hook in hooks])


def call(injector, subject=None, proceed=Answer):
    return injector.pass_through("invoke", subject or Subject(), lambda _: proceed())


def rows(injector):
    return [(event.subject, event.point, event.rule, event.outcome) for event in injector.timeline.events()]


def many(injector, count, **subject):
    """Indices of the subjects that were struck."""
    return [n for n in range(count) if call(injector, Subject(f"crm/inv-{n}", **subject)).struck]


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


def test_delays_of_all_rules_add_up_and_nobody_waits(injector, clock):
    injector.arm([Rule(Hook(delay), name="a"), Rule(Hook(delay), name="b"), Rule(Hook(stall), name="c")])
    begin = clock.monotonic()
    passage = call(injector)
    assert (passage.delayed, passage.stalled) == (4, 0.001)
    assert clock.monotonic() - begin < 2


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


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        (When(), list(range(10))),
        (When(after=3), list(range(3, 10))),
        (When(times=2), [0, 1]),
        (When(after=1, times=1), [1]),
        (When(every=3), [0, 3, 6, 9]),
        (When(after=1, every=4, times=2), [1, 5]),
        (When(probability=0), []),
        (When(ttl=0.5), list(range(10))),
        (When(between=(1, 2)), []),
    ],
)
def test_counting_is_exact(injector, when, struck):
    arm(injector, cut, when=when)
    assert many(injector, 10) == struck


def test_a_turn_that_was_not_taken_is_the_next_ones_whoever_passed_meanwhile(injector):
    def cut_but_0(subject, proceed, ctx):
        return proceed() if subject.id == "crm/inv-0" else Answer("cut")

    def meanwhile():
        return Answer(call(injector, Subject("crm/inv-1")).reply.verdict)

    arm(injector, cut_but_0, when=When(times=1))
    assert call(injector, Subject("crm/inv-0"), meanwhile).struck == ()
    assert [call(injector, Subject(f"crm/inv-{n}")).struck for n in (2, 3)] == [("cut_but_0",), ()]


@pytest.mark.parametrize(
    ("when", "struck"),
    [
        (When(times=2), [3, 4]),
        (When(after=4, times=1), [4]),
        (When(every=2, times=2), [3, 5]),
    ],
)
def test_what_it_had_no_effect_on_takes_no_turn(injector, when, struck):
    def cut_from_3(subject, proceed, ctx):
        return proceed() if subject.id < "crm/inv-3" else Answer("cut")

    arm(injector, cut_from_3, when=when)
    assert many(injector, 10) == struck


def test_a_rule_is_on_only_between_its_times_counted_from_its_arming(injector, clock):
    clock.advance(100)
    arm(injector, cut, when=When(between=(2, 4)))
    found = []
    for second in range(6):
        found += [second] * bool(call(injector).struck)
        clock.advance(1)
    assert found == [2, 3]


def test_a_rule_is_off_after_its_ttl(injector, clock):
    arm(injector, cut, when=When(ttl=3))
    clock.advance(2.999)
    assert call(injector).struck
    clock.advance(0.001)
    assert not call(injector).struck


def test_what_passes_while_a_rule_is_off_is_not_counted(injector, clock):
    arm(injector, cut, when=When(between=(5, 10), after=1, times=1))
    assert many(injector, 4) == []
    clock.advance(5)
    assert many(injector, 4) == [1]


@pytest.mark.parametrize(
    ("subject", "key"),
    [
        (Subject("crm/inv-3"), "crm/inv-3"),
        (Subject("crm/inv-3/sts.GetCallerIdentity#2"), "crm/inv-3"),
        (Subject("crm/inv-3/login.example.com#1"), "crm/inv-3"),
        (Subject("crm/inv-31/sts.GetCallerIdentity#2"), "crm/inv-31"),
        (Subject("orders-db/conn-1", invocation="crm/inv-4"), "crm/inv-4"),
        (Subject("crm/inv-3/orders-db/conn-1", invocation="crm/inv-4"), "crm/inv-4"),
        (Subject("orders-db/conn-1"), "orders-db"),
        (Subject("crm/env-1/init/sts.GetCallerIdentity#1"), "crm/env-1/init"),
        (Subject("crm/env-2"), "crm"),
        (Subject("client/sts.GetCallerIdentity#9"), "client"),
        (Subject("apigateway/req-1"), "apigateway"),
    ],
)
def test_per_invocation_counts_by_the_invocation_or_by_the_place(injector, subject, key):
    (armed,) = arm(injector, cut, when=When(per="invocation"))
    call(injector, subject)
    assert armed.seen == {key: 1}


def test_each_invocation_has_a_count_of_its_own(injector):
    arm(injector, cut, when=When(per="invocation", times=1))
    ids = [f"crm/inv-{n}/sts.X#{k}" for n in (1, 2) for k in (1, 2, 3)]
    assert [i for i in ids if call(injector, Subject(i)).struck] == ["crm/inv-1/sts.X#1", "crm/inv-2/sts.X#1"]


def test_each_function_has_a_count_of_its_own(injector):
    arm(injector, cut, when=When(per="function", times=2))
    assert many(injector, 4, function="crm") == [0, 1]
    assert many(injector, 4, function="erp") == [0, 1]


def drawn(seed, threads):
    """Who was struck, and the fingerprint, of 200 subjects that come in any order."""
    clock = Clock(manual=True)
    injector = Injector(clock, Timeline(clock), seed)
    rule = Rule(Hook(cut), when=When(probability=0.3))
    depth = Rule(Hook(lambda s, proceed, ctx: Answer(f"{ctx.random.random():.9f}")), name="draws")
    injector.arm([rule, depth])
    subjects = [Subject(f"crm/inv-{n}/sts.X#1") for n in range(200)]
    random.shuffle(subjects)
    with ThreadPoolExecutor(threads) as pool:
        passages = list(pool.map(lambda subject: (subject.id, call(injector, subject).struck), subjects))
    return frozenset(passages), injector.timeline.fingerprint()


def test_dice_are_keyed_so_that_eight_threads_give_one_outcome_in_twenty_runs():
    assert len({drawn(seed=1, threads=8) for _ in range(20)}) == 1
    assert drawn(seed=1, threads=1) == drawn(seed=1, threads=8)


def test_another_seed_strikes_others():
    assert len({drawn(seed, threads=1)[1] for seed in range(5)}) == 5


def test_who_comes_again_is_drawn_anew(injector):
    injector.arm([Rule(Hook(cut), when=When(probability=0.5))])
    struck = [bool(call(injector, Subject("crm/env-1")).struck) for _ in range(100)]
    assert 25 < sum(struck) < 75


def test_rules_of_different_names_draw_apart(injector):
    when = When(probability=0.5)
    one, other = (Rule(Hook(delay), name=name, when=when) for name in ("one", "other"))
    injector.arm([one, other])
    struck = [call(injector, Subject(f"crm/inv-{n}")).struck for n in range(200)]
    assert {("one",), ("other",), ("one", "other"), ()} == set(struck)


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


def test_state_is_each_rules_own(injector):
    def count(subject, proceed, ctx):
        with ctx.lock:
            ctx.state.append(subject.id)
        return proceed()

    one, other = injector.arm([Rule(Hook(count, state=list), name=name) for name in ("one", "other")])
    call(injector)
    assert (one.state, other.state) == (["crm/inv-1"], ["crm/inv-1"])
    assert one.state is not other.state


def test_a_state_that_cannot_be_made_arms_nothing(injector):
    with pytest.raises(FaultError, match=r"fault 'bad' raised while it was armed: ZeroDivisionError"):
        injector.arm([Rule(Hook(cut)), Rule(Hook(cut, state=lambda: 1 / 0), name="bad")])
    assert injector.armed() == ()


def test_a_label_is_armed_once(injector):
    arm(injector, cut)
    for rules in ([Rule(Hook(look), name="cut")], [Rule(Hook(look), name="new"), Rule(Hook(look), name="new")]):
        with pytest.raises(UsageError, match="is armed already: give this one a name of its own"):
            injector.arm(rules)
    assert [armed.rule.label for armed in injector.armed()] == ["cut"]


def test_a_label_is_free_again_once_disarmed(injector):
    injector.disarm(arm(injector, cut))
    assert len(arm(injector, cut)) == 1


def test_disarmed_means_off(injector):
    first, _ = arm(injector, cut, delay)
    injector.disarm([first])
    assert call(injector).struck == ("delay",)
    injector.disarm()
    assert (call(injector).struck, injector.armed(), injector.never_struck()) == ((), (), [])


def healing(injector, *heals):
    healed = []

    def heal(name, problem):
        def act(ctx):
            healed.append((name, ctx.state))
            if problem:
                raise problem

        return act

    return healed, injector.arm(
        [Rule(Hook(cut, heal=heal(name, problem), state=lambda: "state"), name=name) for name, problem in heals]
    )


def test_every_rule_is_healed_with_its_state_even_when_others_cannot(injector):
    healed, _ = healing(injector, ("a", ValueError("no a")), ("b", None), ("c", ValueError("no c")), ("d", None))
    with pytest.raises(FaultError, match=r"'a' raised while healing: .*no a.*; fault 'c' raised while healing: .*no c"):
        injector.disarm()
    assert healed == [(name, "state") for name in "abcd"]
    assert injector.armed() == ()


def test_a_rule_is_healed_once(injector):
    healed, armed = healing(injector, ("a", None), ("b", None))
    injector.disarm([armed[0]])
    injector.disarm(armed)
    injector.disarm()
    assert healed == [("a", "state"), ("b", "state")]


def test_what_a_hook_leaves_that_was_under_way_when_its_rule_was_healed_is_undone_too(injector):
    inside, go, undone = threading.Event(), threading.Event(), []

    def late(subject, proceed, ctx):
        inside.set()
        go.wait(10)
        ctx.state.append("a socket")
        return proceed()

    def heal(ctx):
        undone.extend(ctx.state)
        ctx.state.clear()

    injector.arm([Rule(Hook(late, heal=heal, state=list))])
    passing = threading.Thread(target=call, args=[injector])
    passing.start()
    assert inside.wait(10)
    injector.disarm()
    go.set()
    passing.join()
    assert undone == ["a socket"]


def test_a_problem_of_healing_behind_a_hook_is_told_to_the_log(injector, caplog):
    def disarming(subject, proceed, ctx):
        with pytest.raises(FaultError):
            injector.disarm()
        return proceed()

    def heal(ctx):
        raise ValueError("no")

    injector.arm([Rule(Hook(disarming, heal=heal))])
    assert call(injector).reply == Answer()
    assert "raised while healing: ValueError('no')" in caplog.text


def test_a_rule_that_never_struck_is_healed_too(injector):
    healed, _ = healing(injector, ("a", None))
    assert injector.never_struck() == ["a"]
    injector.disarm()
    assert healed


def test_an_optional_rule_may_end_without_a_strike(injector):
    arm(injector, look, optional=True)
    arm(injector, cut)
    assert injector.never_struck() == ["cut"]


def test_disarming_in_the_middle_of_a_passage_blocks_nobody(injector):
    def disarming(subject, proceed, ctx):
        injector.disarm()
        return proceed()

    arm(injector, disarming)
    assert call(injector).reply == Answer()
    assert injector.armed() == ()


def test_arming_and_disarming_while_others_pass_loses_nothing(injector):
    stop, errors = threading.Event(), []

    def traffic():
        while not stop.is_set():
            try:
                call(injector)
            except Exception as error:
                errors.append(error)

    threads = [threading.Thread(target=traffic) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        injector.disarm(arm(injector, cut, delay))
    stop.set()
    for thread in threads:
        thread.join()
    assert (errors, injector.armed()) == ([], ())


def told(subject):
    return Answer(subject.word)


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


@pytest.mark.parametrize("when", [When(ttl=5), When(between=(1, 5))])
def test_a_rule_is_healed_while_the_clock_goes_past_its_end(injector, clock, when):
    healed = []
    hook = Hook(cut, heal=lambda ctx: healed.append(clock.now()))
    (armed,) = injector.arm([Rule(hook, when=when)])
    clock.advance(4.9)
    assert (healed, armed.over) == ([], False)
    clock.advance(10)
    assert (healed, armed.over) == ([5], True)
    assert injector.pass_through("invoke", Subject(), told).struck == ()
    assert not injector.hooked("invoke")
    assert injector.never_struck() == ["hook"]
    injector.disarm()
    assert healed == [5]


def test_a_rule_is_healed_when_its_time_is_over_by_the_machines_clock():
    clock, healed = Clock(), threading.Event()
    injector = Injector(clock, Timeline(clock))
    injector.arm([Rule(Hook(look, heal=lambda ctx: healed.set()), when=When(ttl=0.01), name="short")])
    assert healed.wait(20)
    again = threading.Event()
    injector.arm([Rule(Hook(look, heal=lambda ctx: again.set()), when=When(ttl=0.01), name="short")])
    assert again.wait(20)


def test_a_disarmed_rule_leaves_nobody_waiting_for_its_end():
    clock = Clock()
    injector = Injector(clock, Timeline(clock))
    injector.arm([Rule(Hook(look), when=When(ttl=3600))])
    (watching,) = [thread for thread in threading.enumerate() if thread.name == "rules-end"]
    injector.disarm()
    watching.join(20)
    assert not watching.is_alive()


def test_a_muted_rule_lets_everything_pass_and_need_not_strike(clock):
    injector = Injector(clock, Timeline(clock), without=("cut",))
    quiet, loud = arm(injector, cut, look)
    assert injector.pass_through("invoke", Subject(), told).reply == Answer("")
    assert (quiet.muted, quiet.strikes, quiet.missed, loud.missed) == (True, 0, False, True)
    assert injector.never_struck() == ["look"]
    injector.disarm()
    assert list(injector.labels) == ["cut", "look"]


class Chosen(Hook):
    """Strikes at the one of its places that it was told."""

    def __init__(self, place):
        super().__init__(cut)
        self.place = place

    def on_connect(self, subject, proceed, ctx):
        return cut(subject, proceed, ctx)

    def strikes_at(self, point):
        return point == self.place


def test_what_passes_where_a_fault_was_not_told_to_strike_is_not_counted(clock):
    injector = Injector(clock, Timeline(clock))
    injector.arm([Rule(Chosen("connect"), when=When(times=1))])
    assert (injector.hooked("invoke"), injector.hooked("connect")) == (False, True)
    assert injector.pass_through("invoke", Subject(), told).struck == ()
    assert injector.pass_through("connect", Subject(), told).struck == ("hook",)
