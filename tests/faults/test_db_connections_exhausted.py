"""db_connections_exhausted against real PostgreSQL servers and a real driver."""

import asyncio
import socket
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

import emulator.postgres as postgres
from emulator.certificates import Authority
from emulator.clock import Clock
from emulator.errors import FaultError
from emulator.fault import Rule, parameters
from emulator.injector import Injector
from emulator.model import Connection, Link
from emulator.scope import Match, When
from emulator.timeline import Timeline
from faults.db_connections_exhausted import DbConnectionsExhausted

POOLED = Path(__file__).parents[2] / "sample_connectors" / "faults" / "pooled"
MOST = 8  # connections that the servers here take, superuser_reserved_connections among them


@pytest.fixture
def database(tmp_path, monkeypatch):
    monkeypatch.setitem(postgres.SETTINGS, "max_connections", str(MOST))
    server = postgres.embedded(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def injector():
    clock = Clock(manual=True)
    injector = Injector(clock, Timeline(clock))
    yield injector
    injector.disarm()


def passes(injector, target, number=1):
    """A function's connection comes by; gives what the timeline says was done."""
    conn = Connection(f"orders-db/conn-{number}", "orders-db", "orders", "orders/inv-1", target)
    injector.pass_through("connect", conn, lambda _: Link())
    return injector.timeline.events()[-1].detail


def at(database):
    return database.host, database.port


async def asked(url):
    """42, or the name of the driver's error and what it says."""
    try:
        connection = await asyncpg.connect(url, timeout=20)
    except asyncpg.PostgresError as error:
        return type(error).__name__, str(error)
    try:
        return await connection.fetchval("select 41 + 1")
    finally:
        await connection.close()


def answer(url):
    return asyncio.run(asked(url))


FULL = ("TooManyConnectionsError", "sorry, too many clients already")


async def configure(database, *commands):
    """Run them, make the server read its files again, and wait until new sessions have what it read."""
    connection = await asyncpg.connect(database.url)
    before = await connection.fetchval("select pg_conf_load_time()")
    for command in (*commands, "select pg_reload_conf()"):
        await connection.execute(command)
    await connection.close()
    while await loaded(database) == before:
        pass


async def loaded(database):
    connection = await asyncpg.connect(database.url)
    try:
        return await connection.fetchval("select pg_conf_load_time()")
    finally:
        await connection.close()


async def let_in(database, method):
    connection = await asyncpg.connect(database.url)
    file = await connection.fetchval("show hba_file")
    await connection.close()
    await configure(database, f"copy (select 'host all all all {method}') to '{file}'")


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(DbConnectionsExhausted).items()}
    assert defaults == {"leave": 0, "user": "postgres", "most": 1000}


def test_a_handler_gets_the_servers_own_error_and_once_disarmed_its_answer(real_rig):
    url = real_rig.database("pooled")
    environment = {"DATABASE_URL": url}
    real_rig.function("orders", POOLED, "handler.handler", requirements=True, memory=512, environment=environment)
    with real_rig.fault("db_connections_exhausted") as armed:
        result = real_rig.invoke("orders")
        assert (result.payload["errorType"], result.payload["errorMessage"]) == FULL
    assert armed.strikes == 1
    (struck,) = real_rig.timeline.strikes("db_connections_exhausted")
    assert (struck.subject, struck.outcome, struck.detail) == (
        "orders/inv-1/pooled/conn-1", "connected", "holds 100 connections",
    )
    assert real_rig.invoke("orders").payload == 42


@pytest.mark.parametrize("method", ["password", "scram-sha-256", "trust"])
def test_however_the_server_lets_people_in(database, injector, method):
    asyncio.run(let_in(database, method))
    injector.arm([Rule(DbConnectionsExhausted())])
    assert passes(injector, at(database)) == f"holds {MOST} connections"
    assert answer(database.url) == FULL
    injector.disarm()
    assert answer(database.url) == 42


def test_what_is_left_free_can_be_used_and_is_not_taken_afterwards(database, injector):
    injector.arm([Rule(DbConnectionsExhausted(leave=1))])
    assert passes(injector, at(database)) == f"holds {MOST - 1} connections"

    async def story():
        connection = await asyncpg.connect(database.url)
        assert passes(injector, at(database), 2) == f"holds {MOST - 1} connections"
        assert await asked(database.url) == FULL
        await connection.close()

    asyncio.run(story())


