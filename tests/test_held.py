import threading

import pytest

from emulator.clock import Clock
from emulator.held import given
from emulator.http_connection import HungUp
from emulator.model import AwsReply, Held

REPLY = AwsReply(200, (), b"x", "Done")


def test_what_is_not_held_is_given_at_once():
    assert given(REPLY) is REPLY


def test_the_answer_of_several_that_hold_it_comes_after_all_of_them():
    begin = Clock().monotonic()
    assert given(Held(Held(REPLY, 0.02, threading.Event()), 0.03, threading.Event())) is REPLY
    assert Clock().monotonic() - begin >= 0.05


def test_who_is_let_go_waits_no_longer_however_long_it_was_to_be():
    until = threading.Event()
    until.set()
    assert given(Held(REPLY, 1e300, until)) is REPLY


def test_where_there_is_no_answer_the_connection_ends():
    with pytest.raises(HungUp):
        given(Held(None, 0, threading.Event()))


def test_it_says_what_the_answer_will_be():
    assert (Held(REPLY, 1, threading.Event()).verdict, Held(None, 1, threading.Event()).verdict) == (
        "Done", "no answer",
    )  # fmt: skip
