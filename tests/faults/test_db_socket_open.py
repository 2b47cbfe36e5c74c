"""db_socket_open against a real PostgreSQL and a real driver."""

import asyncio
import runpy
import socket
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FuturesTimeout
from pathlib import Path

import asyncpg
import pytest

import emulator.postgres as postgres
from emulator.clock import Clock
from emulator.fault import Rule
from emulator.injector import Injector
from emulator.model import Link
from emulator.relay import Relay
from emulator.scope import Match
from emulator.timeline import Timeline
from faults.db_socket_open import DbSocketOpen

LIMIT = 20
ORDERS = Path(__file__).parents[2] / "sample_connectors" / "faults" / "orders"
SAMPLE = Path(__file__).parents[2] / "sample_connectors" / "orders_api" / "handler.py"
BACKENDS = "select count(*) from pg_stat_activity where application_name = 'under-test'"


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    server = postgres.embedded(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def rig(database):
    clock = Clock()
    timeline = Timeline(clock)
    injector = Injector(clock, timeline)
    entry = socket.create_server(("127.0.0.1", 0))
    url = database.url_at(*entry.getsockname())
    relay = Relay("orders-db", entry, (database.host, database.port), injector, lambda ip: ("orders", "orders/inv-1"))
    relay.start()
    yield injector, timeline, url, relay
    injector.disarm()
    relay.close()


async def connect(url):
    return await asyncpg.connect(url, server_settings={"application_name": "under-test"}, timeout=20)


async def gone(watch):
    """The server drops a backend from the view a moment after its socket: ask until it has."""
    while await watch.fetchval(BACKENDS):
        pass


def test_a_graceful_close_never_returns_and_the_backend_stays_until_it_is_disarmed(database, rig):
    injector, timeline, url, relay = rig
    injector.arm([Rule(DbSocketOpen(), Match(function="orders"))])

    async def story():
        watch = await asyncpg.connect(database.url)
        connection = await connect(url)
        assert await connection.fetchval("select 41 + 1") == 42
        closing = asyncio.ensure_future(connection.close())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(closing), 0.5)
        assert await watch.fetchval(BACKENDS) == 1
        assert relay.active == 1
        injector.disarm()
        await asyncio.wait_for(closing, LIMIT)
        await asyncio.wait_for(gone(watch), LIMIT)
        await watch.close()

    asyncio.run(story())
    strikes = [(e.subject, e.point, e.rule, e.outcome) for e in timeline.strikes()]
    assert strikes == [("orders/inv-1/orders-db/conn-1", "connect", "db_socket_open", "connected")]


def test_the_backend_stays_when_the_client_dies(database, rig):
    injector, _, url, _ = rig
    injector.arm([Rule(DbSocketOpen())])

    async def story():
        watch = await asyncpg.connect(database.url)
        connection = await connect(url)
        connection.terminate()
        assert await watch.fetchval(BACKENDS) == 1
        injector.disarm()
        await asyncio.wait_for(gone(watch), LIMIT)
        await watch.close()

    asyncio.run(story())


def test_without_the_rule_a_close_returns(database, rig):
    async def story():
        connection = await connect(rig[2])
        await asyncio.wait_for(connection.close(), LIMIT)

    asyncio.run(story())
    assert rig[1].strikes() == []


def test_another_functions_connection_is_let_alone(database, rig):
    rig[0].arm([Rule(DbSocketOpen(), Match(function="billing"), optional=True)])

    async def story():
        connection = await connect(rig[2])
        await asyncio.wait_for(connection.close(), LIMIT)

    asyncio.run(story())
    assert rig[1].strikes() == []


def test_the_sample_orders_api_hangs_after_its_answer_is_known(database, rig, monkeypatch):
    injector, _, url, _ = rig
    monkeypatch.setenv("DATABASE_URL", url)
    handler = runpy.run_path(str(SAMPLE))["handler"]
    event = {"httpMethod": "GET", "path": "/orders", "body": None}
    assert handler(event, None)["statusCode"] == 200
    injector.arm([Rule(DbSocketOpen())])
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(handler, event, None)
        with pytest.raises(FuturesTimeout):
            answer.result(0.5)
        injector.disarm()
        assert answer.result(LIMIT)["statusCode"] == 200


def test_what_was_not_connected_is_not_held():
    link = Link("refused")
    assert DbSocketOpen().on_connect(None, lambda: link, None) is link


def test_a_handler_that_says_goodbye_runs_into_its_timeout(real_rig):
    url = real_rig.database("goodbye-db")
    real_rig.function("orders", ORDERS, "handler.handler", timeout=1, environment={"DATABASE_URL": url})
    assert real_rig.invoke("orders").payload == "closed"
    with real_rig.fault("db_socket_open", match={"host": "goodbye-db"}) as armed:
        assert "Task timed out after 1.00 seconds" in real_rig.invoke("orders").payload["errorMessage"]
    assert real_rig.invoke("orders").payload == "closed"
    assert armed.strikes == 1
