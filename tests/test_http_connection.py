"""One HTTP connection: what a request becomes, what an answer becomes, what is refused, when the connection stays."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import http_connection
from emulator.frontdoors import rest_event
from emulator.http_connection import Incoming, environ, serve

PEER, HERE = ("192.0.2.7", 5555), ("127.0.0.1", 4566)


class Talk:
    """A client's end of a served connection."""

    def __init__(self, app: Any) -> None:
        self.sock, other = socket.socketpair()
        self.sock.settimeout(10)
        self.thread = threading.Thread(target=self._serve, args=(other, app), daemon=True)
        self.thread.start()

    @staticmethod
    def _serve(other: socket.socket, app: Any) -> None:
        with other:
            serve(other, PEER, HERE, app)

    def say(self, data: bytes) -> None:
        self.sock.sendall(data)

    def hear(self, end: bytes) -> bytes:
        heard = b""
        while not heard.endswith(end):
            chunk = self.sock.recv(65536)
            if not chunk:
                break
            heard += chunk
        return heard

    def all(self) -> bytes:
        """Everything until the server ends the connection."""
        return self.hear(b"\0never")


@pytest.fixture
def talk() -> Iterator[Callable[[Any], Talk]]:
    begun: list[Talk] = []

    def begin(app: Any) -> Talk:
        begun.append(Talk(app))
        return begun[-1]

    yield begin
    for one in begun:
        one.sock.close()
        one.thread.join(10)
        assert not one.thread.is_alive()


def shown(env: dict[str, Any], start: Any) -> list[bytes]:
    """Answers with what it was asked."""
    told = {key: value for key, value in env.items() if isinstance(value, str | list)}
    body = json.dumps({**told, "body": env["wsgi.input"].read().decode()}).encode()
    start("200 OK", [("Content-Length", str(len(body)))])
    return [body]


