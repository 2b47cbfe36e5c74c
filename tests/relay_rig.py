"""A relay with plain sockets on both of its ends."""

import socket

import pytest

from emulator.clock import Clock
from emulator.injector import Injector
from emulator.relay import Relay
from emulator.timeline import Timeline

LIMIT = 10


def listener():
    return socket.create_server(("127.0.0.1", 0))


class World:
    def __init__(self):
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
            lambda ip: ("orders", "orders/inv-1"),
            lambda ip: "orders/env-1",
        )
        self.relay.start()
        self.sockets = [self.database]

    def connect(self):
        client = socket.create_connection(self.address, LIMIT)
        self.sockets.append(client)
        return client

    def ends(self):
        client = self.connect()
        server, _ = self.database.accept()
        server.settimeout(LIMIT)
        self.sockets.append(server)
        return client, server

    def pair(self):
        client, server = self.ends()
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
