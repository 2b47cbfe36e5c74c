import threading
from datetime import datetime, timezone

import pytest

from emulator.clock import Clock


def test_a_manual_clock_moves_only_when_advanced():
    clock = Clock(manual=True)
    assert clock.now() == 0
    clock.advance(2.5)
    clock.advance(0)
    assert clock.now() == 2.5


def test_rig_time_runs_with_the_machines_and_can_be_ahead_of_it():
    clock = Clock()
    machine, begin = clock.monotonic(), clock.now()
    clock.advance(100)
    passed = clock.now() - begin
    assert 100 <= passed <= 100 + clock.monotonic() - machine


def test_a_moment_that_only_the_rig_waits_for_is_reached_at_once_and_never_left_again():
    clock = Clock(manual=True)
    clock.reach(30)
    clock.reach(10)
    assert clock.now() == 30
    clock = Clock()
    clock.reach(clock.now() + 100)
    assert clock.now() >= 100


def test_who_waits_hears_of_a_moment_that_is_reached():
    clock, waited = Clock(manual=True), []
    thread = threading.Thread(target=lambda: waited.append(clock.wait_until(30, threading.Event())))
    thread.start()
    clock.reach(30)
    thread.join(60)
    assert waited == [True]


@pytest.mark.parametrize("seconds", [-1, -0.001, float("nan"), float("inf"), float("-inf")])
def test_time_only_goes_forward_by_a_number(seconds):
    clock = Clock(manual=True)
    with pytest.raises(ValueError, match="time goes forward"):
        clock.advance(seconds)
    assert clock.now() == 0


def test_machine_time_does_not_care_for_the_rigs():
    clock = Clock(manual=True)
    before = clock.wall()
    clock.advance(1e6)
    assert clock.wall() - before < 1e5
    assert abs(clock.utc().timestamp() - clock.wall()) < 60
    assert clock.utc().utcoffset().total_seconds() == 0


def waiting(clock, moment, stop):
    """A thread that waits, and what it will have found."""
    found = []
    thread = threading.Thread(target=lambda: found.append(clock.wait_until(moment, stop)), daemon=True)
    thread.start()
    return thread, found


def test_a_moment_that_has_come_is_not_waited_for():
    clock = Clock(manual=True)
    clock.advance(5)
    assert clock.wait_until(5, threading.Event())
    assert clock.wait_until(-1, threading.Event())


def test_waiting_ends_when_the_moment_comes_and_not_before():
    clock, stop = Clock(manual=True), threading.Event()
    thread, found = waiting(clock, 10, stop)
    clock.advance(9)
    clock.wake()
    thread.join(0.02)
    assert found == []
    clock.advance(1)
    thread.join(5)
    assert found == [True]


def test_waiting_ends_when_stopped_and_woken():
    clock, stop = Clock(manual=True), threading.Event()
    thread, found = waiting(clock, 10, stop)
    stop.set()
    clock.wake()
    thread.join(5)
    assert found == [False]


def test_waiting_ends_when_time_begins_anew():
    clock, stop = Clock(manual=True), threading.Event()
    clock.advance(5)
    thread, found = waiting(clock, 10, stop)
    thread.join(0.02)
    clock.restart()
    thread.join(5)
    assert (found, clock.now()) == ([False], 0)


def test_whoever_was_stopped_already_does_not_wait():
    stop = threading.Event()
    stop.set()
    assert not Clock(manual=True).wait_until(10, stop)
    assert not Clock().wait_until(-1, stop)


def test_a_running_clock_wakes_itself():
    clock = Clock()
    assert clock.wait_until(clock.now() + 0.01, threading.Event())


def test_a_moment_ages_away_can_be_waited_for():
    clock, stop = Clock(), threading.Event()
    thread, found = waiting(clock, 1e12, stop)
    stop.set()
    clock.wake()
    thread.join(5)
    assert found == [False]


def test_a_stall_is_real_and_never_negative():
    clock = Clock(manual=True)
    begin = clock.monotonic()
    clock.stall(0.02)
    clock.stall(-5)
    assert 0.02 <= clock.monotonic() - begin < 5
    assert clock.now() == 0


@pytest.mark.parametrize("started", [1795338609.1234567, 1795338609.9999999, 1795336767.3320001, 0.7])
def test_seconds_added_to_the_time_of_day_are_the_same_when_taken_off(started, monkeypatch):
    """Whatever the machine's time of day is: a schedule's moments must not fall on either side of now by its digits."""
    monkeypatch.setattr("time.time", lambda: started)
    clock = Clock(manual=True)
    for seconds in (0, 200, 300, 5400.5, 86400):
        epoch = clock.epoch(seconds)
        assert clock.moment(epoch) == seconds
        assert datetime.fromtimestamp(epoch, timezone.utc).timestamp() == epoch
    assert 0 <= started - clock.epoch(0) < 1 / 64
