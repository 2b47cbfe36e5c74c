"""Shapes on a relay with plain sockets on both of its ends."""

import hashlib
import os
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest
from relay_rig import FOR_EVER, LIMIT, World, keep, silent

from emulator.clock import Clock
from emulator.fault import Rule, param
from emulator.relay_session import TERMINATE
from emulator.socket_fault import SocketFault
from faults.db_socket_open import DbSocketOpen
from faults.socket_latency import SocketLatency
from faults.socket_slicer import SocketSlicer

CLOCK = Clock()


@pytest.fixture
def world():
    world = World()
    yield world
    world.injector.disarm()
    world.close()


@dataclass(frozen=True)
class Shaped(SocketFault):
    """Whatever a test wants."""

    name: ClassVar[str] = "shaped"

    how: Callable = param(None, "", "")

    def shape(self, chunks, line, dice):
        return self.how(chunks, line)


def shaped(world, how, direction="downstream", name=""):
    return world.injector.arm([Rule(Shaped(direction, how), name=name)])


def marked(mark):
    def how(chunks, line):
        for _, data in chunks:
            yield mark + data

    return how


def received(sock, size):
    got = b""
    while len(got) < size and (more := sock.recv(size - len(got))):
        got += more
    return got


def fill(sock):
    """Send until the connection is reset."""
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        sock.sendall(bytes(10**9))


def to_the_end(sock):
    return b"".join(iter(lambda: sock.recv(65536), b""))


def test_a_shape_stands_on_its_direction_only(world):
    shaped(world, marked(b"!"), "upstream")
    client, server = world.ends()
    client.sendall(b"query")
    assert received(server, 6) == b"!query"
    server.sendall(b"rows")
    assert received(client, 4) == b"rows"


def test_both_directions_have_a_shape_each(world):
    shaped(world, marked(b"!"), "both")
    client, server = world.ends()
    client.sendall(b"query")
    assert received(server, 6) == b"!query"
    server.sendall(b"rows")
    assert received(client, 5) == b"!rows"


def test_of_two_rules_the_first_armed_shapes_first(world):
    shaped(world, marked(b"1"), name="first")
    shaped(world, marked(b"2"), name="second")
    client, server = world.pair()
    server.sendall(b"rows")
    assert received(client, 6) == b"21rows"


def test_what_comes_bears_its_own_time_while_the_shapes_before_and_behind_wait(world):
    """Two latencies of 0.15 s: each of three pieces is 0.3 s late, not the third one more."""
    late = [Rule(SocketLatency("downstream", ms=150), name=name) for name in ("one", "two")]
    world.injector.arm(late)
    client, server = world.pair()
    began = CLOCK.monotonic()
    for piece in (b"a", b"b", b"c"):
        server.sendall(piece)
    assert received(client, 3) == b"abc"
    assert 0.3 <= CLOCK.monotonic() - began < 0.55


def test_the_senders_end_passes_behind_what_it_sent(world):
    world.injector.arm([Rule(SocketLatency("both", ms=30))])
    client, server = world.pair()
    server.sendall(b"bye")
    server.close()
    assert to_the_end(client) == b"bye"


def test_a_reset_passes_behind_what_was_sent_before_it(world):
    world.injector.arm([Rule(SocketLatency("downstream", ms=50))])
    client, server = world.pair()
    server.sendall(b"last")
    assert received(client, 4) == b"last"
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    server.close()
    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_disarmed_rule_lets_everything_go_at_once_and_then_shapes_nothing(world):
    armed = shaped(world, keep)
    client, server = world.pair()
    server.sendall(b"kept back")
    assert silent(client)
    world.injector.disarm(armed)
    assert received(client, 9) == b"kept back"
    server.sendall(b"and on")
    assert received(client, 6) == b"and on"
    server.close()
    assert client.recv(1) == b""


def test_a_disarmed_rule_lets_another_rules_shape_go_on(world):
    kept = shaped(world, keep, name="kept")
    shaped(world, marked(b"!"), name="marked")
    client, server = world.pair()
    server.sendall(b"rows")
    assert silent(client)
    world.injector.disarm(kept)
    assert received(client, 5) == b"!rows"


def test_a_connection_made_after_the_rule_is_not_shaped(world):
    world.injector.disarm(shaped(world, marked(b"!")))
    client, server = world.pair()
    server.sendall(b"rows")
    assert received(client, 4) == b"rows"


def test_what_a_shape_keeps_itself_passes_when_it_is_disarmed(world):
    def hoard(chunks, line):
        yield b"".join(data for _, data in chunks)

    armed = shaped(world, hoard)
    client, server = world.pair()
    for piece in (b"a", b"b"):
        server.sendall(piece)
    assert silent(client)
    world.injector.disarm(armed)
    assert received(client, 2) == b"ab"


def test_reset_ends_both_sides_by_rst(world):
    def how(chunks, line):
        for _ in chunks:
            assert line.reset()
        yield from ()

    shaped(world, how)
    client, server = world.pair()
    server.sendall(b"lost")
    for side in (client, server):
        with pytest.raises(ConnectionResetError):
            side.recv(1)


