"""Nothing that goes wrong costs a slot: failures of the rig itself, and faults."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from lambda_fixtures import PATIENCE_S, FakeEnvironment
from pool_rig import refuse

from emulator.errors import EngineError, FaultError
from emulator.fault import Fault, Rule
from emulator.functions.environment import Start
from emulator.functions.runtime_api import Happening
from emulator.model import Reuse
from faults.cold_start import ColdStartLatency

pytest_plugins = ["pool_rig"]  # fixture: world


# --- the rig's own failures -------------------------------------------------------------------------------


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


def test_an_invocation_can_be_delivered_twice(world):
    it = world()
    it.injector.arm([Rule(Twice())])
    it.run()
    assert it.made[0].marks.count("thaw") == 2


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
