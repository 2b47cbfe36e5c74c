"""How rules are armed and disarmed, come to their end and are healed."""

import threading

import pytest
from injector_rig import Answer, Hook, Subject, arm, call, cut, delay, look, told

from emulator.clock import Clock
from emulator.errors import FaultError, UsageError
from emulator.fault import Rule
from emulator.injector import Injector
from emulator.scope import When
from emulator.timeline import Timeline

pytest_plugins = ["injector_rig"]  # fixtures: manual_clock, injector


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


@pytest.mark.parametrize("when", [When(ttl=5), When(between=(1, 5))])
def test_a_rule_is_healed_while_the_clock_goes_past_its_end(injector, manual_clock, when):
    healed = []
    hook = Hook(cut, heal=lambda ctx: healed.append(manual_clock.now()))
    (armed,) = injector.arm([Rule(hook, when=when)])
    manual_clock.advance(4.9)
    assert (healed, armed.over) == ([], False)
    manual_clock.advance(10)
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


def test_a_muted_rule_lets_everything_pass_and_need_not_strike(manual_clock):
    injector = Injector(manual_clock, Timeline(manual_clock), without=("cut",))
    quiet, loud = arm(injector, cut, look)
    assert injector.pass_through("invoke", Subject(), told).reply == Answer("")
    assert (quiet.muted, quiet.strikes, quiet.missed, loud.missed) == (True, 0, False, True)
    assert injector.never_struck() == ["look"]
    injector.disarm()
    assert list(injector.labels) == ["cut", "look"]
