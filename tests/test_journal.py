"""What a handler printed, as log events: every byte, once, in order, at its time."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.clock import Clock
from emulator.functions import journal
from emulator.functions.journal import Journal


def made():
    published = []
    return Journal(Clock(), published.append), published


def lines(*chunks, whole=True):
    log, _ = made()
    log.print([(at, data) for at, data in enumerate(chunks)], whole)
    return log.events


@pytest.mark.parametrize(
    ("chunks", "events"),
    [
        ([b"one\ntwo\n"], [(0, "one\n"), (0, "two\n")]),
        ([b"one", b" more\ntwo\n"], [(0, "one more\n"), (1, "two\n")]),
        ([b"no newline"], [(0, "no newline\n")]),
        ([b"\n\n"], [(0, "\n"), (0, "\n")]),
        ([b"error\rTraceback\r  line\n"], [(0, "error\nTraceback\n  line\n")]),
        ([b"windows\r\n"], [(0, "windows\r\n")]),
        ([b"\xff\xfe\n"], [(0, "\ufffd\ufffd\n")]),
        (["h\u00e9".encode()[:2], "h\u00e9".encode()[2:] + b"\n"], [(0, "h\u00e9\n")]),
        ([], []),
    ],
)
def test_lines(chunks, events):
    assert lines(*chunks) == events


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_however_it_is_cut_it_is_the_same_text(chunks):
    """Cut between any two bytes, also within a character."""
    whole = [line for _, line in lines(b"".join(chunks))]
    assert [line for _, line in lines(*chunks)] == whole


def framed(message, at_us, kind=b"\xa5\x5a\x00\x03"):
    return kind + len(message).to_bytes(4, "big") + at_us.to_bytes(8, "big") + message


@pytest.mark.parametrize(
    ("output", "events"),
    [
        (framed(b"[INFO] a\nb\n", 5000), [(5, "[INFO] a\nb\n")]),
        (framed(b"no newline", 5999) + framed(b"next\n", 6000), [(5, "no newline"), (6, "next\n")]),
        (b"printed\n" + framed(b"", 7000) + b"again\n", [(0, "printed\n"), (7, ""), (0, "again\n")]),
        (b"half" + framed(b"x", 7000) + b"other half\n", [(0, "half\n"), (7, "x"), (0, "other half\n")]),
        (framed(b"json", 7000, b"\xa5\x5a\x00\x1a"), [(7, "json")]),
        (framed(b"cut short", 7000)[:-1], [(0, framed(b"cut short", 7000)[:-1].decode(errors="replace") + "\n")]),
        (b"\xa5\x5a\x00\x03\xff\xff\xff\xff" + b"12345678 no frame\n", None),
        (b"\xa5\x5a", [(0, "\ufffdZ\n")]),
    ],
)
def test_what_a_client_framed_is_one_event_at_its_own_time(output, events):
    found = lines(output)
    text = output.decode(errors="replace")
    assert found == (events or [(0, text)])


@given(
    st.lists(st.tuples(st.booleans(), st.binary(max_size=12)), max_size=6),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_frames_are_found_however_the_stream_is_cut(parts, cuts):
    stream = b"".join(framed(data, 1000) if frame else data for frame, data in parts)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    assert [text for _, text in lines(*pieces)] == [text for _, text in lines(stream)]


def test_a_line_that_goes_on_waits_for_its_end():
    log, published = made()
    log.print([(5, b"done\nhalf")], whole=False)
    log.publish()
    log.print([(9, b" rest\n")])
    log.publish()
    assert published == [[(5, "done\n")], [(5, "half rest\n")]]


def test_nothing_is_published_twice_or_empty():
    log, published = made()
    log.publish()
    log.say("START\n")
    log.say("")
    log.publish()
    log.publish()
    assert [[line for _, line in batch] for batch in published] == [["START\n"]]
    assert log.text() == b"START\n"


def test_what_is_more_than_the_rig_keeps_is_counted(monkeypatch):
    monkeypatch.setattr(journal, "KEPT", 10)
    log, _ = made()
    log.print([(0, b"12345\n"), (1, b"123456\n"), (2, b"12\n")])
    text = "lambdarig: 7 bytes more were printed; of one invocation 10 are kept\n"
    assert [line for _, line in log.events] == ["12345\n", "12\n", text]


def test_a_long_line_costs_linear_time():
    chunk = b"x" * 65536
    log, _ = made()
    log.print([(0, chunk)] * 160)
    assert len(log.events[0][1]) == 160 * 65536 + 1
