"""Relayed connections whose environment was frozen and goes on: the point `resume`, against plain sockets."""

import socket
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
from relay_rig import World, silent

from emulator.errors import FaultError
from emulator.fault import Fault, Rule
from emulator.model import Release


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
class Close(Fault):
    """Ends what is resumed, and notes it."""

    name: ClassVar[str] = "close"
    how: str = "fin"

    def new_state(self):
        return []

    def on_resume(self, subject, proceed, ctx):
        ctx.state.append(subject)
        return replace(proceed(), verdict="closed", closing=self.how)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def test_a_connection_that_is_resumed_passes_as_the_one_that_it_is_with_what_is_new(world):
    (armed,) = world.injector.arm([Rule(Close())])
    world.pair()
    world.pair()
    world.relay.resume("orders/env-1", "orders/inv-2", 360.0)
    seen = [(one.id, one.function, one.invocation, one.idle_s) for one in armed.state]
    assert seen == [(f"orders/inv-1/orders-db/conn-{number}", "orders", "orders/inv-2", 360.0) for number in (1, 2)]
    strikes = [(e.subject, e.point, e.outcome) for e in world.timeline.strikes()]
    assert strikes == [(f"orders/inv-1/orders-db/conn-{number}", "resume", "closed") for number in (1, 2)]


def test_what_nothing_ends_at_resume_goes_on_and_is_not_recorded(world):
    client, server = world.pair()
    world.relay.resume("orders/env-1", "orders/inv-2", 1.0)
    client.sendall(b"still here")
    assert server.recv(100) == b"still here"
    assert [e.point for e in world.timeline.events()] == ["connect"]


def test_a_connection_that_lapses_in_order_is_closed_on_both_sides_when_its_environment_goes_on(world):
    world.injector.arm([Rule(Close("fin"))])
    client, server = world.pair()
    world.relay.resume("orders/env-1", "orders/inv-2", 1.0)
    assert world.relay.active == 0
    client.sendall(b"query")
    assert client.recv(100) == b""
    assert server.recv(100) == b""


def test_a_connection_that_lapses_by_a_reset_is_reset_on_both_sides_when_its_environment_goes_on(world):
    world.injector.arm([Rule(Close("reset"))])
    client, server = world.pair()
    world.relay.resume("orders/env-1", "orders/inv-2", 1.0)
    assert world.relay.active == 0
    with pytest.raises(ConnectionResetError):
        client.sendall(b"query")
    with pytest.raises(ConnectionResetError):
        server.recv(100)


def test_a_connection_that_lapses_silently_is_reset_when_somebody_speaks_who_is_the_client(world):
    world.injector.arm([Rule(Close("silent"))])
    client, server = world.pair()
    world.relay.resume("orders/env-1", "orders/inv-2", 1.0)
    server.sendall(b"are you there?")
    assert silent(client)
    assert silent(server)
    client.sendall(b"query")
    with pytest.raises(ConnectionResetError):
        client.recv(100)
    with pytest.raises(ConnectionResetError):
        server.recv(100)


def test_after_a_silent_lapse_neither_the_servers_end_nor_the_clients_is_passed_on(world):
    world.injector.arm([Rule(Close("silent"))])
    client, server = world.pair()
    world.relay.resume("orders/env-1", "orders/inv-2", 1.0)
    server.shutdown(socket.SHUT_WR)
    assert silent(client)
    client.shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def ask(client, how):
    """Until it fails. Where the server has closed, the second word is answered by a reset."""
    while True:
        client.sendall(b"query")
        if how == "silent":
            client.recv(100)


@pytest.mark.parametrize("how", ["fin", "reset", "silent"])
def test_what_is_held_lapses_all_the_same(world, how):
    world.injector.arm([Rule(Hold()), Rule(Close(how))])
    client, _ = world.pair()
    world.relay.resume("orders/env-1", "orders/inv-2", 1.0)
    with pytest.raises(ConnectionError):
        ask(client, how)


def test_connections_of_other_environments_and_of_before_a_reset_are_not_resumed(world):
    (armed,) = world.injector.arm([Rule(Close(), optional=True)])
    world.pair()
    world.relay.resume("orders/env-2", "orders/inv-2", 1.0)
    world.relay.reset()
    world.relay.resume("orders/env-1", "orders/inv-1", 1.0)
    assert armed.state == []


def test_an_ending_that_there_is_not_is_a_mistake_of_the_faults(world):
    world.injector.arm([Rule(Close("slowly"))])
    world.pair()
    with pytest.raises(FaultError, match=r"cannot end by 'slowly' at resume .choose from: fin, reset, silent"):
        world.relay.resume("orders/env-1", "orders/inv-2", 1.0)
