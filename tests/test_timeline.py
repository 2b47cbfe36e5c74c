import hashlib
import itertools
import json
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import Clock
from emulator.timeline import Timeline

CALL = ("client/sts.X#1", "aws_call", "", "200")
ROWS = [("crm/inv-1", "invoke", "", "ok"), ("crm/inv-2", "invoke", "deny", "error"), CALL]
SOME_ROWS = st.lists(st.tuples(*[st.text(max_size=4)] * 4), max_size=8)


@pytest.fixture
def clock():
    return Clock(manual=True)


@pytest.fixture
def timeline(clock):
    return Timeline(clock)


def filled(rows, clock=None):
    made = Timeline(clock or Clock(manual=True))
    for row in rows:
        made.record(*row)
    return made


def test_an_event_has_its_number_and_the_rigs_time(timeline, clock):
    clock.advance(1.25)
    timeline.record("crm/inv-1", "invoke", "deny", "ok", "detail")
    shown = json.loads(json.dumps(timeline.events()[0].as_dict()))
    assert shown == {"seq": 1, "at": 1.25, "subject": "crm/inv-1", "point": "invoke", "rule": "deny", "outcome": "ok",
                     "detail": "detail"}  # fmt: skip


def test_since_leaves_out_what_was_seen(timeline):
    for number in range(5):
        timeline.record(f"s{number}", "invoke", "", "ok")
    assert [event.subject for event in timeline.events(since=3)] == ["s3", "s4"]
    assert timeline.events(since=5) == []


def test_strikes_are_events_that_a_rule_struck_alone_or_with_others(timeline):
    for rule in ("", "deny", "slow,deny", "denyx"):
        timeline.record(f"s-{rule}", "aws_call", rule, "ok")
    assert [event.rule for event in timeline.strikes()] == ["deny", "slow,deny", "denyx"]
    assert [event.rule for event in timeline.strikes("deny")] == ["deny", "slow,deny"]


def test_the_fingerprint_is_sha256_over_the_sorted_rows():
    rows = [list(CALL), ["crm/inv-1", "invoke", "", "ok"], ["crm/inv-2", "invoke", "deny", "error"]]
    assert filled(ROWS).fingerprint() == hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def test_neither_order_nor_time_nor_detail_is_in_the_fingerprint():
    prints = set()
    for order in itertools.permutations(ROWS):
        clock = Clock(manual=True)
        made = Timeline(clock)
        for row in order:
            clock.advance(random.random())
            made.record(*row, detail=str(random.random()))
        prints.add(made.fingerprint())
    assert len(prints) == 1


@pytest.mark.parametrize("changed", range(4))
def test_every_other_part_of_every_event_is(changed):
    row = list(ROWS[0])
    row[changed] += "!"
    assert filled([tuple(row), *ROWS[1:]]).fingerprint() != filled(ROWS).fingerprint()


@given(SOME_ROWS, SOME_ROWS)
def test_two_records_have_one_fingerprint_exactly_when_they_hold_the_same(one, other):
    assert (filled(one).fingerprint() == filled(other).fingerprint()) is (sorted(one) == sorted(other))


def test_it_keeps_so_many_and_says_that_others_are_gone(clock):
    small = Timeline(clock, kept=3)
    for row in [("old", "p", "", "o"), *ROWS]:
        small.record(*row)
    assert [event.seq for event in small.events()] == [2, 3, 4]
    assert small.fingerprint() != filled(ROWS).fingerprint()


def test_cleared_it_is_as_new(timeline):
    timeline.record(*ROWS[0])
    timeline.clear()
    assert timeline.events() == []
    assert timeline.fingerprint() == Timeline(Clock()).fingerprint()
    assert timeline.record(*ROWS[0]).seq == 1


def test_listeners_hear_every_event_from_when_they_came_in_the_thread_that_recorded_it(timeline):
    heard = []
    timeline.record(*ROWS[0])
    timeline.listen(lambda event: heard.append((event.seq, threading.current_thread())))
    timeline.record(*ROWS[1])
    thread = threading.Thread(target=timeline.record, args=ROWS[2])
    thread.start()
    thread.join()
    assert heard == [(2, threading.current_thread()), (3, thread)]


def test_a_listener_may_read_and_record(timeline):
    def echo(event):
        if event.point != "echo":
            timeline.record(event.subject, "echo", "", str(len(timeline.events())))

    timeline.listen(echo)
    timeline.record(*ROWS[0])
    assert [(event.point, event.outcome) for event in timeline.events()] == [("invoke", "ok"), ("echo", "1")]


def test_threads_lose_no_event_and_share_no_number(timeline):
    def work(name):
        for number in range(200):
            timeline.record(f"{name}-{number}", "invoke", "", "ok")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in timeline.events()] == list(range(1, 1601))
    assert len({event.subject for event in timeline.events()}) == 1600


def test_what_began_in_a_run_that_is_over_is_not_recorded():
    timeline = Timeline(Clock(manual=True))
    before = timeline.run
    timeline.clear()
    assert timeline.record("client/s3.ListBuckets#1", "aws_call", "", "200", run=before) is None
    assert timeline.record("client/s3.ListBuckets#1", "aws_call", "", "200", run=timeline.run).seq == 1
    assert len(timeline.events()) == 1
