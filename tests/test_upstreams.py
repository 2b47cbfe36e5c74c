"""SaaS hosts, called by unmodified clients; and the stub files behind them."""

import contextlib
import http.client
import logging
import socket
import ssl
import textwrap
import threading
from dataclasses import dataclass
from typing import ClassVar

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from emulator.certificates import Authority
from emulator.clock import Clock
from emulator.errors import FileProblem
from emulator.fault import Fault, Rule
from emulator.injector import Injector
from emulator.model import UpstreamCall, UpstreamReply
from emulator.saas import SaasHosts
from emulator.scope import Match
from emulator.stubs import load
from emulator.timeline import Timeline
from emulator.upstreams import Upstreams

YAML = """
hosts:
  api.example.com:
    - {method: GET, path: "/v1/orders/{id}", json: {id: 1}}
    - {method: POST, path: /v1/orders, status: 201, headers: {Location: /v1/orders/2}, text: made}
    - {method: DELETE, path: "/v1/*", status: 204}
    - {path: /picture.png, file: picture.png}
  Other.Example.com:
    - {method: "*", path: "/*", status: 503}
"""
PYTHON = """
import json
from emulator.model import UpstreamReply
from beside import NAME

seen = []

def echo(call):
    seen.append(call.path)
    body = {"n": len(seen), "method": call.method, "path": call.path, "body": call.body.decode(), "name": NAME,
            "agent": call.headers.get("x-agent"), "function": call.function}
    return UpstreamReply(200, body=json.dumps(body).encode())

def broken(call):
    raise KeyError("oops")

HOSTS = {"echo.example.com": echo, "broken.example.com": broken}
"""


@dataclass(frozen=True)
class Down(Fault):
    name: ClassVar[str] = "down"

    def on_upstream(self, subject, proceed, ctx):
        return UpstreamReply(503, (("retry-after", "1"),), b"down")


class World:
    def __init__(self, folder):
        self.before = set(threading.enumerate())
        clock = Clock()
        self.folder, self.timeline, self.authority = folder, Timeline(clock), Authority(folder)
        self.injector = Injector(clock, self.timeline)
        self.who = ("orders", "orders/inv-1")
        secure, plain = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
        self.port, self.plain_port = secure.getsockname()[1], plain.getsockname()[1]
        self.hosts = SaasHosts(self.injector)
        self.upstreams = Upstreams(secure, plain, self.authority, self.hosts, lambda ip: self.who)
        self.upstreams.start()
        self.tls = ssl.create_default_context(cafile=str(self.authority.bundle()))

    def stub(self, name, text):
        file = self.folder / name
        file.write_text(textwrap.dedent(text))
        return file

    def pool(self, host):
        """A client that believes it talks to https://host."""
        return urllib3.HTTPSConnectionPool(
            "127.0.0.1", self.port, ssl_context=self.tls, server_hostname=host, assert_hostname=host, retries=False,
            headers={"Host": host}, timeout=10, maxsize=1,
        )

    def events(self):
        return [(e.subject, e.point, e.outcome) for e in self.timeline.events()]


@pytest.fixture
def world(tmp_path):
    (tmp_path / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "beside.py").write_text("NAME = 'sibling'\n")
    world = World(tmp_path)
    yield world
    world.upstreams.close()


@pytest.fixture
def stubbed(world):
    world.hosts.add(world.stub("stub.yaml", YAML))
    world.hosts.add(world.stub("stub.py", PYTHON))
    return world


def test_hosts_are_those_of_all_files_in_lower_case(stubbed):
    assert stubbed.hosts.names() == (
        "api.example.com", "other.example.com", "echo.example.com", "broken.example.com",
    )


def test_a_verified_tls_client_gets_the_stubs_answer(stubbed):
    reply = stubbed.pool("api.example.com").request("GET", "/v1/orders/7?expand=1")
    assert (reply.status, reply.json(), reply.headers["content-type"]) == (200, {"id": 1}, "application/json")
    assert stubbed.events() == [("orders/inv-1/api.example.com#1", "upstream", "200")]


