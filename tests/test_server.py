"""The server's threads: as many as there are connections, none left behind; and the dispatch of the front."""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from emulator.errors import RigError, UsageError
from emulator.server import Front, Server, listen


def ok(env: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", [("Content-Length", "2")])
    return [b"ok"]


class Meeting:
    """An application whose requests wait until `parties` of them are there."""

    def __init__(self, parties: int) -> None:
        self.barrier = threading.Barrier(parties, timeout=10)

    def __call__(self, env: dict[str, Any], start: Any) -> list[bytes]:
        self.barrier.wait()
        return ok(env, start)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    begun: list[Server] = []
    yield begun
    for server in begun:
        server.close()


def begin(servers: list[Server], app: Any, threads: int = 2) -> Server:
    servers.append(Server(app, listen("127.0.0.1", 0), threads))
    return servers[-1]


def get(server: Server) -> bytes:
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request("GET", "/")
    body = connection.getresponse().read()
    connection.close()
    return body


def test_more_requests_at_once_than_threads_that_stay_are_all_served(servers: list[Server]) -> None:
    server = begin(servers, Meeting(30), threads=2)
    with ThreadPoolExecutor(30) as pool:
        assert list(pool.map(lambda _: get(server), range(30))) == [b"ok"] * 30


def test_silent_connections_delay_nobody(servers: list[Server]) -> None:
    server = begin(servers, ok)
    silent = [socket.create_connection(server.address) for _ in range(20)]
    assert get(server) == b"ok"
    for sock in silent:
        sock.close()


def test_closing_ends_idle_connections_and_frees_the_port() -> None:
    server = Server(ok, listen("127.0.0.1", 0), 2)
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    server.close()
    assert connection.sock.recv(1) == b""
    connection.close()
    listen(*server.address).close()


def test_an_answer_on_its_way_leaves_before_the_end() -> None:
    begun, ending = threading.Event(), threading.Event()

    def app(env: dict[str, Any], start: Any) -> list[bytes]:
        begun.set()
        ending.wait(10)
        return ok(env, start)

    server = Server(app, listen("127.0.0.1", 0), 2)
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(get, server)
        assert begun.wait(10)
        closing = pool.submit(server.close)
        ending.set()
        assert answer.result(10) == b"ok"
        closing.result(10)


def test_a_server_can_be_closed_from_a_request(servers: list[Server]) -> None:
    closed = threading.Event()

    def app(env: dict[str, Any], start: Any) -> list[bytes]:
        server.close()
        closed.set()
        return ok(env, start)

    server = begin(servers, app)
    with pytest.raises((OSError, http.client.HTTPException)):
        get(server)
    assert closed.wait(10)


def test_a_taken_port_is_said_in_one_line(servers: list[Server]) -> None:
    server = begin(servers, ok)
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1 port {server.address[1]}"):
        listen(*server.address)


def test_the_rigs_own_failure_cannot_be_taken_for_awss(servers: list[Server]) -> None:
    def broken(env: dict[str, Any], start: Any) -> list[bytes]:
        raise RigError("no engine")

    server = begin(servers, Front(broken, ok, lambda env: False))
    connection = http.client.HTTPConnection(*server.address, timeout=10)
    connection.request("POST", "/", b"x")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("x-lambdarig-error")) == (500, "RigError")
    assert b"no engine" in answer.read()
    connection.close()