def asked(answer: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(answer.split(b"\r\n\r\n", 1)[1])
    return told


def test_a_request_becomes_its_environ(talk: Callable[[Any], Talk]) -> None:
    client = talk(shown)
    client.say(b"POST /a%20b/%2F?q=1&r=%20 HTTP/1.1\r\nHost: h\r\nContent-Type: x/y\r\nContent-Length: 2\r\n\r\nhi")
    told = asked(client.hear(b"}"))
    assert told["REQUEST_METHOD"] == "POST"
    assert (told["PATH_INFO"], told["QUERY_STRING"]) == ("/a b//", "q=1&r=%20")
    assert told["REQUEST_URI"] == "/a%20b/%2F?q=1&r=%20"
    assert (told["CONTENT_TYPE"], told["CONTENT_LENGTH"], told["body"]) == ("x/y", "2", "hi")
    assert (told["HTTP_HOST"], told["REMOTE_ADDR"], told["SERVER_PORT"]) == ("h", "192.0.2.7", "4566")


def test_names_are_kept_as_sent_and_repeated_headers_apart(talk: Callable[[Any], Talk]) -> None:
    client = talk(shown)
    client.say(b"GET / HTTP/1.1\r\nX-aB: 1\r\nx-Ab: 2\r\n\r\n")
    told = asked(client.hear(b"}"))
    assert told["HTTP_X_AB"] == "1, 2"
    assert told[http_connection.RAW_HEADERS] == [["X-aB", "1"], ["x-Ab", "2"]]
    assert http_connection.RAW_HEADERS == rest_event.RAW_HEADERS


def test_a_name_with_an_underscore_cannot_pass_for_another() -> None:
    made = environ(Incoming("GET", "/", headers=[("X_A", "evil"), ("X-A", "good")]), PEER, HERE)
    assert made["HTTP_X_A"] == "good"


def test_an_absolute_target_is_its_path() -> None:
    made = environ(Incoming("GET", "http://host:1/a?b=c"), PEER, HERE)
    assert (made["PATH_INFO"], made["QUERY_STRING"]) == ("/a", "b=c")


def test_one_connection_serves_many_requests_even_sent_at_once(talk: Callable[[Any], Talk]) -> None:
    client = talk(shown)
    client.say(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nConnection: close\r\n\r\n")
    heard = client.all()
    assert [heard.count(b'"PATH_INFO": "/%d"' % n) for n in (1, 2, 3)] == [1, 1, 1]
    assert heard.count(b"Connection: close") == 1


def test_a_chunked_request_is_whole_and_has_a_length(talk: Callable[[Any], Talk]) -> None:
    client = talk(shown)
    client.say(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    client.say(b"2\r\nde\r\n0\r\n\r\n")
    told = asked(client.hear(b"}"))
    assert (told["body"], told["CONTENT_LENGTH"]) == ("abcde", "5")
    assert "HTTP_TRANSFER_ENCODING" not in told


def test_a_client_that_expects_it_is_told_to_continue(talk: Callable[[Any], Talk]) -> None:
    client = talk(shown)
    client.say(b"PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert client.hear(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.say(b"ok")
    assert asked(client.hear(b"}"))["body"] == "ok"


@pytest.mark.parametrize("said", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n"])
def test_what_is_not_http_is_400_and_the_end(talk: Callable[[Any], Talk], said: bytes) -> None:
    client = talk(shown)
    client.say(said)
    assert client.all().startswith(b"HTTP/1.1 400 ")


def test_headers_without_end_are_refused(talk: Callable[[Any], Talk], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "HEAD_LIMIT", 100)
    client = talk(shown)
    client.say(b"GET / HTTP/1.1\r\nX: " + b"y" * 200)
    assert client.all().startswith(b"HTTP/1.1 431 ")


def test_a_body_past_the_limit_is_refused(talk: Callable[[Any], Talk], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "BODY_LIMIT", 4)
    client = talk(shown)
    client.say(b"PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcde")
    assert client.all().startswith(b"HTTP/1.1 413 ")


def test_a_body_longer_than_the_head_limit_is_no_head(
    talk: Callable[[Any], Talk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_connection, "HEAD_LIMIT", 100)
    client = talk(shown)
    client.say(b"PUT / HTTP/1.1\r\nContent-Length: 300\r\n\r\n")
    client.say(b"a" * 300)
    assert asked(client.hear(b"}"))["body"] == "a" * 300


def test_an_upgrade_is_not_taken_and_the_request_answered(talk: Callable[[Any], Talk]) -> None:
    client = talk(shown)
    client.say(b"GET /u HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n")
    heard = client.all()
    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert b'"PATH_INFO": "/u"' in heard


@pytest.mark.parametrize(("method", "status"), [(b"HEAD", "200 OK"), (b"GET", "204 No Content"),
                                                (b"GET", "304 Not Modified")])
def test_an_answer_that_may_have_no_body_has_none(talk: Callable[[Any], Talk], method: bytes, status: str) -> None:
    def app(env: dict[str, Any], start: Any) -> list[bytes]:
        start(status, [])
        return [b"body"]

    client = talk(app)
    client.say(method + b" / HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert client.all().endswith(b"\r\n\r\n")


def test_a_list_gets_its_length_and_a_generator_is_chunked(talk: Callable[[Any], Talk]) -> None:
    def app(env: dict[str, Any], start: Any) -> Any:
        start("200 OK", [])
        return [b"a", b"b"] if env["PATH_INFO"] == "/list" else (part for part in (b"a", b"", b"bc"))

    client = talk(app)
    client.say(b"GET /list HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 2\r\n" in client.hear(b"\r\n\r\nab")
    client.say(b"GET /generator HTTP/1.1\r\n\r\n")
    heard = client.hear(b"0\r\n\r\n")
    assert heard.endswith(b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")


def test_http_1_0_ends_with_the_connection_unless_asked_to_stay(talk: Callable[[Any], Talk]) -> None:
    client = talk(shown)
    client.say(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"Connection: keep-alive\r\n" in client.hear(b"}")
    client.say(b"GET / HTTP/1.0\r\n\r\n")
    assert b"Connection: close\r\n" in client.all()


def test_a_body_shorter_than_said_ends_the_connection(talk: Callable[[Any], Talk]) -> None:
    def app(env: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [("Content-Length", "5")])
        return [b"abc"]

    client = talk(app)
    client.say(b"GET / HTTP/1.1\r\n\r\n")
    assert client.all().endswith(b"abc")


@pytest.mark.parametrize("error", [ValueError("x"), FileNotFoundError("x")])
def test_an_application_that_raises_is_500_and_logged(
    talk: Callable[[Any], Talk], error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def app(env: dict[str, Any], start: Any) -> list[bytes]:
        raise error

    client = talk(app)
    client.say(b"GET /x HTTP/1.1\r\n\r\n")
    assert client.all().startswith(b"HTTP/1.1 500 ")
    assert "GET /x failed" in caplog.text


def test_an_answers_iterable_is_closed_even_when_it_raises(talk: Callable[[Any], Talk]) -> None:
    closed = threading.Event()

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield b"a"
            raise ValueError

        def close(self) -> None:
            closed.set()

    def app(env: dict[str, Any], start: Any) -> Body:
        start("200 OK", [])
        return Body()

    client = talk(app)
    client.say(b"GET / HTTP/1.1\r\n\r\n")
    client.all()
    assert closed.wait(10)


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(data: bytes) -> None:
    client = Talk(shown)
    client.say(data)
    client.sock.shutdown(socket.SHUT_WR)
    client.all()
    client.thread.join(10)
    client.sock.close()
    assert not client.thread.is_alive()


@given(st.binary(min_size=1, max_size=200), st.lists(st.integers(1, 300), max_size=5))
def test_a_request_is_the_same_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    whole = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    got: list[bytes] = []
    reader = http_connection.Reader(lambda _: None)
    edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    for begin, end in itertools.pairwise(edges):
        got += [request.body for request in reader.feed(whole[begin:end])]
    assert got == [body]