def test_status_headers_text_wildcards_and_files_are_answered(stubbed):
    pool = stubbed.pool("api.example.com")
    made = pool.request("POST", "/v1/orders", body=b"{}")
    assert (made.status, made.data, made.headers["location"]) == (201, b"made", "/v1/orders/2")
    gone = pool.request("DELETE", "/v1/a/b/c")
    assert (gone.status, gone.data, "content-length" in gone.headers) == (204, b"", False)
    picture = pool.request("GET", "/picture.png")
    assert (picture.data, picture.headers["content-type"]) == (b"\x89PNG", "image/png")


@pytest.mark.parametrize(("method", "path"), [("PUT", "/v1/orders/7"), ("GET", "/v1/orders/7/items"), ("GET", "/")])
def test_an_unknown_path_on_a_known_host_is_404_and_recorded(stubbed, method, path):
    reply = stubbed.pool("api.example.com").request(method, path)
    assert reply.status == 404
    assert reply.json()["message"] == f"the stub for api.example.com has no route for {method} {path}"
    assert stubbed.events() == [("orders/inv-1/api.example.com#1", "upstream", "404")]


def test_a_connection_is_kept_alive(stubbed):
    pool = stubbed.pool("echo.example.com")
    assert [pool.request("GET", "/").json()["n"] for _ in range(5)] == [1, 2, 3, 4, 5]
    assert pool.num_connections == 1


def test_a_python_stub_sees_the_request_and_its_caller(stubbed):
    reply = stubbed.pool("echo.example.com").request(
        "POST", "/a%20b?q=1", body="hällo".encode(), headers={"Host": "echo.example.com", "X-Agent": "me"}
    )
    assert reply.json() == {
        "n": 1, "method": "POST", "path": "/a%20b?q=1", "body": "hällo", "name": "sibling", "agent": "me",
        "function": "orders",
    }


def test_a_chunked_body_arrives_whole(stubbed):
    reply = stubbed.pool("echo.example.com").request("POST", "/", body=iter([b"one", b"two"]), chunked=True)
    assert reply.json()["body"] == "onetwo"


def test_plain_http_goes_by_the_host_header(stubbed):
    client = http.client.HTTPConnection("127.0.0.1", stubbed.plain_port, timeout=10)
    client.request("GET", "/v1/orders/1", headers={"Host": "API.example.com:80"})
    assert client.getresponse().status == 200
    client.close()


def test_a_head_answer_has_the_length_and_no_body(stubbed):
    pool = stubbed.pool("echo.example.com")
    reply = pool.request("HEAD", "/")
    assert int(reply.headers["content-length"]) > 0
    assert pool.request("GET", "/").json()["n"] == 2


def test_expect_100_continue_is_answered(stubbed):
    with socket.create_connection(("127.0.0.1", stubbed.plain_port), 10) as client:
        head = b"POST / HTTP/1.1\r\nHost: echo.example.com\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 100")
        client.sendall(b"hi")
        assert b'"body": "hi"' in client.recv(1000)


def test_an_unknown_host_is_refused_by_a_tls_alert_and_named(stubbed, caplog):
    with pytest.raises(urllib3.exceptions.SSLError, match=r"(?i)unrecognized.name"):
        stubbed.pool("api.stripe.com").request("GET", "/")
    event = stubbed.timeline.events()[0]
    assert (event.subject, event.outcome, event.detail) == (
        "orders/inv-1/api.stripe.com#1", "refused", "api.stripe.com",
    )
    assert "orders called api.stripe.com" in caplog.text


def test_an_unknown_host_over_plain_http_is_cut_off_and_named(stubbed):
    pool = urllib3.HTTPConnectionPool("127.0.0.1", stubbed.plain_port, retries=False, timeout=10)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        pool.request("GET", "/", headers={"Host": "api.stripe.com"})
    assert stubbed.events() == [("orders/inv-1/api.stripe.com#1", "upstream", "refused")]


