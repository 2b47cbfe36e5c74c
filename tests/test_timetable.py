"""Recurring moments on a clock: by hand, by a thread, and none any more."""

import threading
from dataclasses import dataclass

import pytest

from emulator.clock import Clock
from emulator.timetable import Timetable


@dataclass(frozen=True)
class Every:
    """From now on."""

    seconds: float

    def first(self, now):
        return now

    def after(self, moment):
        return moment + self.seconds


class Diary:
    def __init__(self, manual):
        self.clock, self.done, self.came = Clock(manual=manual), [], threading.Event()
        self.timetable = Timetable(self.clock, self.reached, "diary")

    def reached(self, name, at, times, waits):
        if not name:
            raise ValueError("nothing is due")
        self.done.append((name, round(self.clock.moment(at), 2), times, waits))
        self.came.set()

    def threads(self):
        return [thread for thread in threading.enumerate() if thread.name == "diary"]


@pytest.mark.parametrize("begin", [0, 0.1, 1 / 3, 1e-6, 12345.6789])
def test_each_moment_is_in_reach_of_so_many_seconds(begin):
    """Times of day as floats are less exact than seconds since the rig began."""
    it = Diary(manual=True)
    it.clock.advance(begin)
    it.timetable.set({"a": Every(300)})
    for _ in range(3):
        it.clock.advance(300)
    assert [times for _, _, times, _ in it.done] == [1, 2, 3, 4]
    assert {waits for *_, waits in it.done} == {True}


def test_what_stays_goes_on_and_what_changes_begins_anew():
    it = Diary(manual=True)
    it.timetable.set({"a": Every(300), "b": Every(200)})
    it.clock.advance(100)
    it.timetable.set({"a": Every(300), "c": Every(500)})
    it.clock.advance(200)
    assert it.done == [("a", 0, 1, True), ("b", 0, 1, True), ("c", 100, 1, True), ("a", 300, 2, True)]


def test_on_a_running_clock_a_thread_does_it_and_ends():
    it = Diary(manual=False)
    assert it.threads() == []
    it.timetable.set({"a": Every(1e6)})
    assert it.came.wait(30)
    assert [(name, waits) for name, _, _, waits in it.done] == [("a", False)]
    it.timetable.close()
    assert it.threads() == []
    it.timetable.set({"a": Every(1)})
    assert it.threads() == []


def test_the_thread_outlives_what_it_could_not_do(caplog):
    it = Diary(manual=False)
    it.timetable.set({"a": Every(1e6), "": Every(1e6)})
    assert it.came.wait(30)
    it.timetable.close()
    assert "what was due for  failed" in caplog.text


@pytest.mark.parametrize("manual", [True, False])
def test_nothing_comes_after_it_is_cleared(manual):
    it = Diary(manual)
    it.timetable.set({"a": Every(300)})
    it.timetable.clear()
    it.done.clear()
    it.clock.advance(900)
    assert it.done == []
    it.timetable.close()


def test_a_clock_that_begins_anew_has_new_moments():
    it = Diary(manual=True)
    it.clock.advance(1000)
    it.timetable.clear()
    it.clock.restart()
    it.timetable.set({"a": Every(300)})
    it.clock.advance(300)
    assert [moment for _, moment, _, _ in it.done] == [0, 300]
