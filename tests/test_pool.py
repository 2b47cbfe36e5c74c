"""Which environment runs which invocation, and that nothing that goes wrong costs a slot."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from lambda_fixtures import FakeEnvironment, function

from emulator.clock import Clock
from emulator.errors import EngineError, FaultError
from emulator.fault import Fault, Rule
from emulator.functions.environment import Start
from emulator.functions.pool import ACCOUNT_EXCEEDED, RESERVED_EXCEEDED, Pool
from emulator.functions.runtime_api import Happening
from emulator.injector import Injector
from emulator.model import Invocation, Reuse
from emulator.timeline import Timeline
from faults.cold_start import ColdStartLatency

PATIENCE_S = 10


class World:
    """A pool of fake environments. make: what a cold start gives, of a ColdStart; by default one that is ready."""

    def __init__(self, make=None, **settings):
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline)
        self.made, self.logged = [], []
        self._make = make or (lambda cold: Start("ready", self.environment(cold), 100.0))
        self.pool = Pool(self._launch, self._log, self.injector, self.clock, **settings)
        self._numbers = iter(range(1, 10000))

    def environment(self, cold, **settings):
        return FakeEnvironment(env_id=cold.id, of=cold.function, initialization=cold.initialization, **settings)

    def _launch(self, cold, limit_s, began):
        start = self._make(cold)
        self.made.append(start.environment)
        began(start.environment)
        return start

    def _log(self, function, stream, events):
        self.logged.append((function.name, stream, events))

    def run(self, reserved=None, set_aside=0, **changes):
        of = function(**changes)
        number = next(self._numbers)
        return self.pool.run(Invocation(f"f/inv-{number}", f"id-{number}", of, b"{}"), reserved, set_aside)

    def states(self):
        return sorted((environment.id, state) for environment, state in self.pool.environments())


@pytest.fixture
def world():
    worlds = []

    def make(*given, **settings):
        worlds.append(World(*given, **settings))
        return worlds[-1]

    yield make
    for one in worlds:
        one.pool.close()


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
    it, barrier = world(), threading.Barrier(5)

    def meeting(cold):
        environment = it.environment(cold)
        invoke = environment.invoke
        environment.invoke = lambda *given: (barrier.wait(PATIENCE_S), invoke(*given))[1]
        return Start("ready", environment, 1.0)

    it._make = meeting
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


# --- provisioned concurrency ------------------------------------------------------------------------------


def provisioned(it, count=1, **changes):
    """`count` environments initialised ahead, and ready."""
    of = function(**changes)
    it.pool.provision(of, count)
    it.pool.provisioned.join(of, PATIENCE_S)
    return it.pool.provisioned.standing(of)


def test_provisioned_ones_start_in_order_and_wait_frozen(world):
    it = world()
    standing = provisioned(it, 3)
    assert (standing.ready, standing.status) == (3, "READY")
    assert it.states() == [(f"f/env-{n}", "idle") for n in (1, 2, 3)]
    assert [e.marks for e in it.made] == [["freeze"]] * 3
    assert [e.subject for e in it.timeline.events()] == ["f/env-1", "f/env-2", "f/env-3"]


def test_provisioned_ones_are_used_first(world):
    it = world()
    it.run()
    provisioned(it)
    assert it.run().environment == "f/env-2"
    it.run()
    assert it.run().environment == "f/env-2"


def test_more_at_once_than_provisioned_spill_over(world):
    it, barrier = world(), threading.Barrier(3)

    def meeting(cold):
        environment = it.environment(cold)
        invoke = environment.invoke
        environment.invoke = lambda *given: (barrier.wait(PATIENCE_S), invoke(*given))[1]
        return Start("ready", environment, 1.0)

    it._make = meeting
    provisioned(it)
    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(lambda _: it.run(), range(3)))
    assert sorted((o.environment, o.init_ms) for o in outcomes) == [
        ("f/env-1", None),
        ("f/env-2", 1.0),
        ("f/env-3", 1.0),
    ]


@pytest.mark.parametrize("how", ["deadline", "died", "idle", "oom"])
def test_a_lost_provisioned_one_has_a_successor(world, how):
    from emulator.functions.engines.protocol import Exit

    it = world()
    if how != "idle":
        seen = Happening("deadline" if how == "deadline" else "died")
        it._make = lambda cold: Start("ready", it.environment(cold, seen=seen, how=Exit(1, oom=how == "oom")), 1.0)
    provisioned(it)
    it._make = lambda cold: Start("ready", it.environment(cold), 1.0)
    if how == "idle":
        it.made[0].living = False
    else:
        it.run()
    outcome = it.run()
    assert (outcome.environment, outcome.init_ms) == ("f/env-2", None)
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.states() == [("f/env-2", "idle")]


def test_a_provisioned_one_outlives_its_idle_time(world):
    it = world(idle_s=600.0)
    provisioned(it)
    it.run(version="2")
    it.clock.advance(1e6)
    assert it.made[1].gone.wait(PATIENCE_S)
    assert it.states() == [("f/env-1", "idle")]
    assert it.run().init_ms is None


def test_what_is_provisioned_is_not_taken_by_others(world):
    """One of five is f's alone: g may have four, and f is not refused while g has them."""
    it = world(account_limit=5)
    provisioned(it)
    it.pool._sharing = 4
    other = "arn:aws:lambda:us-east-1:123456789012:function:g"
    assert it.run(name="g", arn=other, set_aside=1).reason == ACCOUNT_EXCEEDED
    assert it.run(set_aside=1).status == "ok"
    assert (it.pool._sharing, it.pool._claimed.total()) == (4, 0)


