"""A relay with plain sockets on both of its ends."""

import socket

import pytest

from emulator.clock import Clock
from emulator.injector import Injector
from emulator.relay import Relay
from emulator.timeline import Timeline

LIMIT = 10
FOR_EVER = 10**9


def listener():
    return socket.create_server(("127.0.0.1", 0))


class World:
    """attribute: the relay's; every connection is the first invocation's unless it says otherwise."""

    def __init__(self, attribute=lambda ip: ("orders", "orders/inv-1")):
        clock = Clock()
        self.timeline = Timeline(clock)
        self.injector = Injector(clock, self.timeline)
        self.database = listener()
        self.database.settimeout(LIMIT)
        entry = listener()
        self.address = entry.getsockname()
        self.relay = Relay(
            "orders-db",
            entry,
            self.database.getsockname(),
            self.injector,
            attribute,
            lambda ip: "orders/env-1",
        )
        self.relay.start()
        self.sockets = [self.database]

    def connect(self, origin="127.0.0.1"):
        client = socket.create_connection(self.address, LIMIT, (origin, 0))
        self.sockets.append(client)
        return client

    def ends(self, origin="127.0.0.1"):
        client = self.connect(origin)
        server, _ = self.database.accept()
        server.settimeout(LIMIT)
        self.sockets.append(server)
        return client, server

    def pair(self, origin="127.0.0.1"):
        client, server = self.ends(origin)
        client.sendall(b"?")  # what arrives was relayed, so the point is passed and counted
        assert server.recv(1) == b"?"
        return client, server

    def close(self):
        self.relay.close()
        for sock in self.sockets:
            sock.close()


def silent(sock):
    """Nothing arrives: no data and no end. A short limit, because absence has no event."""
    sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        sock.recv(1)
    sock.settimeout(LIMIT)
    return True


def keep(chunks, line):
    """Nothing passes while the rule is armed."""
    line.wait(FOR_EVER)
    yield from ()
