"""socket_bandwidth against a real PostgreSQL, and in a real handler."""

import pytest
from relayed import function_that_asks
from shapes import shaped

from emulator.errors import FileProblem
from faults.socket_bandwidth import SocketBandwidth


def test_a_handlers_large_result_takes_its_time_and_none_when_the_rule_is_gone(real_rig):
    function_that_asks(real_rig)
    with real_rig.fault("socket_bandwidth", rate=100):
        slow = real_rig.invoke("orders", {"rows": 80}).payload["ms"]
    assert slow >= 800
    assert real_rig.invoke("orders", {"rows": 80}).payload["ms"] < slow


def test_a_line_takes_the_time_that_its_rate_says():
    line = shaped(SocketBandwidth(rate=50), [b"x" * 1500, b"y" * 500])
    assert b"".join(line.given) == b"x" * 1500 + b"y" * 500
    assert round(sum(line.waited), 6) == 0.04


def test_a_result_takes_as_long_as_its_size_says(relayed):
    """At 500 KB/s a row of 1,000 bytes takes 2 ms."""
    with relayed.fault("socket_bandwidth", rate=500):
        small, large = relayed.seconds(100), relayed.seconds(300)
    assert small >= 0.2
    assert large >= 0.6
    assert relayed.seconds(300) < small


def test_the_other_direction_is_as_quick_as_ever(relayed):
    with relayed.fault("socket_bandwidth", rate=100, direction="upstream"):
        assert relayed.seconds(300) < 2.5


def test_the_narrowest_line_is_one_kilobyte_a_second(relayed):
    problem = r"with\.rate: must be 1 or more, not 0"
    with pytest.raises(FileProblem, match=problem), relayed.fault("socket_bandwidth", rate=0):
        pass
