"""socket_limit_data against a real PostgreSQL, and in a real handler."""

import socket
import threading

import asyncpg
import pytest
from relayed import function_that_asks

from emulator.clock import Clock
from emulator.fault import Rule
from emulator.injector import Injector
from emulator.relay import Relay
from emulator.timeline import Timeline
from faults.socket_limit_data import SocketLimitData

BROKEN = "connection was closed in the middle of operation"


def test_a_handlers_answer_ends_in_its_middle_and_not_when_the_rule_is_gone(real_rig):
    function_that_asks(real_rig)
    with real_rig.fault("socket_limit_data", after_bytes=5000):
        assert real_rig.invoke("orders", {"rows": 1}).payload["rows"] == 1
        assert real_rig.invoke("orders", {"rows": 100}).payload["errorMessage"] == BROKEN
    assert real_rig.invoke("orders", {"rows": 100}).payload["rows"] == 100


def test_each_connection_has_its_own_limit(relayed):
    with relayed.fault("socket_limit_data", after_bytes=20_000):
        assert [relayed.rows(10) for _ in range(3)] == [10, 10, 10]
        with pytest.raises(asyncpg.ConnectionDoesNotExistError, match=BROKEN):
            relayed.rows(30)


@pytest.mark.parametrize("direction", ["upstream", "downstream"])
@pytest.mark.parametrize("limit", [0, 1, 9, 10, 11, 25])
def test_exactly_so_many_bytes_pass_and_both_sides_see_the_end(limit, direction):
    clock = Clock()
    injector = Injector(clock, Timeline(clock))
    injector.arm([Rule(SocketLimitData(after_bytes=limit, direction=direction))])
    entry, host = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    relay = Relay("host", entry, host.getsockname(), injector, lambda ip: ("", ""))
    relay.start()
    with entry, host, socket.create_connection(entry.getsockname(), 10) as client:
        server, _ = host.accept()
        server.settimeout(10)
        sender, receiver = (client, server) if direction == "upstream" else (server, client)
        sending = threading.Thread(target=talk, args=(sender,))
        sending.start()
        assert to_the_end(receiver) == (b"0123456789" * 3)[:limit]
        assert to_the_end(sender) == b""
        sending.join(10)
        server.close()
        relay.close()


def talk(sender):
    """Ten bytes at a time, each when the ones before have been taken, until nobody listens."""
    try:
        while True:
            sender.sendall(b"0123456789")
    except OSError:
        return


def to_the_end(sock):
    got = b""
    try:
        while data := sock.recv(65536):
            got += data
    except ConnectionResetError:
        return got
    return got
