"""What passes between a sandbox's socket and the rig's must pass unchanged: bytes, ends, resets, addresses."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.functions.engines.splice import QUERIES, Splice

SOURCE = "127.70.0.9"
RESET = b"\1\0\0\0\0\0\0\0"  # SO_LINGER of zero seconds


class Ways:
    """A splice from `inside` to `outside`; `connect` gives both ends of a new connection."""

    def __init__(self) -> None:
        self.splice = Splice()
        self.inside, self.outside = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
        self.outside.settimeout(30)
        self.address = self.inside.getsockname()
        self.splice.carry(self.inside, self.outside.getsockname(), SOURCE)
        self.opened: list[socket.socket] = [self.outside]

    def connect(self) -> tuple[socket.socket, socket.socket]:
        client = socket.create_connection(self.address, timeout=30)
        server, _ = self.outside.accept()
        server.settimeout(30)
        self.opened += [client, server]
        return client, server

    def close(self) -> None:
        self.splice.close()
        for sock in self.opened:
            sock.close()


@pytest.fixture
def ways() -> Iterator[Ways]:
    made = Ways()
    yield made
    made.close()


def read_all(sock: socket.socket) -> bytes:
    return b"".join(iter(lambda: sock.recv(1 << 16), b""))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.lists(st.binary(min_size=1, max_size=2000), max_size=5), replies=st.binary(max_size=2000))
def test_bytes_pass_in_order_and_each_side_ends_by_itself(ways: Ways, sent: list[bytes], replies: bytes) -> None:
    client, server = ways.connect()
    with client, server:
        for piece in sent:
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        assert read_all(server) == b"".join(sent)
        server.sendall(replies)
        server.close()
        assert read_all(client) == replies


def test_more_than_the_sockets_hold_waits_for_a_slow_reader(ways: Ways) -> None:
    client, server = ways.connect()
    client.setblocking(False)
    sent = 0
    try:
        while True:
            sent += client.send(bytes(1 << 16))
    except BlockingIOError:
        client.setblocking(True)
    client.shutdown(socket.SHUT_WR)
    assert len(read_all(server)) == sent


@pytest.mark.parametrize("which", [0, 1])
def test_a_reset_on_one_side_is_a_reset_on_the_other(ways: Ways, which: int) -> None:
    ends = ways.connect()
    ends[which].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    ends[which].close()
    with pytest.raises(ConnectionResetError):
        ends[1 - which].recv(1)


def test_nobody_listening_outside_is_a_reset_inside(ways: Ways) -> None:
    ways.outside.close()
    # the reset may come while the client still connects
    with pytest.raises(ConnectionResetError), socket.create_connection(ways.address, timeout=30) as client:
        client.recv(1)


def test_connections_come_from_the_sandboxs_address(ways: Ways) -> None:
    _, server = ways.connect()
    assert server.getpeername()[0] == SOURCE


def test_dropping_a_socket_ends_its_connections_and_no_other(ways: Ways) -> None:
    client, server = ways.connect()
    with socket.create_server(("127.0.0.1", 0)) as other:
        ways.splice.carry(other, ways.outside.getsockname(), SOURCE)
        with socket.create_connection(other.getsockname(), timeout=30) as theirs:
            behind, _ = ways.outside.accept()
            with behind:
                ways.splice.drop([ways.inside])
                for end in (client, server):
                    with pytest.raises(ConnectionResetError):
                        end.recv(1)
                theirs.sendall(b"x")
                assert behind.recv(1) == b"x"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(ways.address, timeout=30)


def test_questions_that_nobody_answers_do_not_pile_up(ways: Ways) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as rigs, socket.socket(type=socket.SOCK_DGRAM) as asking:
        rigs.bind(("127.0.0.1", 0))
        for sock in (rigs, asking):
            sock.settimeout(30)
        inside = socket.socket(type=socket.SOCK_DGRAM)
        inside.bind(("127.0.0.1", 0))
        address = inside.getsockname()
        ways.splice.carry_datagrams(inside, rigs.getsockname(), SOURCE)
        for number in range(QUERIES + 10):
            asking.sendto(str(number).encode(), address)
            question, asker = rigs.recvfrom(512)
            assert question == str(number).encode()
        assert len(ways.splice._queries) == QUERIES
        rigs.sendto(b"the last one's", asker)
        assert asking.recv(512) == b"the last one's"
