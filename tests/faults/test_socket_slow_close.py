"""socket_slow_close against a real PostgreSQL, and in a real handler."""

import asyncio

import asyncpg
from relayed import BACKENDS, LIMIT_S, function_that_asks
from shapes import shaped

from faults.socket_slow_close import SocketSlowClose


def test_a_handler_waits_for_the_servers_close_and_no_longer_when_the_rule_is_gone(real_rig):
    function_that_asks(real_rig)
    with real_rig.fault("socket_slow_close", delay_ms=800):
        slow = real_rig.invoke("orders").payload["ms"]
    assert slow >= 800
    assert real_rig.invoke("orders").payload["ms"] < slow


def test_only_the_end_is_late():
    line = shaped(SocketSlowClose(delay_ms=300), [b"a", b"b"])
    assert (line.given, line.waited) == ([b"a", b"b"], [0.3])


def test_what_is_said_before_the_close_is_not_late(relayed):
    async def story():
        with relayed.fault("socket_slow_close", delay_ms=300):
            connection = await relayed.connect()
            assert await asyncio.wait_for(connection.fetchval("select 41 + 1"), LIMIT_S) == 42
            began = relayed.clock.monotonic()
            await connection.close()
            return relayed.clock.monotonic() - began

    assert asyncio.run(story()) >= 0.3


def test_upstream_the_server_keeps_the_session_of_a_client_that_died(relayed):
    async def story():
        watch = await asyncpg.connect(relayed.direct)
        with relayed.fault("socket_slow_close", delay_ms=10**9, direction="upstream"):
            connection = await relayed.connect("slow-close")
            connection._transport.abort()  # without the goodbye that asyncpg says in terminate() too
            assert await watch.fetchval(BACKENDS, "slow-close") == 1
        await asyncio.wait_for(gone(watch), LIMIT_S)
        await watch.close()

    asyncio.run(story())


async def gone(watch):
    while await watch.fetchval(BACKENDS, "slow-close"):
        pass
