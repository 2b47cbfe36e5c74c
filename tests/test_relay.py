"""The relay against plain sockets on both ends."""

import contextlib
import hashlib
import os
import socket
import threading
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from relay_rig import LIMIT, World, silent

from emulator.errors import UsageError
from emulator.fault import Fault, Rule
from emulator.model import Link, Release
from emulator.relay import address
from emulator.relay_session import TERMINATE


@dataclass(frozen=True)
class Hold(Fault):
    name: ClassVar[str] = "hold"

    def new_state(self):
        return Release()

    def on_connect(self, subject, proceed, ctx):
        return replace(proceed(), hold=ctx.state)

    def heal(self, ctx):
        ctx.state.release()


@dataclass(frozen=True)
class Refuse(Fault):
    name: ClassVar[str] = "refuse"

    def on_connect(self, subject, proceed, ctx):
        return Link("refused")


@dataclass(frozen=True)
class Broken(Fault):
    name: ClassVar[str] = "broken"

    def on_connect(self, subject, proceed, ctx):
        raise KeyError("bug")


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def test_bytes_pass_both_ways(world):
    client, server = world.pair()
    client.sendall(b"query")
    assert server.recv(10) == b"query"
    server.sendall(b"rows")
    assert client.recv(10) == b"rows"


def test_a_connection_passes_the_point_connect_once_under_its_own_id(world):
    world.pair()
    world.pair()
    told = [(e.subject, e.point, e.outcome) for e in world.timeline.events()]
    assert told == [(f"orders/inv-1/orders-db/conn-{number}", "connect", "connected") for number in (1, 2)]


@pytest.mark.parametrize("order", [(1, 2, 1), (2, 1, 1), (1, 1, 2)])
def test_connections_are_numbered_by_invocation_whoever_comes_first(order):
    world = World(lambda ip: ("orders", f"orders/inv-{ip[-1]}"))
    try:
        for number in order:
            world.pair(f"127.0.0.{number}")
        told = sorted(e.subject.replace("/orders-db", "") for e in world.timeline.events())
    finally:
        world.close()
    assert told == ["orders/inv-1/conn-1", "orders/inv-1/conn-2", "orders/inv-2/conn-1"]


def test_a_fault_is_told_where_the_database_itself_is(world):
    seen = []

    @dataclass(frozen=True)
    class Look(Fault):
        name: ClassVar[str] = "look"

        def on_connect(self, subject, proceed, ctx):
            seen.append(subject.target)
            return proceed()

    world.injector.arm([Rule(Look(), optional=True)])
    world.pair()
    assert seen == [world.database.getsockname()]


def test_half_close_of_the_client_leaves_the_way_back_open(world):
    client, server = world.pair()
    client.sendall(b"last words")
    client.shutdown(socket.SHUT_WR)
    assert b"".join(iter(lambda: server.recv(100), b"")) == b"last words"
    server.sendall(b"answer")
    server.close()
    assert b"".join(iter(lambda: client.recv(100), b"")) == b"answer"


def test_half_close_of_the_server_leaves_the_way_there_open(world):
    client, server = world.pair()
    server.sendall(b"bye")
    server.shutdown(socket.SHUT_WR)
    assert b"".join(iter(lambda: client.recv(100), b"")) == b"bye"
    client.sendall(b"more")
    client.close()
    assert b"".join(iter(lambda: server.recv(100), b"")) == b"more"