def test_a_busy_one_that_is_not_wanted_goes_after_its_work(world):
    it = world()

    def ending(cold):
        environment = it.environment(cold)
        invoke = environment.invoke
        environment.invoke = lambda *given: (it.pool.provision(cold.function, 0), invoke(*given))[1]
        return Start("ready", environment, 1.0)

    it._make = ending
    provisioned(it)
    assert it.run().status == "ok"
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.states() == []


def test_one_that_cannot_start_is_told_and_not_tried_again(world, caplog):
    it = world(refuse)
    standing = provisioned(it, 2)
    assert (standing.ready, standing.status) == (0, "FAILED")
    assert standing.reason == "lambdarig: there is no image"
    assert "could not be provisioned" in caplog.text
    assert it.pool.provisioned.busy() is False


def test_one_that_cannot_be_frozen_is_buried(world):
    it = world()
    spoilt = []

    def make(cold):
        environment = it.environment(cold)
        environment.freeze = refuse
        spoilt.append(environment)
        return Start("ready", environment, 1.0)

    it._make = make
    assert provisioned(it).status == "FAILED"
    assert spoilt[0].gone.wait(PATIENCE_S)
    assert len(it.made) == 1


def test_closing_begins_no_more(world):
    it, inside, leave = world(), threading.Event(), threading.Event()

    def waiting(cold):
        inside.set()
        assert leave.wait(PATIENCE_S)
        return Start("ready", it.environment(cold), 1.0)

    it._make = waiting
    it.pool.provision(function(), 3)
    assert inside.wait(PATIENCE_S)
    it.pool.close()
    leave.set()
    with it.pool.provisioned._changed:
        assert it.pool.provisioned._changed.wait_for(lambda: not it.pool.provisioned.busy(), PATIENCE_S)
    assert len(it.made) == 1
    assert it.made[0].gone.is_set()


# --- the rig's own failures -------------------------------------------------------------------------------


def refuse(*_):
    raise EngineError("there is no image")


def test_a_start_that_fails_costs_no_slot(world):
    it = world(refuse, account_limit=1)
    for _ in range(3):
        with pytest.raises(EngineError):
            it.run(reserved=1)
    assert it.states() == []


def test_a_log_that_fails_costs_neither_slot_nor_environment(world):
    it = world(account_limit=1)
    it.pool._log = refuse
    with pytest.raises(EngineError):
        it.run()
    assert it.made[0].gone.wait(PATIENCE_S)
    it.pool._log = it._log
    assert it.run().status == "ok"
    assert it.states() == [("f/env-2", "idle")]


@pytest.mark.parametrize("method", ["thaw", "freeze", "used_mb"])
def test_an_environment_that_fails_the_rig_is_buried(world, method):
    it = world(account_limit=1)
    it.run()
    setattr(it.made[0], method, refuse)
    with pytest.raises(EngineError):
        it.run()
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.run().environment == "f/env-2"


def test_one_that_cannot_be_asked_is_buried(world):
    it = world(account_limit=1)
    it.run()
    it.made[0].alive = refuse
    with pytest.raises(EngineError):
        it.run()
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.run().environment == "f/env-2"


def test_a_burial_that_fails_is_told(world, caplog):
    it = world()
    it.run()
    it.made[0].destroy = refuse
    it.pool.retire()
    it.pool.close()
    assert "could not be ended" in caplog.text


