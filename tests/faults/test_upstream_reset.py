import socket
from pathlib import Path

import pytest
import urllib3
from saas import Saas

from emulator.errors import FileProblem
from emulator.fault import Rule, parameters
from faults.upstream_reset import UpstreamConnectionReset

SAAS = Path(__file__).parents[2] / "sample_connectors" / "faults" / "saas"
# By plain HTTP, and by TLS, where Python tells a reset from an orderly end since 3.12.3 only.
PLAIN = """
import http.client


def handler(event, context):
    client = http.client.HTTPConnection("api.example.com", timeout=10)
    client.request("GET", "/v1/tickets")
    answer = client.getresponse()
    return [answer.status, answer.read().decode()]
"""


def received(saas):
    """Every byte of an answer, and `reset` where one came."""
    got = b""
    with socket.create_connection(saas.address, 5) as client:
        client.sendall(b"GET /v1/orders HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n")
        try:
            while part := client.recv(1000):
                got += part
        except ConnectionResetError:
            got += b"reset"
    return got


@pytest.fixture
def saas(tmp_path):
    with Saas(tmp_path / "saas") as made:
        yield made


def test_a_handlers_own_client_raises_and_the_next_request_is_answered(real_rig, write_handler):
    real_rig.upstreams(SAAS / "stub.yaml")
    real_rig.function("plain", write_handler(PLAIN), "handler.handler", memory=512, timeout=20)
    real_rig.function("tickets", SAAS, "handler.handler", memory=512, timeout=20)
    with real_rig.fault("upstream_reset", when={"times": 1}) as armed:
        assert real_rig.invoke("plain").payload["errorType"] == "ConnectionResetError"
        assert real_rig.invoke("plain").payload == [200, '{"tickets": [1, 2]}']
    with real_rig.fault("upstream_reset", match={"function": "tickets"}):
        assert real_rig.invoke("tickets").payload["errorType"] in ("RemoteDisconnected", "URLError")
    assert armed.strikes == 1
    (struck, _) = real_rig.timeline.strikes("upstream_reset")
    assert (struck.subject, struck.outcome) == ("plain/inv-1/api.example.com#1", "reset")


def test_by_default_it_was_done_before_any_byte(saas):
    assert {name: row["default"] for name, row in parameters(UpstreamConnectionReset).items()} == {
        "after_bytes": 0, "done": True,
    }
    saas.arm("upstream_reset", when={"times": 1})
    with pytest.raises(urllib3.exceptions.ProtocolError, match="Connection reset by peer"):
        saas.get()
    assert saas.get().data == b"2"


def test_a_client_that_tries_again_does_it_twice(saas):
    saas.arm("upstream_reset", when={"times": 1})
    assert saas.get(retries=urllib3.Retry(1, backoff_factor=0)).data == b"2"


def test_or_it_was_never_done(saas):
    saas.arm("upstream_reset", done=False, when={"times": 1})
    with pytest.raises(urllib3.exceptions.ProtocolError):
        saas.get()
    assert saas.get().data == b"1"


def test_in_the_middle_of_the_answer(saas):
    whole = received(saas)
    saas.arm("upstream_reset", after_bytes=40)
    assert received(saas) == whole[:40] + b"reset"


def test_only_the_host_it_matches_and_off_means_off(saas):
    armed = saas.arm("upstream_reset", match={"host": "other.example.com"})
    assert saas.statuses(2) == [200, 200]
    with pytest.raises(urllib3.exceptions.ProtocolError):
        saas.get(host="other.example.com")
    saas.injector.disarm([armed])
    assert saas.statuses(1, host="other.example.com") == [200]


def test_behind_another_fault_that_holds_the_answer_back(saas):
    saas.arm("upstream_reset")
    saas.arm("upstream_latency", ms=1)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        saas.get()
    assert [event.rule for event in saas.timeline.strikes()] == ["upstream_reset,upstream_latency"]


def test_two_rules_reset_at_what_comes_first(saas):
    saas.arm("upstream_reset", after_bytes=40)
    saas.injector.arm([Rule(UpstreamConnectionReset(after_bytes=12), name="sooner")])
    assert received(saas) == b"HTTP/1.1 200reset"


def test_what_was_not_done_has_no_answer_to_begin(saas):
    with pytest.raises(FileProblem, match="after_bytes: a host that has not done what it was asked has no answer"):
        saas.arm("upstream_reset", after_bytes=1, done=False)
