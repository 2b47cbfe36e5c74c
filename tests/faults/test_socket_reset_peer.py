"""socket_reset_peer against a real PostgreSQL, and in a real handler."""

import asyncio

import asyncpg
import pytest
from relayed import BACKENDS, LIMIT_S, function_that_asks

BROKEN = "connection was closed in the middle of operation"


def test_a_handler_is_reset_when_it_connects_and_not_when_the_rule_is_gone(real_rig):
    function_that_asks(real_rig)
    with real_rig.fault("socket_reset_peer"):
        result = real_rig.invoke("orders")
        assert result.payload["errorType"] == "ConnectionResetError"
        assert "Connection reset by peer" in result.payload["errorMessage"]
    assert real_rig.invoke("orders").payload["rows"] == 1


@pytest.mark.parametrize("direction", ["upstream", "downstream", "both"])
def test_the_first_data_is_answered_by_a_reset(relayed, direction):
    with relayed.fault("socket_reset_peer", direction=direction), pytest.raises(ConnectionResetError):
        relayed.rows()


def test_after_a_time(relayed):
    began = relayed.clock.monotonic()
    with relayed.fault("socket_reset_peer", timeout_ms=150), pytest.raises(ConnectionResetError):
        relayed.rows()
    assert relayed.clock.monotonic() - began >= 0.15


def test_after_so_many_bytes(relayed):
    with relayed.fault("socket_reset_peer", after_bytes=20_000):
        assert relayed.rows(3) == 3
        with pytest.raises(asyncpg.ConnectionDoesNotExistError, match=BROKEN) as caught:
            relayed.rows(100)
    assert isinstance(caught.value.__cause__, ConnectionResetError)


def test_the_server_gives_up_the_session_too(relayed):
    async def story():
        watch = await asyncpg.connect(relayed.direct)
        with relayed.fault("socket_reset_peer", after_bytes=20_000):
            connection = await relayed.connect("reset-peer")
            assert await watch.fetchval(BACKENDS, "reset-peer") == 1
            with pytest.raises(asyncpg.ConnectionDoesNotExistError, match=BROKEN):
                await connection.fetchval("select repeat('x', 100000)")
            await asyncio.wait_for(gone(watch), LIMIT_S)
        await watch.close()

    asyncio.run(story())


async def gone(watch):
    while await watch.fetchval(BACKENDS, "reset-peer"):
        pass
