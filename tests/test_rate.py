import math

from hypothesis import given
from hypothesis import strategies as st

from emulator.rate import Bucket


def test_it_is_full_at_first_and_gets_back_what_the_rate_says():
    bucket = Bucket(0.1, 1)
    assert [bucket.take(moment) for moment in (0, 1, 9.9, 10, 11)] == [True, False, False, True, False]


def test_it_holds_no_more_than_its_burst_and_its_first_moment_may_be_any():
    bucket = Bucket(10, 2)
    assert [bucket.take(moment) for moment in (500, 500, 500, 9000, 9000, 9000)] == [True, True, False] * 2


def test_the_wait_is_until_there_is_one_again():
    bucket = Bucket(0.5, 1)
    assert bucket.wait() == 0
    bucket.take(3)
    assert bucket.wait() == 2
    bucket.take(4)
    assert bucket.wait() == 1
    assert Bucket(0, 0).wait() == math.inf


def test_without_a_rate_the_burst_is_all_there_is():
    bucket = Bucket(0, 2)
    assert [bucket.take(moment) for moment in (0, 1, 1e9)] == [True, True, False]


def test_a_rate_needs_room_to_collect_in():
    assert (Bucket(1, 0).problem(), Bucket(0, 0).problem(), Bucket(1, 1).problem()) == (
        "a rate needs a burst of 1 or more to collect in", "", "",
    )  # fmt: skip


@given(st.lists(st.floats(0, 10), max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_no_more_pass_than_burst_and_rate_allow(gaps, rate, burst):
    bucket, now, passed = Bucket(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        passed += bucket.take(now)
    assert passed <= burst + rate * now + 1e-6
