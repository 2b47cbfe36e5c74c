"""Which of those that pass a rule strikes: by count, by time and by dice."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from injector_rig import Answer, Hook, Subject, arm, call, cut, delay, many

from emulator.clock import Clock
from emulator.fault import Rule
from emulator.injector import Injector
from emulator.scope import When
from emulator.timeline import Timeline

pytest_plugins = ["injector_rig"]  # fixtures: manual_clock, injector


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


def test_a_rule_is_on_only_between_its_times_counted_from_its_arming(injector, manual_clock):
    manual_clock.advance(100)
    arm(injector, cut, when=When(between=(2, 4)))
    found = []
    for second in range(6):
        found += [second] * bool(call(injector).struck)
        manual_clock.advance(1)
    assert found == [2, 3]


def test_a_rule_is_off_after_its_ttl(injector, manual_clock):
    arm(injector, cut, when=When(ttl=3))
    manual_clock.advance(2.999)
    assert call(injector).struck
    manual_clock.advance(0.001)
    assert not call(injector).struck


def test_what_passes_while_a_rule_is_off_is_not_counted(injector, manual_clock):
    arm(injector, cut, when=When(between=(5, 10), after=1, times=1))
    assert many(injector, 4) == []
    manual_clock.advance(5)
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