def test_an_unknown_caller_is_host(stubbed):
    stubbed.who = ("", "")
    stubbed.pool("api.example.com").request("GET", "/v1/orders/1")
    assert stubbed.events() == [("host/api.example.com#1", "upstream", "200")]


def test_calls_are_numbered_per_invocation_and_host(stubbed):
    pool = stubbed.pool("api.example.com")
    for invocation in ("orders/inv-1", "orders/inv-1", "orders/inv-2"):
        stubbed.who = ("orders", invocation)
        pool.request("GET", "/v1/orders/1")
    assert [e.subject for e in stubbed.timeline.events()] == [
        "orders/inv-1/api.example.com#1", "orders/inv-1/api.example.com#2", "orders/inv-2/api.example.com#1",
    ]


def test_a_fault_stands_at_every_request(stubbed):
    stubbed.injector.arm([Rule(Down(), Match(host="api.*", route="GET /v1/orders/*", function="orders"))])
    pool = stubbed.pool("api.example.com")
    reply = pool.request("GET", "/v1/orders/1?x=1")
    assert (reply.status, reply.data, reply.headers["retry-after"]) == (503, b"down", "1")
    assert pool.request("DELETE", "/v1/x").status == 204
    assert [e.rule for e in stubbed.timeline.events()] == ["down", ""]


def test_a_fault_that_raises_at_a_handshake_is_an_alert_and_told(stubbed, caplog):
    class Broken(Fault):
        name = "broken"

        def on_handshake(self, handshake, proceed, ctx):
            raise KeyError(handshake.id)

    (armed,) = stubbed.injector.arm([Rule(Broken())])
    with pytest.raises(urllib3.exceptions.SSLError, match=r"(?i)internal.error"):
        stubbed.pool("api.example.com").request("GET", "/v1/orders/1")
    assert "fault 'broken' raised at handshake of orders/inv-1/api.example.com/tls-1: KeyError" in caplog.text
    stubbed.injector.disarm([armed])
    assert stubbed.pool("api.example.com").request("GET", "/v1/orders/1").status == 200


def test_a_stub_that_raises_is_a_500_that_says_so(stubbed, caplog):
    reply = stubbed.pool("broken.example.com").request("GET", "/")
    assert (reply.status, reply.data) == (500, b"the stub for broken.example.com raised KeyError('oops')")


def test_reset_forgets_what_stubs_remembered_and_numbers_afresh(stubbed):
    pool = stubbed.pool("echo.example.com")
    assert pool.request("GET", "/").json()["n"] == 1
    stubbed.hosts.reset()
    assert pool.request("GET", "/").json()["n"] == 1
    assert {e.subject for e in stubbed.timeline.events()} == {"orders/inv-1/echo.example.com#1"}


def test_a_client_that_does_not_trust_the_rig_is_logged(stubbed, caplog):
    pool = urllib3.HTTPSConnectionPool(
        "127.0.0.1", stubbed.port, ssl_context=ssl.create_default_context(), server_hostname="api.example.com",
        assert_hostname="api.example.com", retries=False, timeout=10,
    )
    with pytest.raises(urllib3.exceptions.SSLError):
        pool.request("GET", "/")
    stubbed.upstreams.close()
    assert "TLS with orders (127.0.0.1) failed" in caplog.text


def test_what_is_not_http_is_400(stubbed):
    with socket.create_connection(("127.0.0.1", stubbed.plain_port), 10) as client:
        client.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")


def test_close_ends_open_tls_connections(stubbed):
    raw = socket.create_connection(("127.0.0.1", stubbed.port), 10)
    with stubbed.tls.wrap_socket(raw, server_hostname="api.example.com") as client:
        stubbed.upstreams.close()
        assert client.recv(1) == b""
    assert not [t for t in set(threading.enumerate()) - stubbed.before if t.name.startswith("upstreams")]