def test_megabytes_in_both_directions_at_once_arrive_whole(world):
    client, server = world.pair()
    there, back = os.urandom(4_000_000), os.urandom(4_000_000)

    def send(sock, data):
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)

    def receive(sock, digest):
        while data := sock.recv(65536):
            digest.update(data)

    got_there, got_back = hashlib.sha256(), hashlib.sha256()
    jobs = [(send, client, there), (send, server, back), (receive, server, got_there), (receive, client, got_back)]
    threads = [threading.Thread(target=job, args=arguments) for job, *arguments in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert got_there.digest() == hashlib.sha256(there).digest()
    assert got_back.digest() == hashlib.sha256(back).digest()


def test_a_reset_of_the_server_reaches_the_client(world):
    client, server = world.pair()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.close()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_refusing_target_resets_the_client_and_is_recorded(world):
    world.database.close()
    with pytest.raises(ConnectionResetError):  # as early as in connect
        world.connect().recv(1)
    assert [e.outcome for e in world.timeline.events()] == ["refused"]
    assert (world.relay.accepted, world.relay.refused) == (1, 1)


def test_a_fault_that_does_not_proceed_resets_the_client(world):
    world.injector.arm([Rule(Refuse())])
    with pytest.raises(ConnectionResetError):  # as early as in connect
        world.connect().recv(1)
    assert [e.rule for e in world.timeline.strikes()] == ["refuse"]


def test_a_fault_with_a_bug_resets_the_client_and_the_relay_goes_on(world, caplog):
    armed = world.injector.arm([Rule(Broken())])
    with pytest.raises(ConnectionResetError):
        world.connect().recv(1)
    assert "fault 'broken' raised" in caplog.text
    world.injector.disarm(armed)
    client, server = world.pair()
    client.sendall(b"x")
    assert server.recv(1) == b"x"


def test_a_held_client_close_does_not_reach_the_server_until_released(world):
    world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    client.sendall(b"in flight")
    client.close()
    assert server.recv(100) == b"in flight"
    assert silent(server)
    assert world.relay.active == 1
    world.injector.disarm()
    assert server.recv(1) == b""


def test_a_held_client_reset_does_not_reach_the_server_until_released(world):
    world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    assert silent(server)
    world.injector.disarm()
    with pytest.raises(ConnectionResetError):
        server.recv(1)


def test_a_held_server_close_does_not_reach_the_client_until_released(world):
    world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    server.sendall(b"in flight")
    server.close()
    assert client.recv(100) == b"in flight"
    assert silent(client)
    world.injector.disarm()
    assert client.recv(1) == b""


def test_a_held_goodbye_is_delivered_on_release_and_not_before(world):
    world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    client.sendall(b"query" + TERMINATE)
    assert server.recv(100) == b"query"
    assert silent(server)
    world.injector.disarm()
    assert server.recv(100) == TERMINATE


def _taken(client):
    """Bytes that there was room for."""
    with contextlib.suppress(TimeoutError):
        return client.send(b"x" * 65536)
    return 0


def test_nobody_who_disarms_waits_for_a_server_that_does_not_read(world):
    armed = world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    client.settimeout(0.5)
    sent = sum(iter(lambda: _taken(client), 0))
    disarming = threading.Thread(target=world.injector.disarm, args=[armed], daemon=True)
    disarming.start()
    disarming.join(LIMIT)
    assert not disarming.is_alive()
    client.settimeout(LIMIT)
    ending = threading.Thread(target=lambda: (client.sendall(TERMINATE), client.shutdown(socket.SHUT_WR)), daemon=True)
    ending.start()
    got = b"".join(iter(lambda: server.recv(1 << 20), b""))
    assert (len(got), got.endswith(TERMINATE)) == (sent + len(TERMINATE), True)


def test_what_only_looked_like_a_goodbye_is_delivered_with_what_follows(world):
    world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    client.sendall(TERMINATE)
    assert silent(server)
    client.sendall(b"more")
    got = b""
    while len(got) < len(TERMINATE) + 4:
        got += server.recv(100)
    assert got == TERMINATE + b"more"


def test_a_goodbye_passes_where_nothing_is_held(world):
    client, server = world.pair()
    client.sendall(TERMINATE)
    assert server.recv(100) == TERMINATE


def test_a_connection_in_use_survives_its_release(world):
    world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    world.injector.disarm()
    client.sendall(b"still here")
    assert server.recv(100) == b"still here"
    client.close()
    assert server.recv(1) == b""


def test_counts_are_exact_for_many_connections(world):
    pairs = [world.pair() for _ in range(20)]
    assert (world.relay.accepted, world.relay.active, world.relay.refused) == (20, 20, 0)
    for client, server in pairs:
        client.close()
        assert server.recv(1) == b""
        server.close()
    world.relay.close()
    assert (world.relay.accepted, world.relay.active) == (20, 0)


def test_reset_counts_from_one_again(world):
    world.pair()
    world.relay.reset()
    world.pair()
    assert {e.subject for e in world.timeline.events()} == {"orders/inv-1/orders-db/conn-1"}


def test_close_ends_held_connections_and_threads(world):
    world.injector.arm([Rule(Hold())])
    client, server = world.pair()
    world.relay.close()
    assert client.recv(1) == b""
    assert server.recv(1) == b""
    assert world.relay.active == 0
    assert not [t for t in threading.enumerate() if t.name.startswith("relay-orders-db") and t.is_alive()]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("localhost:6379", ("localhost", 6379)),
        ("cache-1.example.com:65535", ("cache-1.example.com", 65535)),
        ("127.0.0.1:1", ("127.0.0.1", 1)),
        ("[::1]:5432", ("::1", 5432)),
    ],
)
def test_an_address_is_a_host_and_a_port(written, meant):
    assert address(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "localhost", ":6379", "localhost:", "localhost:0", "localhost:65536", "localhost:http", "::1:5432", "[::1]",
     "redis://localhost:6379", "me@localhost:6379", "localhost:6379/0", " localhost:6379", "localhost:6379\n", "a b:1",
     "localhost:६"],
)  # fmt: skip
def test_what_is_no_address_is_refused(written):
    with pytest.raises(UsageError, match=r"is no address: write host:port, such as localhost:6379"):
        address(written)


def test_a_rig_relays_to_any_host_under_a_name_of_its_own(inline_rig):
    with socket.create_server(("127.0.0.1", 0)) as server:
        target = f"127.0.0.1:{server.getsockname()[1]}"
        given = inline_rig.relay("cache", target)
        assert given != target
        assert inline_rig.relay("cache", target) == given
        with socket.create_connection(address(given), LIMIT) as client:
            client.sendall(b"PING")
            peer, _ = server.accept()
            with peer:
                assert peer.recv(4) == b"PING"
        assert [e.subject for e in inline_rig.timeline.events()] == ["cache/conn-1"]
        with pytest.raises(UsageError, match="there is a relay named 'cache' already"):
            inline_rig.relay("cache", "localhost:1")
        with pytest.raises(UsageError, match="there is a relay named 'cache' already"):
            inline_rig.database("cache", "postgresql://localhost/x")
    inline_rig.database("orders-db", "postgresql://localhost/x")
    with pytest.raises(UsageError, match="there is a database named 'orders-db' already"):
        inline_rig.relay("orders-db", "localhost:1")
