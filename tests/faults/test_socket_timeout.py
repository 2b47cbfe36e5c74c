"""socket_timeout against a real PostgreSQL, and in a real handler."""

import asyncio

import pytest
from relayed import function_that_asks
from shapes import shaped

from faults.socket_timeout import SocketTimeout


def test_a_handler_hears_nothing_until_the_connection_is_closed(real_rig):
    function_that_asks(real_rig)
    with real_rig.fault("socket_timeout", timeout_ms=300):
        assert real_rig.invoke("orders").payload["errorType"] == "ConnectionError"
    assert real_rig.invoke("orders").payload["rows"] == 1


def test_nothing_is_given_on_and_the_time_is_the_one_it_says():
    line = shaped(SocketTimeout(timeout_ms=300), [b"x"])
    assert (line.given, line.waited, line.closed) == ([], [0.3], True)


def test_a_handler_that_nobody_closes_runs_into_its_own_timeout(real_rig):
    function_that_asks(real_rig, timeout=1)
    with real_rig.fault("socket_timeout", timeout_ms=0):
        result = real_rig.invoke("orders")
    assert "Task timed out after 1.00 seconds" in result.payload["errorMessage"]
    assert real_rig.invoke("orders").payload["rows"] == 1


@pytest.mark.parametrize("direction", ["upstream", "downstream", "both"])
def test_the_connection_is_closed_when_its_time_is_over(relayed, direction):
    began = relayed.clock.monotonic()
    with relayed.fault("socket_timeout", timeout_ms=150, direction=direction), pytest.raises(ConnectionError):
        relayed.rows()
    assert relayed.clock.monotonic() - began >= 0.15


def test_a_connection_that_has_not_been_closed_yet_goes_on_when_the_rule_is_gone(relayed):
    async def story():
        with relayed.fault("socket_timeout", timeout_ms=0):
            asking = asyncio.ensure_future(relayed.ask(3))
            done, _ = await asyncio.wait([asking], timeout=0.2)
            assert not done
        return await asking

    assert asyncio.run(story()) == 3


def test_the_next_connection_can_be_another_matter(relayed):
    with relayed.fault("socket_timeout", when={"times": 1}, timeout_ms=50) as armed:
        with pytest.raises(ConnectionError):
            relayed.rows()
        assert relayed.rows() == 1
    assert armed.strikes == 1
