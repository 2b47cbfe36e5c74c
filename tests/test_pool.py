"""Which environment runs which invocation, and which are not used again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from lambda_fixtures import PATIENCE_S, FakeEnvironment, function
from pool_rig import World, meet

from emulator.errors import EngineError
from emulator.functions.environment import Start
from emulator.functions.pool import ACCOUNT_EXCEEDED, RESERVED_EXCEEDED, Pool
from emulator.functions.runtime_api import Happening

pytest_plugins = ["pool_rig"]  # fixture: world


def test_the_first_is_cold_the_second_warm(world):
    it = world()
    first, second = it.run(), it.run()
    assert (first.environment, second.environment) == ("f/env-1", "f/env-1")
    assert (first.init_ms, second.init_ms) == (100.0, None)
    assert it.made[0].marks == ["thaw", "freeze", "thaw", "freeze"]


def test_before_a_frozen_one_goes_on_it_is_told_for_whom_and_how_long_it_was_idle(world):
    told = []
    it = world(resume=lambda *what: told.append((*what, it.made[0].marks[-1])))
    it.run()
    it.clock.advance(400)
    it.run()
    assert told == [("f/env-1", "f/inv-2", 400.0, "freeze")]


def test_one_initialised_ahead_is_resumed_by_its_first_invocation(world):
    told = []
    it = world(resume=lambda *what: told.append(what))
    it.pool.provision(function(), 1)
    it.pool.provisioned.join(function())
    it.clock.advance(400)
    it.run()
    assert told == [("f/env-1", "f/inv-1", 400.0)]


def test_one_that_cannot_be_resumed_is_not_used_again(world):
    it = world(resume=lambda *_: (_ for _ in ()).throw(EngineError("no")))
    it.run()
    with pytest.raises(EngineError, match="no"):
        it.run()
    assert it.states() == []
    assert it.run().environment == "f/env-2"


def test_without_freezing_environments_run_on(world):
    it = world(freeze=False)
    it.run()
    assert it.made[0].marks == ["thaw"]


def test_the_log_of_an_invocation_is_its_own(world):
    it = world()
    outcome = it.run()
    name, stream, events = it.logged[0]
    assert (name, stream) == ("f", FakeEnvironment.stream)
    assert outcome.log == "".join(line for _, line in events).encode()


def test_parallel_invocations_take_an_environment_each(world):
    it = world()
    meet(it, 5)
    with ThreadPoolExecutor(5) as threads:
        outcomes = list(threads.map(lambda _: it.run(), range(5)))
    assert len({outcome.environment for outcome in outcomes}) == 5
    assert it.states() == [(f"f/env-{n}", "idle") for n in range(1, 6)]


def test_200_at_once_with_4_reserved_are_each_answered_in_at_most_4_environments(world):
    it, busy, most, lock = world(account_limit=1000), [0], [0], threading.Lock()

    def counting(cold):
        environment = it.environment(cold)
        invoke = environment.invoke

        def counted(*given):
            with lock:
                busy[0] += 1
                most[0] = max(most[0], busy[0])
            seen = invoke(*given)
            with lock:
                busy[0] -= 1
            return seen

        environment.invoke = counted
        return Start("ready", environment, 1.0)

    it._make = counting
    with ThreadPoolExecutor(200) as threads:
        outcomes = list(threads.map(lambda _: it.run(reserved=4), range(200)))
    answered = [outcome for outcome in outcomes if outcome.status == "ok"]
    refused = [outcome for outcome in outcomes if outcome.status == "throttled"]
    assert len(answered) + len(refused) == 200
    assert answered
    assert most[0] <= 4
    assert len(it.made) <= 4
    assert {outcome.reason for outcome in refused} <= {RESERVED_EXCEEDED}
    assert it.run(reserved=4).status == "ok"


def test_zero_reserved_refuses_all(world):
    it = world()
    outcome = it.run(reserved=0)
    assert (outcome.status, outcome.reason) == ("throttled", "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert it.made == []


def test_the_accounts_limit_counts_every_function(world):
    it, inside, leave = world(account_limit=1), threading.Event(), threading.Event()

    def waiting(cold):
        environment = it.environment(cold)
        invoke = environment.invoke
        environment.invoke = lambda *given: (inside.set(), leave.wait(PATIENCE_S), invoke(*given))[2]
        return Start("ready", environment, 1.0)

    it._make = waiting
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(it.run)
        assert inside.wait(PATIENCE_S)
        refused = it.run(name="g", arn="arn:aws:lambda:us-east-1:123456789012:function:g")
        leave.set()
        assert first.result().status == "ok"
    assert (refused.status, refused.reason) == ("throttled", ACCOUNT_EXCEEDED)
    assert ACCOUNT_EXCEEDED == "ConcurrentInvocationLimitExceeded"


def test_what_others_reserved_is_not_shared(world):
    it = world(account_limit=5)
    assert it.run(set_aside=4).status == "ok"
    assert it.run(set_aside=5).reason == ACCOUNT_EXCEEDED
    assert it.run(reserved=1, set_aside=5).status == "ok"
    assert (it.pool._busy.total(), it.pool._sharing) == (0, 0)


# --- which environments are not used again ----------------------------------------------------------------


@pytest.mark.parametrize("seen", ["deadline", "died"])
def test_a_lost_environment_is_replaced(world, seen):
    from emulator.functions.engines.protocol import Exit

    it = world()
    it._make = lambda cold: Start("ready", it.environment(cold, seen=Happening(seen), how=Exit(1)), 1.0)
    assert it.run().environment == ""
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.states() == []
    it._make = lambda cold: Start("ready", it.environment(cold), 1.0)
    assert it.run().environment == "f/env-2"


def test_one_that_died_idle_is_not_used(world):
    it = world()
    it.run()
    it.made[0].living = False
    assert it.run().environment == "f/env-2"
    assert it.made[0].gone.wait(PATIENCE_S)


def test_one_of_an_older_revision_is_not_used(world):
    it = world()
    it.run()
    assert it.run(revision="2").environment == "f/env-2"
    assert it.made[0].gone.wait(PATIENCE_S)


def test_versions_do_not_share_environments(world):
    it = world()
    it.run()
    assert it.run(version="1").environment == "f/env-2"
    assert it.run().environment == "f/env-1"


def test_idle_ones_can_be_retired(world):
    it = world()
    it.run()
    assert it.pool.retire(lambda environment: environment.function.name == "g") == 0
    assert it.pool.retire() == 1
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.states() == []


def test_a_busy_one_can_be_retired_and_goes_after_its_work(world):
    it = world()

    def retiring(cold):
        environment = it.environment(cold)
        invoke = environment.invoke
        environment.invoke = lambda *given: (it.pool.retire(), invoke(*given))[1]
        return Start("ready", environment, 1.0)

    it._make = retiring
    assert it.run().status == "ok"
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.states() == []


def test_idle_environments_go_when_the_clock_says_so(world):
    it = world(idle_s=600.0)
    it.run()
    it.clock.advance(599)
    assert it.run().environment == "f/env-1"
    it.clock.advance(600)
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.run().environment == "f/env-2"


def test_idle_environments_go_by_the_time_that_began_anew(world):
    it = world(idle_s=600.0)
    it.clock.advance(5000)
    it.run()
    it.pool.retire()
    it.clock.restart()
    it.run()
    it.clock.advance(600)
    assert it.made[1].gone.wait(PATIENCE_S)


@hypothesis(max_examples=25, deadline=None)
@given(st.floats(0.001, 1e6), st.floats(0.1, 1e5))
def test_idle_time_is_over_when_the_clock_has_reached_it(since, idle_s):
    """(a + b) - a is not b in floating point."""
    it = World(idle_s=idle_s)
    try:
        it.clock.advance(since)
        it.run()
        it.clock.advance(it.made[0].idle_since + idle_s - it.clock.now())
        if it.clock.now() < it.made[0].idle_since + idle_s:
            it.clock.advance(1e-9 * it.clock.now())
        assert it.made[0].gone.wait(PATIENCE_S)
    finally:
        it.pool.close()


def test_one_past_its_time_is_not_used_whether_or_not_it_was_buried(world, monkeypatch):
    monkeypatch.setattr(Pool, "_expire", lambda self: None)
    it = world(idle_s=600.0)
    it.run()
    it.clock.advance(600)
    assert it.run().environment == "f/env-2"
    assert it.made[0].gone.wait(PATIENCE_S)


def test_after_idling_past_its_time_the_next_is_always_cold(world):
    it = world(idle_s=600.0)
    for number in range(1, 51):
        outcome = it.run()
        assert (outcome.environment, outcome.init_ms) == (f"f/env-{number}", 100.0)
        it.clock.advance(600)


def test_an_invocation_every_5_minutes_keeps_it_warm(world):
    it = world(idle_s=600.0)
    it.run()
    for _ in range(24):
        it.clock.advance(300)
        assert it.run().init_ms is None
    assert len(it.made) == 1


# --- what is known of them --------------------------------------------------------------------------------


def test_one_that_initialises_is_known_and_can_be_killed(world):
    it, known = world(), []

    def initialising(cold):
        known.append((it.pool.behind(cold.id), it.states()))
        it.pool.halt()
        return Start("ready", environment, 1.0)

    environment = FakeEnvironment(env_id="f/env-1")
    environment.invocation_id = "f/env-1/init"
    it.pool._launch = lambda cold, limit_s, began: (began(environment), initialising(cold))[1]
    it.run()
    assert known == [(("f", "f/env-1/init"), [("f/env-1", "busy")])]
    assert environment.marks[0] == "kill"


def test_a_reset_counts_from_one_again(world):
    it = world()
    it.run()
    it.pool.reset()
    assert it.run().environment == "f/env-1"
    assert len(it.made) == 2


def test_who_is_behind_an_environment(world):
    it = world()
    it.run()
    assert it.pool.behind("f/env-1") == ("f", "f/inv-1")
    assert it.pool.behind("f/env-9") == ("", "")


def test_it_is_known_while_an_environment_is_being_removed(world):
    it = world()
    it.run()
    ((environment, _),) = it.pool.environments()
    begun, go_on, destroy = threading.Event(), threading.Event(), environment.destroy
    environment.destroy = lambda: (begun.set(), go_on.wait(10), destroy())
    assert not it.pool.burying()
    it.pool.retire()
    assert begun.wait(10)
    assert it.pool.burying()
    go_on.set()
    it.pool.close()
    assert not it.pool.burying()
