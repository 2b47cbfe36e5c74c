"""SaaS hosts asked in process, as AWS's own services ask them."""

import threading

import pytest

from emulator import catalogue
from emulator.clock import Clock
from emulator.fault import Rule
from emulator.injector import Injector
from emulator.model import Held, UpstreamReply, UpstreamReset
from emulator.saas import Asker, NoAnswer, Request, SaasHosts
from emulator.timeline import Timeline

STUB = """
from emulator.model import UpstreamReply

seen = []

def tell(call):
    seen.append(call)
    return UpstreamReply(200, body=f"{len(seen)} {call.method} {call.path} {call.headers['host']}".encode())

HOSTS = {"api.example.com": tell}
"""
ASKER = Asker("appflow.amazonaws.com/acme", caller="appflow.amazonaws.com")


class World:
    def __init__(self, folder):
        stub = folder / "saas_stub.py"
        stub.write_text(STUB)
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline)
        self.hosts = SaasHosts(self.injector)
        self.hosts.add(stub)

    def get(self, url="https://api.example.com", limit_s=10.0):
        return self.hosts.fetch(Request("GET", url), ASKER, limit_s)

    def arm(self, name, **params):
        (armed,) = self.injector.arm([catalogue.rule_of(name, params, {}, {})])
        return armed


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.injector.disarm()


def test_the_stub_is_asked_for_path_and_query_and_requests_are_numbered(world):
    told = [world.get(url).body.decode() for url in (
        "https://api.example.com", "https://API.example.com:8443/a?b=c", "http://api.example.com/x#y")]
    assert told == ["1 GET / api.example.com", "2 GET /a?b=c api.example.com", "3 GET /x api.example.com"]
    subjects = [event.subject for event in world.timeline.events()]
    assert subjects == [f"appflow.amazonaws.com/acme/api.example.com#{number}" for number in (1, 2, 3)]


def test_a_reset_of_the_hosts_begins_afresh(world):
    world.get()
    world.hosts.reset()
    assert world.get().body.startswith(b"1 ")


def test_only_https_meets_a_certificate(world):
    armed = world.arm("upstream_certificate_expired")
    with pytest.raises(NoAnswer, match=r"the certificate of api\.example\.com is not accepted \(expired\)"):
        world.get()
    assert world.get("http://api.example.com").status == 200
    assert armed.strikes == 1


def test_a_host_without_a_stub_is_refused_by_name_on_the_record_too(world, caplog):
    with pytest.raises(NoAnswer, match=r"no stub answers for the host nowhere\.example\.com: name a stub file"):
        world.get("https://nowhere.example.com/")
    assert "appflow.amazonaws.com called nowhere.example.com, which no stub file answers for" in caplog.text
    [event] = world.timeline.events()
    assert (event.point, event.outcome, event.detail) == ("upstream", "refused", "nowhere.example.com")


@pytest.mark.parametrize(
    ("reply", "limit_s", "said", "took"),
    [
        (Held(UpstreamReply(204), 3, threading.Event()), 10, 204, 3),
        (Held(Held(UpstreamReply(204), 4, threading.Event()), 4, threading.Event()), 10, 204, 8),
        (Held(UpstreamReply(204), 30, threading.Event()), 10, "did not answer within 10 s", 10),
        (Held(None, 3, threading.Event()), 10, "ended the connection without an answer", 3),
        (Held(None, 3600, threading.Event()), 5, "did not answer within 5 s", 5),
        (UpstreamReset(UpstreamReply(200), 5), 10, "reset the connection", 0),
    ],
)
def test_what_only_the_rig_can_see_takes_rig_time_alone(world, monkeypatch, reply, limit_s, said, took):
    monkeypatch.setattr(world.hosts, "answer", lambda host, request, asker: reply)
    if isinstance(said, int):
        assert world.get(limit_s=limit_s).status == said
    else:
        with pytest.raises(NoAnswer, match=f"^api.example.com {said}$"):
            world.get(limit_s=limit_s)
    assert world.clock.now() == took


def test_an_answer_that_is_let_go_takes_no_time(world, monkeypatch):
    free = threading.Event()
    free.set()
    monkeypatch.setattr(world.hosts, "answer", lambda host, request, asker: Held(UpstreamReply(200), 99, free))
    assert (world.get().status, world.clock.now()) == (200, 0)


def test_a_fault_that_breaks_is_an_answer_that_says_so(world):
    from faults.upstream_error import UpstreamError

    class Broken(UpstreamError):
        name = "broken"

        def on_upstream(self, call, proceed, ctx):
            raise ZeroDivisionError

    world.injector.arm([Rule(Broken())])
    assert (world.get().status, b"ZeroDivisionError" in world.get().body) == (500, True)
