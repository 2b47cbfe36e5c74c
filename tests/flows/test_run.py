"""A run of a flow, with sources and destinations of a test's own."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.flows.plan import Canceled, FlowFailed, Page, Put
from emulator.flows.run import Counts, Progress, Transfer


class Given:
    """A source of pages; what is no page is raised."""

    def __init__(self, *pages):
        self._pages = pages

    def pages(self):
        for number, one in enumerate(self._pages, 1):
            if isinstance(one, BaseException):
                raise one
            yield Page(number, one, 10 * len(one), "next" if number < len(self._pages) else "")


class Odd:
    """Drops rows with an even number, and fails at a negative one."""

    def apply(self, row):
        if row["n"] < 0:
            raise FlowFailed("negative")
        return row if row["n"] % 2 else None


class Taking:
    """A destination; `ends` is what it raises with the rows that it is given."""

    def __init__(self, ends=None, failed=0):
        self.rows, self.end, self._ends, self._failed = [], "", ends, failed

    def write(self, rows):
        if self._ends:
            raise self._ends
        self.rows += rows
        return Put(len(rows), self._failed, "refused" if self._failed else "", (f"object-{len(self.rows)}",))

    def finish(self):
        self.end += "finished"
        return Put(100, objects=("last",))

    def abandon(self):
        self.end += "abandoned"


def rows(*numbers):
    return [{"n": number} for number in numbers]


def ran(source, destination, canceled=None):
    """(what was told, what the run raised)."""
    told = []
    transfer = Transfer(source, Odd(), destination, told.append, canceled or threading.Event())
    try:
        transfer.run()
    except Exception as error:
        return told, error
    return told, None


def test_each_page_is_told_of_when_it_is_written_and_then_the_end():
    told, error = ran(Given(rows(1, 2, 3), rows(4), rows(5)), destination := Taking())
    assert (error, destination.rows, destination.end) == (None, rows(1, 3, 5), "finished")
    assert told == [
        Progress(Counts(3, 1, 0, 30, 2), 1, "next", ("object-2",)),
        Progress(Counts(4, 2, 0, 40, 2), 2, "next", ("object-2",)),
        Progress(Counts(5, 2, 0, 50, 3), 3, "", ("object-3",)),
        Progress(Counts(5, 2, 0, 50, 103), 0, "", ("last",)),
    ]


def test_the_first_failure_of_a_record_is_the_one_that_is_told():
    told, _ = ran(Given(rows(1), rows(3)), Taking(failed=2))
    assert (told[-1].counts.failed, told[-1].counts.message) == (4, "refused")


@pytest.mark.parametrize(
    ("source", "ends"),
    [
        (Given(rows(1), FlowFailed("source")), None),
        (Given(rows(1), rows(-1)), None),
        (Given(rows(1)), FlowFailed("destination")),
        (Given(rows(1)), ValueError("of the rig's own")),
    ],
)
def test_a_run_that_fails_abandons_its_destination_and_tells_what_it_read(source, ends):
    told, error = ran(source, destination := Taking(ends))
    assert isinstance(error, FlowFailed | ValueError)
    assert destination.end == "abandoned"
    assert told[-1].page == 0
    assert told[-1].counts.records >= 1


def test_what_a_destination_has_done_of_the_page_that_ends_the_run_is_told():
    put = Put(7, 1, "duplicate", ("errors-1",))
    told, _ = ran(Given(rows(1)), Taking(FlowFailed("first failure", put)))
    assert told == [Progress(Counts(1, 0, 1, 10, 7, "duplicate"), 0, "", ("errors-1",))]


def test_who_is_told_may_fail_and_the_destination_is_abandoned_all_the_same():
    def told(progress):
        raise OSError("no space left on device")

    destination = Taking()
    with pytest.raises(OSError, match="no space left"):
        Transfer(Given(rows(1)), Odd(), destination, told, threading.Event()).run()
    assert destination.end == "abandoned"


def test_a_canceled_run_ends_with_the_page_in_hand():
    canceled = threading.Event()

    class Cancels(Taking):
        def write(self, rows):
            canceled.set()
            return super().write(rows)

    told, error = ran(Given(rows(1), rows(3)), destination := Cancels(), canceled)
    assert isinstance(error, Canceled)
    assert (destination.rows, destination.end) == (rows(1), "abandoned")
    assert [progress.page for progress in told] == [1, 0]


def test_a_run_that_is_canceled_with_its_last_page_is_canceled():
    canceled = threading.Event()
    canceled.set()
    _, error = ran(Given(rows(1)), destination := Taking(), canceled)
    assert (type(error), destination.rows) == (Canceled, [])


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=8))
def test_every_row_is_written_or_filtered_once_in_order(pages):
    told, _ = ran(Given(*(rows(*numbers) for numbers in pages)), destination := Taking())
    every = [number for numbers in pages for number in numbers]
    assert destination.rows == rows(*(number for number in every if number % 2))
    counts = told[-1].counts
    assert (counts.records, counts.filtered) == (len(every), len(every) - len(destination.rows))