def test_reset_reaches_a_client_that_has_stopped_reading_and_a_server_that_has_stopped_too(world):
    def how(chunks, line):
        next(chunks)
        line.wait(0.1)
        line.reset()
        yield from ()

    shaped(world, how, "upstream")
    client, server = world.ends()
    filling = threading.Thread(target=fill, args=(server,))
    filling.start()
    client.sendall(b"?")
    filling.join(LIMIT)
    assert not filling.is_alive()
    world.relay.close()
    assert world.relay.active == 0


def test_close_ends_both_sides_in_order_behind_what_was_given_on(world):
    def how(chunks, line):
        yield next(chunks)[1]
        assert line.close()
        yield b" and this"

    shaped(world, how)
    world.injector.arm([Rule(SocketLatency("downstream", ms=50))])
    client, server = world.pair()
    server.sendall(b"this")
    assert to_the_end(client) == b"this and this"
    assert server.recv(1) == b""


def test_a_disarmed_rule_ends_no_connection(world):
    told = []

    def how(chunks, line):
        told.append(line.wait(FOR_EVER))
        told.extend((line.reset(), line.close()))
        yield from ()

    armed = shaped(world, how)
    client, server = world.pair()
    world.injector.disarm(armed)
    server.sendall(b"rows")
    assert received(client, 4) == b"rows"
    assert told == [False, False, False]


def test_a_shape_that_returns_ends_its_direction_and_leaves_the_other(world):
    shaped(world, lambda chunks, line: iter([next(chunks)[1]]))
    client, server = world.pair()
    server.sendall(b"enough")
    assert to_the_end(client) == b"enough"
    client.sendall(b"more")
    assert received(server, 4) == b"more"


def test_a_shape_that_raises_resets_the_connection_and_is_told(world, caplog):
    def how(chunks, line):
        yield next(chunks)[1]
        next(chunks)
        raise KeyError("bug")

    shaped(world, how)
    client, server = world.pair()
    server.sendall(b"rows")
    assert received(client, 4) == b"rows"
    server.sendall(b"more")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    assert "a fault's shape raised" in caplog.text
    assert "KeyError: 'bug'" in caplog.text


@pytest.mark.parametrize("direction", ["upstream", "downstream", "both"])
def test_the_relays_end_interrupts_what_waits_and_leaves_no_thread(world, direction):
    shaped(world, keep, direction)
    client, server = world.ends()
    client.sendall(b"query")
    server.sendall(b"rows")
    world.relay.close()
    assert world.relay.active == 0
    assert not [t for t in threading.enumerate() if t.name.startswith("relay-orders-db") and t.is_alive()]


def test_a_rule_does_not_keep_connections_that_are_over(world):
    shaped(world, marked(b""))
    world.injector.arm([Rule(DbSocketOpen(), optional=True)])
    state = [armed.state for armed in world.injector.armed()]
    for _ in range(3):
        client, server = world.pair()
        client.close()
        server.close()
    assert len(state[1]._callbacks) == 3  # held: nobody has let go of these
    state[1].release()
    world.relay.close()
    assert [release._callbacks for release in state] == [[], []]


def test_a_held_close_stays_held_behind_a_shape(world):
    world.injector.arm([Rule(DbSocketOpen())])
    shaped(world, marked(b"!"), "upstream")
    client, server = world.ends()
    client.sendall(b"query")
    assert received(server, 6) == b"!query"
    client.sendall(TERMINATE)
    client.close()
    assert received(server, 1) == b"!"  # the goodbye itself waits
    assert silent(server)
    world.injector.disarm()
    assert to_the_end(server) == TERMINATE


def test_what_is_held_back_by_a_shape_passes_before_the_held_close(world):
    kept = shaped(world, keep)
    world.injector.arm([Rule(DbSocketOpen())])
    client, server = world.pair()
    server.sendall(b"rows")
    server.close()
    assert silent(client)
    world.injector.disarm(kept)
    assert received(client, 4) == b"rows"
    assert silent(client)
    world.injector.disarm()
    assert client.recv(1) == b""


def test_megabytes_in_both_directions_arrive_whole_through_two_shapes(world):
    rules = [Rule(SocketSlicer("both", 30000, 20000, 0.0)), Rule(SocketLatency("both", ms=1, jitter_ms=1))]
    world.injector.arm(rules)
    client, server = world.pair()
    data = {client: os.urandom(3_000_000), server: os.urandom(3_000_000)}

    def send(sock):
        sock.sendall(data[sock])
        sock.shutdown(socket.SHUT_WR)

    senders = [threading.Thread(target=send, args=(sock,)) for sock in data]
    for sender in senders:
        sender.start()
    got = {}
    reader = threading.Thread(target=lambda: got.update({server: to_the_end(server)}))
    reader.start()
    got[client] = to_the_end(client)
    for thread in (*senders, reader):
        thread.join(LIMIT)
    digests = {sock: hashlib.sha256(sent).digest() for sock, sent in data.items()}
    assert hashlib.sha256(got[server]).digest() == digests[client]
    assert hashlib.sha256(got[client]).digest() == digests[server]
