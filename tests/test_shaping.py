"""Shapes one behind another, without sockets."""

import gc
import random
import threading
import weakref
from functools import partial

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from relay_rig import FOR_EVER, LIMIT, keep

from emulator.clock import Clock
from emulator.model import Release
from emulator.shaping import AHEAD, Inbox, Shaping
from faults.socket_bandwidth import SocketBandwidth
from faults.socket_latency import SocketLatency
from faults.socket_slicer import SocketSlicer

CLOCK = Clock()


class Ends:
    def __init__(self):
        self.told = []

    def reset(self):
        self.told.append("reset")

    def end(self):
        self.told.append("end")


def passed(faults, chunks, until=None):
    """The bytes that come out of the faults' shapes."""
    release = until or Release()
    steps = [(partial(fault.shape, dice=random.Random(1)), release) for fault in faults]
    shaping = Shaping(steps, CLOCK, Ends())
    out = list(shaping.passed(iter(chunks)))
    shaping.shut()
    shaping.join()
    return out


CHUNKS = st.lists(st.binary(min_size=1, max_size=3000), max_size=20)
FAULTS = st.lists(
    st.one_of(
        st.builds(SocketLatency, ms=st.integers(0, 3), jitter_ms=st.integers(0, 3)),
        st.builds(SocketBandwidth, rate=st.integers(5_000, 50_000)),
        st.integers(1, 400).flatmap(
            lambda size: st.builds(
                SocketSlicer, average_size=st.just(size), size_variation=st.integers(0, size - 1), delay_ms=st.just(0.0)
            )
        ),
    ),
    min_size=1,
    max_size=3,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(FAULTS, CHUNKS)
def test_whatever_is_sent_arrives_whole_and_in_order(faults, chunks):
    assert b"".join(passed(faults, chunks)) == b"".join(chunks)


@settings(deadline=None, max_examples=40)
@given(CHUNKS, st.integers(1, 400))
def test_slices_are_of_the_size_asked_for(chunks, size):
    slices = passed([SocketSlicer(average_size=size, size_variation=size // 2, delay_ms=0.0)], chunks)
    assert b"".join(slices) == b"".join(chunks)
    assert all(len(piece) <= size + size // 2 for piece in slices)
    assert sum(len(piece) < size - size // 2 for piece in slices) <= len(chunks)  # the last of a chunk


def test_a_released_rule_passes_chunks_as_they_come():
    release = Release()
    release.release()
    chunks = [b"a" * 100, b"b" * 200]
    assert passed([SocketSlicer(), SocketLatency(ms=FOR_EVER)], chunks, release) == chunks


def test_a_sender_far_ahead_waits_for_the_shape():
    inbox, sent = Inbox(CLOCK), []

    def send():
        while inbox.put(bytes(2**20)):
            sent.append(1)

    sender = threading.Thread(target=send)
    sender.start()
    next(inbox)
    while len(sent) < AHEAD // 2**20 + 1:
        pass
    assert sum(1 for _, _ in zip(range(4), inbox, strict=False)) == 4
    while len(sent) < AHEAD // 2**20 + 5:
        pass
    inbox.shut()
    sender.join(LIMIT)
    assert list(inbox) == []


def test_a_session_is_forgotten_when_it_is_over():
    release = Release()
    shaping = Shaping([(keep, release)], CLOCK, Ends())
    gone = weakref.ref(shaping._stages[0])
    shaping.shut()
    del shaping
    gc.collect()
    assert gone() is None
