"""socket_latency against a real PostgreSQL, and in a real handler."""

import pytest
from relayed import function_that_asks
from shapes import shaped

from emulator.errors import FileProblem
from faults.socket_latency import SocketLatency


def waits(fault, seed=1, number=20):
    line = shaped(fault, [b"x"] * number, seed)
    assert line.given == [b"x"] * number
    return line.waited


def test_a_handlers_queries_take_longer_and_no_longer_when_the_rule_is_gone(real_rig):
    function_that_asks(real_rig)
    with real_rig.fault("socket_latency", ms=150, match={"host": "rows-db"}):
        slow = real_rig.invoke("orders").payload["ms"]
    assert slow >= 900
    assert real_rig.invoke("orders").payload["ms"] < slow


@pytest.mark.parametrize(("direction", "ways"), [("upstream", 1), ("downstream", 1), ("both", 2)])
def test_every_round_trip_takes_longer(relayed, direction, ways):
    with relayed.fault("socket_latency", ms=30, direction=direction) as armed:
        assert relayed.seconds() >= 5 * 0.03 * ways
    assert armed.strikes == 1


def test_what_is_sent_together_is_late_together():
    assert waits(SocketLatency(ms=130), number=3) == [0.13, 0.0, 0.0, 0.0]


def test_jitter_is_drawn_from_the_seed_and_nothing_overtakes():
    fault = SocketLatency(ms=100, jitter_ms=50)
    assert waits(fault) == waits(fault)
    assert waits(fault) != waits(fault, seed=2)
    assert 0.05 <= waits(fault, number=1)[0] <= 0.15
    assert all(wait >= 0 for wait in waits(fault))


def test_a_negative_latency_is_refused(relayed):
    problem = r"with\.ms: must be 0 or more, not -1"
    with pytest.raises(FileProblem, match=problem), relayed.fault("socket_latency", ms=-1):
        pass
