import logging
from pathlib import Path

import pytest
from dnslib import RCODE, DNSRecord

from emulator.catalogue import rule_of
from emulator.clock import Clock
from emulator.errors import EngineError, FileProblem
from emulator.fault import Fault, Rule
from emulator.injector import Injector
from emulator.names import Lookups, Names
from emulator.timeline import Timeline

SAAS = Path(__file__).parents[2] / "sample_connectors" / "faults" / "saas"
HANDLER = """
import socket


def handler(event, context):
    return [looked_up(event["host"]) for _ in range(event.get("times", 1))]


def looked_up(host):
    try:
        return [found[4][0] for found in socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)]
    except socket.gaierror as error:
        return {socket.EAI_NONAME: "EAI_NONAME", socket.EAI_AGAIN: "EAI_AGAIN"}[error.errno]
"""


class Dns:
    """The rig's DNS without its socket, asked by one invocation after the other."""

    def __init__(self, seed=0):
        clock = Clock(manual=True)
        self.timeline = Timeline(clock)
        self.injector = Injector(clock, self.timeline, seed)
        self.owner = "crm/inv-1"
        lookups = Lookups(self.injector, lambda peer: ("crm", self.owner))
        self.names = Names.__new__(Names)
        self.names._known, self.names._address, self.names._resolve = str, "10.1.2.3", lookups

    def arm(self, match=None, when=None, **params):
        (armed,) = self.injector.arm([rule_of("upstream_name_missing", params, match or {}, when or {})])
        return armed

    def ask(self, name="api.example.com", kind="A"):
        """The answer's code; None where there is no answer."""
        packed = self.names.answer(DNSRecord.question(name, kind).pack(), "10.9.8.7")
        return None if packed is None else RCODE[DNSRecord.parse(packed).header.rcode]


@pytest.fixture
def dns():
    return Dns()


def looks(rig, how=None, **event):
    event = {"host": "api.example.com", **event}
    if how is None:
        return rig.invoke("crm", event).payload
    with rig.fault("upstream_name_missing", how=how):
        return rig.invoke("crm", event).payload


def test_a_handlers_own_lookup_fails_and_works_again(real_rig, write_handler):
    real_rig.upstreams(SAAS / "stub.yaml")
    real_rig.function("crm", write_handler(HANDLER), "handler.handler", memory=256, timeout=20)
    ((address,),) = looks(real_rig)
    assert address.count(".") == 3
    assert looks(real_rig, "missing", times=2) == ["EAI_NONAME", "EAI_NONAME"]
    assert looks(real_rig, "failed") == ["EAI_AGAIN"]
    assert looks(real_rig) == [[address]]
    struck = [(event.subject, event.outcome) for event in real_rig.timeline.strikes("upstream_name_missing")]
    assert struck == [("crm/inv-2/api.example.com", "missing"), ("crm/inv-3/api.example.com", "failed")]


def test_an_unmodified_client_says_the_name_does_not_exist(real_rig):
    real_rig.upstreams(SAAS / "stub.yaml")
    real_rig.function("tickets", SAAS, "handler.handler", memory=512, timeout=20)
    with real_rig.fault("upstream_name_missing", match={"host": "api.*"}, when={"times": 1}) as armed:
        assert "Name or service not known" in real_rig.invoke("tickets").payload["errorMessage"]
        assert real_rig.invoke("tickets").payload["status"] == 200
    assert armed.strikes == 1


@pytest.mark.parametrize(("how", "code"), [("missing", "NXDOMAIN"), ("failed", "SERVFAIL"), ("unanswered", None)])
def test_what_comes_back(dns, how, code):
    dns.arm(how=how)
    assert [dns.ask(), dns.ask(kind="AAAA")] == [code, code]
    dns.injector.disarm()
    assert [dns.ask(), dns.ask(kind="AAAA")] == ["NOERROR", "NOERROR"]


def test_all_that_an_invocation_asks_of_one_host_counts_as_one(dns):
    armed = dns.arm(when={"after": 1, "times": 1})
    assert [dns.ask(kind=kind) for kind in ("A", "AAAA", "A")] == ["NOERROR"] * 3
    dns.owner = "crm/inv-2"
    assert [dns.ask(kind=kind) for kind in ("AAAA", "A", "A")] == ["NXDOMAIN"] * 3
    dns.owner = "crm/inv-3"
    assert dns.ask() == "NOERROR"
    assert armed.strikes == 1
    assert [event.subject for event in dns.timeline.events()] == ["crm/inv-2/api.example.com"]


def test_nothing_is_missing_any_longer_than_the_rule_is_in_force(dns):
    dns.arm(when={"between": [10, 20]})
    found = []
    for _ in range(4):
        found.append(dns.ask())
        dns.injector.clock.advance(7)
    assert found == ["NOERROR", "NOERROR", "NXDOMAIN", "NOERROR"]


def test_a_rule_that_comes_meanwhile_is_obeyed_and_one_that_goes(dns):
    assert dns.ask() == "NOERROR"
    armed = dns.arm()
    assert dns.ask() == "NXDOMAIN"
    dns.injector.disarm([armed])
    assert dns.ask() == "NOERROR"


def test_only_the_host_it_matches(dns):
    dns.arm(match={"host": "api.*", "function": "crm"})
    assert [dns.ask("login.example.com"), dns.ask("API.example.com.")] == ["NOERROR", "NXDOMAIN"]


def test_half_of_the_invocations_whatever_their_resolvers_ask():
    def run(seed, kinds):
        dns, found = Dns(seed), []
        dns.arm(when={"probability": 0.5})
        for number in range(20):
            dns.owner = f"crm/inv-{number}"
            found.append({dns.ask(kind=kind) for kind in kinds})
        return found, dns.timeline.fingerprint()

    assert run(1, ["A"]) == run(1, ["AAAA", "A", "A"])
    assert run(1, ["A"]) != run(2, ["A"])


def test_a_fault_that_raises_is_a_server_that_fails(dns, caplog):
    class Broken(Fault):
        name = "broken"

        def on_resolve(self, query, proceed, ctx):
            raise KeyError(query.host)

    dns.injector.arm([Rule(Broken())])
    assert dns.ask() == "SERVFAIL"
    assert "fault 'broken' raised at resolve of crm/inv-1/api.example.com: KeyError" in caplog.text


def test_where_names_stand_in_a_hosts_file_it_is_refused(inline_rig, monkeypatch):
    ways_out = inline_rig.rig.ways_out
    monkeypatch.setattr(ways_out, "_upstreams", object())
    monkeypatch.setattr(ways_out._hosts, "names", lambda: ("api.example.com",))
    assert ways_out._in_hosts_file() == ("api.example.com",)
    with inline_rig.fault("upstream_name_missing", optional=True), pytest.raises(
        EngineError, match="port 53 is not the inline engine's to take"
    ):
        ways_out._in_hosts_file()
    monkeypatch.undo()


def test_what_cannot_be_is_refused(dns):
    with pytest.raises(FileProblem, match="how"):
        dns.arm(how="gone")


logging.getLogger("emulator.names").setLevel(logging.INFO)
