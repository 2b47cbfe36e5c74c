from pathlib import Path

import pytest
import urllib3
from saas import Saas

from emulator.clock import Clock

SAAS = Path(__file__).parents[2] / "sample_connectors" / "faults" / "saas"


@pytest.fixture
def saas(tmp_path):
    with Saas(tmp_path / "saas") as made:
        yield made


def test_the_answer_is_late_and_else_the_same(saas):
    armed = saas.arm("upstream_latency", ms=120, when={"times": 1})
    begin = Clock().monotonic()
    assert (saas.get().data, saas.get().data) == (b"1", b"2")
    assert Clock().monotonic() - begin >= 0.12
    assert armed.strikes == 1
    (struck,) = saas.timeline.strikes("upstream_latency")
    assert (struck.subject, struck.outcome) == ("crm/inv-1/api.example.com#1", "200")


def test_past_the_clients_timeout_it_was_done_and_the_strike_is_known(saas):
    armed = saas.arm("upstream_latency", ms=60_000)
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        saas.get(timeout=0.1)
    assert armed.strikes == 1
    begin = Clock().monotonic()
    saas.injector.disarm([armed])
    assert saas.get().data == b"2"
    saas.upstreams.close()
    assert Clock().monotonic() - begin < 4


def test_another_host_is_not_late(saas):
    saas.arm("upstream_latency", ms=60_000, match={"host": "other.example.com"})
    assert saas.get(timeout=5).status == 200
    assert saas.injector.never_struck() == ["upstream_latency"]


def test_jitter_is_by_the_dice(tmp_path):
    def run(name, seed):
        with Saas(tmp_path / name, seed) as one:
            one.arm("upstream_latency", ms=0, jitter_ms=1)
            return one.statuses(12), [event.subject for event in one.timeline.strikes()]

    assert run("a", 1) == run("b", 1)
    assert 0 < len(run("c", 1)[1]) < 12


def test_a_handlers_own_client_times_out(real_rig, write_handler):
    source = (SAAS / "handler.py").read_text().replace("tickets\")", "tickets\", timeout=0.3)")
    real_rig.upstreams(SAAS / "stub.yaml")
    real_rig.function("tickets", write_handler(source), "handler.handler", memory=512, timeout=20)
    with real_rig.fault("upstream_latency", ms=60_000):
        failed = real_rig.invoke("tickets").payload
    assert (failed["errorType"], failed["errorMessage"]) == ("TimeoutError", "The read operation timed out")
    assert real_rig.invoke("tickets").payload["status"] == 200