def test_the_last_three_are_kept_for_superusers(database, injector):
    async def story():
        await configure(database, "create role app login password 'app'")
        injector.arm([Rule(DbConnectionsExhausted(leave=3))])
        passes(injector, at(database))
        kind, said = await asked(f"postgresql://app:app@{database.host}:{database.port}/postgres")
        assert kind == "TooManyConnectionsError"
        assert said.startswith("remaining connection slots are reserved")
        assert await asked(database.url) == 42

    asyncio.run(story())


def test_those_that_the_server_dropped_meanwhile_are_taken_anew(database, injector):
    drop = "select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity"
    injector.arm([Rule(DbConnectionsExhausted(leave=1))])
    passes(injector, at(database))

    async def story():
        connection = await asyncpg.connect(database.url)
        others = "where backend_type = 'client backend' and pid <> pg_backend_pid()"
        assert await connection.fetchval(f"{drop} {others}") == MOST - 1
        assert await asked(database.url) == 42
        assert passes(injector, at(database), 2) == f"holds {MOST - 1} connections"
        assert await asked(database.url) == FULL
        await connection.close()

    asyncio.run(story())


def test_the_database_of_another_host_and_what_comes_before_its_turn_are_let_alone(database, injector):
    elsewhere = Rule(DbConnectionsExhausted(), Match(host="billing-db"), optional=True)
    later = Rule(DbConnectionsExhausted(), when=When(after=1, times=1), name="later")
    injector.arm([elsewhere, later])
    assert passes(injector, at(database)) == ""
    assert answer(database.url) == 42
    assert passes(injector, at(database), 2) == f"holds {MOST} connections"
    assert answer(database.url) == FULL


def test_a_server_that_takes_more_than_it_may_is_told_and_given_back(database, injector):
    injector.arm([Rule(DbConnectionsExhausted(most=5))])
    with pytest.raises(FaultError, match="more than 5 connections: raise `most`"):
        passes(injector, at(database))
    injector.disarm()
    assert answer(database.url) == 42


def test_a_user_whom_a_trusting_server_does_not_know_is_named(database, injector):
    asyncio.run(let_in(database, "trust"))
    injector.arm([Rule(DbConnectionsExhausted(user="nobody"))])
    with pytest.raises(FaultError, match='28000 role "nobody" does not exist'):
        passes(injector, at(database))


def test_what_is_no_postgresql_is_named(injector):
    with socket.create_server(("127.0.0.1", 0)) as server:
        injector.arm([Rule(DbConnectionsExhausted())])
        greeting = threading.Thread(target=lambda: server.accept()[0].sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        greeting.start()
        with pytest.raises(FaultError, match="is no PostgreSQL: asked for TLS it says b'H'"):
            passes(injector, server.getsockname())
        greeting.join()


def test_a_server_that_can_is_asked_with_tls(injector, tmp_path):
    refusal = b"SFATAL\0C53300\0Mfull\0\0"
    answers = [b"R" + struct.pack("!II", 8, 10), b"E" + struct.pack("!I", len(refusal) + 4) + refusal]
    context = Authority(tmp_path).context_for("db.example.com")

    def serve(server):
        for answer in answers:
            plain, _ = server.accept()
            assert plain.recv(8) == struct.pack("!II", 8, 80877103)
            plain.sendall(b"S")
            secure = context.wrap_socket(plain, server_side=True)
            assert b"user\0postgres\0" in secure.recv(100)
            secure.sendall(answer)
            kept.append(secure)

    kept = []
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:
        serving = pool.submit(serve, server)
        injector.arm([Rule(DbConnectionsExhausted())])
        assert passes(injector, server.getsockname()) == "holds 1 connection"
        serving.result(10)
        for secure in kept:
            secure.close()


def test_a_rule_that_goes_while_a_connection_passes_holds_nothing(database, injector, caplog):
    (armed,) = injector.arm([Rule(DbConnectionsExhausted())])
    conn = Connection("orders-db/conn-1", "orders-db", "orders", "orders/inv-1", at(database))

    def disarmed(_):
        injector.disarm()
        return Link()

    injector.pass_through("connect", conn, disarmed)
    assert (armed.state, caplog.text) == ({}, "")
