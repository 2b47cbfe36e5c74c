from pathlib import Path

import pytest
import urllib3
from saas import Saas

from emulator.clock import Clock
from emulator.errors import FileProblem

SAAS = Path(__file__).parents[2] / "sample_connectors" / "faults" / "saas"


@pytest.fixture
def saas(tmp_path):
    with Saas(tmp_path / "saas") as made:
        yield made


def test_429_says_when_to_come_again_and_the_stub_is_not_reached(saas):
    armed = saas.arm("upstream_rate_limited", retry_after=7, when={"times": 2})
    first, second, third = (saas.get() for _ in range(3))
    assert [(one.status, one.headers["retry-after"]) for one in (first, second)] == [(429, "7")] * 2
    assert first.json() == {"message": "Too Many Requests"}
    assert (third.status, third.data, armed.strikes) == (200, b"1", 2)


def test_what_it_says_is_the_rules_to_say(saas):
    saas.arm("upstream_rate_limited", body='{"error": "slow down"}')
    assert saas.get().json() == {"error": "slow down"}


def test_a_client_that_heeds_retry_after_comes_again(saas):
    saas.arm("upstream_rate_limited", retry_after=1, when={"times": 1})
    begin = Clock().monotonic()
    answer = saas.get(retries=urllib3.Retry(1, status_forcelist=[429]))
    assert answer.status == 200
    assert Clock().monotonic() - begin >= 1


def test_a_burst_passes_and_retry_after_is_until_the_bucket_has_one_again(saas):
    armed = saas.arm("upstream_rate_limited", rate=0.1, burst=2)
    assert saas.statuses(2) == [200, 200]
    assert (refused := saas.get()).status == 429
    assert refused.headers["retry-after"] == "10"
    saas.clock.advance(4.5)
    assert saas.get().headers["retry-after"] == "6"
    saas.clock.advance(6)
    assert saas.statuses(2) == [200, 429]
    assert armed.strikes == 3


def test_only_the_host_it_matches(saas):
    saas.arm("upstream_rate_limited", match={"host": "other.example.com"})
    assert saas.statuses(1) + saas.statuses(1, host="other.example.com") == [200, 429]


def test_a_rate_needs_a_burst(saas):
    with pytest.raises(FileProblem, match="a rate needs a burst of 1"):
        saas.arm("upstream_rate_limited", rate=1.0)


def test_a_handlers_own_client_is_told_when_to_come_again(real_rig):
    real_rig.upstreams(SAAS / "stub.yaml")
    real_rig.function("tickets", SAAS, "handler.handler", memory=512, timeout=20)
    with real_rig.fault("upstream_rate_limited", rate=0.1, burst=1):
        assert real_rig.invoke("tickets").payload["status"] == 200
        refused = real_rig.invoke("tickets").payload
        assert (refused["status"], refused["retry_after"]) == (429, "10")
        real_rig.clock.advance(10)
        assert real_rig.invoke("tickets").payload["status"] == 200