# --- stub files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hosts: [", "not YAML"),
        ("- a", "input should be"),
        ("hots: {}", "hosts: field required"),
        ("hosts: {}\nhots: 1", "hots: unknown key (choose from: hosts)"),
        ("hosts: {a.b: [{path: /, metod: GET}]}",
         "hosts.a.b[0].metod: unknown key (choose from: file, headers, json, method, path, status, text)"),
        ("hosts: {a.b: [{path: /, method: FETCH}]}",
         "hosts.a.b[0].method: unknown method 'FETCH' (choose from: *, DEL"),
        ("hosts: {a.b: [{path: x}]}", "hosts.a.b[0].path: string should match pattern '^/'"),
        ("hosts: {a.b: [{path: /, status: 99}]}", "hosts.a.b[0].status: input should be greater than"),
        ("hosts: {a.b: [{path: /, status: ok}]}", "hosts.a.b[0].status: input should be a valid integer"),
        ("hosts: {a.b: [{path: /, json: 1, text: x}]}", "hosts.a.b[0]: give only one body (choose from: file, json, t"),
        ("hosts: {a.b: [{path: /, file: nowhere}]}", "hosts.a.b[0].file: there is no file"),
        ("hosts: {'https://a.b': []}", "hosts.https://a.b: this is no host name"),
        ("hosts: {'*.a.b': []}", "hosts.*.a.b: this is no host name"),
    ],
)
def test_a_bad_yaml_stub_names_file_key_and_choices(tmp_path, text, problem):
    file = tmp_path / "stub.yaml"
    file.write_text(text)
    with pytest.raises(FileProblem) as raised:
        load(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert problem in str(raised.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = 1", "HOSTS: must be a dict"),
        ("HOSTS = {'a.b': 1}", "HOSTS['a.b']: must be callable, not int"),
        ("HOSTS = {1: print}", "hosts.1: this is no host name"),
        ("import nowhere_at_all", "running it raised ModuleNotFoundError"),
        ("def", "running it raised SyntaxError"),
    ],
)
def test_a_bad_python_stub_names_file_and_problem(tmp_path, text, problem):
    file = tmp_path / "stub.py"
    file.write_text(text)
    with pytest.raises(FileProblem) as raised:
        load(file)
    assert problem in str(raised.value)


def test_a_missing_file_and_an_unknown_kind_are_problems(tmp_path):
    with pytest.raises(FileProblem, match="there is no such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "stub.json").write_text("{}")
    with pytest.raises(FileProblem, match=r"cannot be a \.json file \(choose from: \.py, \.yaml, \.yml\)"):
        load(tmp_path / "stub.json")


def test_a_host_in_two_files_is_a_problem_and_adds_nothing(stubbed):
    again = stubbed.stub("again.yaml", "hosts: {new.example.com: [], api.example.com: []}")
    with pytest.raises(FileProblem, match="another stub file answers for this host"):
        stubbed.hosts.add(again)
    assert "new.example.com" not in stubbed.hosts.names()


@given(st.text(st.characters(codec="ascii", exclude_characters="?{}*"), min_size=0, max_size=20))
def test_a_literal_path_fits_itself_and_nothing_longer(tmp_path_factory, tail):
    from emulator.stubs import _pattern

    assert _pattern(f"/{tail}").fullmatch(f"/{tail}")
    assert not _pattern(f"/{tail}").fullmatch(f"/{tail}x")


@given(st.text(max_size=200))
def test_no_text_breaks_the_yaml_reader(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("stubs") / "stub.yaml"
    file.write_text(text, errors="surrogateescape")
    with contextlib.suppress(FileProblem):
        assert isinstance(load(file), list)


def test_a_yaml_route_answers_by_order(tmp_path):
    file = tmp_path / "stub.yml"
    file.write_text("hosts: {a.b: [{path: /x, text: first}, {path: '/*', text: second}]}")
    handler = load(file)[0].handler
    assert [handler(UpstreamCall("i", "a.b", "GET", path, {})).body for path in ("/x", "/y")] == [b"first", b"second"]


logging.getLogger("urllib3").setLevel(logging.ERROR)