def test_closing_kills_a_busy_one_and_lets_its_driver_finish(world):
    it, inside, leave = world(), threading.Event(), threading.Event()

    def waiting(cold):
        environment = it.environment(cold)
        environment.invoke = lambda *given: (inside.set(), leave.wait(PATIENCE_S), Happening("deadline"))[2]
        environment.kill = leave.set
        return Start("ready", environment, 1.0)

    it._make = waiting
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(it.run)
        assert inside.wait(PATIENCE_S)
        it.pool.close()
        assert running.result(PATIENCE_S).status == "timeout"
    assert it.made[0].marks[-1] == "destroy"


# --- faults -----------------------------------------------------------------------------------------------


def test_delay_of_a_cold_start_is_counted_and_nobody_waits(world):
    it = world()
    it.injector.arm([Rule(ColdStartLatency(delay_ms=3000))])
    outcome = it.run()
    assert (outcome.init_ms, outcome.virtual_s) == (3100.0, 3.0)
    assert it.run().virtual_s == 0.0


def test_a_cold_start_past_10_s_times_out_and_is_repeated_in_the_invoke(world):
    it = world()
    it.injector.arm([Rule(ColdStartLatency(delay_ms=12000))])
    outcome = it.run(timeout_s=30)
    assert outcome.status == "ok"
    assert outcome.virtual_s == pytest.approx(9.9 + 12)
    text = outcome.log.decode()
    assert "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n" in text
    assert outcome.duration_ms == pytest.approx(12100, abs=300)
    assert [(e.subject, e.rule, e.outcome) for e in it.timeline.events() if e.point == "start"] == [
        ("f/env-1", "cold_start", "started"),
        ("f/env-2", "cold_start", "started"),
    ]


def test_a_failing_init_past_10_s_is_a_timeout_too(world):
    it = world(lambda cold: Start("error", FakeEnvironment(env_id=cold.id), 100.0, error=b"{}", error_type="Runtime.X"))
    it.injector.arm([Rule(ColdStartLatency(delay_ms=12000))])
    outcome = it.run()
    assert outcome.status == "timeout"
    assert "Phase: init\tStatus: timeout\n" in outcome.log.decode()


class Twice(Fault):
    name = "twice"

    def on_invoke(self, subject, proceed, ctx):
        proceed()
        return proceed()


@dataclass(frozen=True)
class Starts(Fault):
    name = "starts"

    gives: object

    def on_start(self, subject, proceed, ctx):
        return self.gives(proceed)


@pytest.mark.parametrize(
    "gives", [lambda start: (start(), 1 / 0), lambda start: start() and Reuse(), lambda _: Reuse()],
)
def test_a_start_that_a_fault_spoils_leaves_no_environment(world, gives):
    it = world(account_limit=1)
    it.injector.arm([Rule(Starts(gives))])
    with pytest.raises(FaultError, match="at start of f/env-1"):
        it.run()
    assert all(environment.gone.wait(PATIENCE_S) for environment in it.made)
    assert it.states() == []


def test_of_two_starts_the_one_that_is_not_used_is_buried(world):
    it = world()
    it.injector.arm([Rule(Starts(lambda start: (start(), start())[1]))])
    assert it.run().status == "ok"
    assert it.made[0].gone.wait(PATIENCE_S)
    assert it.states() == [("f/env-1", "idle")]


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


def test_an_invocation_can_be_delivered_twice(world):
    it = world()
    it.injector.arm([Rule(Twice())])
    it.run()
    assert it.made[0].marks.count("thaw") == 2


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


class Gone(Fault):
    name = "gone"

    def on_warm(self, subject, proceed, ctx):
        ctx.state.append((subject.id, subject.idle_s, subject.initialization))
        ctx.delay(0.5)
        return Reuse("expired")

    def new_state(self):
        return []


def test_an_idle_environment_that_a_fault_takes_away_is_replaced(world):
    it = world()
    it.run()
    it.clock.advance(30)
    [armed] = it.injector.arm([Rule(Gone())])
    outcome = it.run()
    assert (outcome.environment, outcome.init_ms, outcome.virtual_s) == ("f/env-2", 100.0, 0.5)
    assert armed.state == [("f/env-1", 30.0, "on-demand")]
    assert it.made[0].gone.wait(PATIENCE_S)
    assert [(e.subject, e.outcome) for e in it.timeline.events() if e.point == "warm"] == [("f/env-1", "expired")]


def test_reuse_is_not_told_of_where_nothing_struck(world):
    it = world()
    it.run()
    it.run()
    assert not [event for event in it.timeline.events() if event.point in ("warm", "deliver")]


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
