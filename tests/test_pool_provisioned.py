"""Environments initialised ahead: who takes them, and what follows when one is lost or cannot start."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from lambda_fixtures import PATIENCE_S, function
from pool_rig import meet, refuse

from emulator.functions.environment import Start
from emulator.functions.pool import ACCOUNT_EXCEEDED
from emulator.functions.runtime_api import Happening

pytest_plugins = ["pool_rig"]  # fixture: world


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
    it = world()
    meet(it, 3)
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
