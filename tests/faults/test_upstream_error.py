from pathlib import Path

import pytest
from saas import Saas

from emulator.errors import FileProblem

SAAS = Path(__file__).parents[2] / "sample_connectors" / "faults" / "saas"


@pytest.fixture
def saas(tmp_path):
    with Saas(tmp_path / "saas") as made:
        yield made


def test_the_host_answers_this_and_its_stub_is_not_reached(saas):
    armed = saas.arm("upstream_error", status=502, body="<h1>Bad Gateway</h1>", content_type="text/html")
    answer = saas.get()
    assert (answer.status, answer.data, answer.headers["content-type"]) == (502, b"<h1>Bad Gateway</h1>", "text/html")
    assert armed.strikes == 1
    saas.injector.disarm([armed])
    assert saas.get().data == b"1"
    (struck,) = saas.timeline.strikes("upstream_error")
    assert (struck.subject, struck.outcome) == ("crm/inv-1/api.example.com#1", "502")


def test_the_first_two_then_every_other(saas):
    saas.arm("upstream_error", when={"times": 2})
    assert saas.statuses(4) == [503, 503, 200, 200]


def test_only_the_host_and_the_route_it_matches(saas):
    armed = saas.arm("upstream_error", match={"host": "api.*", "route": "GET /v1/*", "function": "crm"})
    assert saas.statuses(2, host="other.example.com") == [200, 200]
    assert (saas.statuses(1), armed.strikes) == ([503], 1)


def test_half_of_them_and_the_same_seed_strikes_the_same(tmp_path):
    def run(name, seed):
        with Saas(tmp_path / name, seed) as one:
            one.arm("upstream_error", when={"probability": 0.5})
            return one.statuses(20), one.timeline.fingerprint()

    assert run("a", 1) == run("b", 1)
    assert set(run("c", 1)[0]) == {200, 503}
    assert run("d", 1) != run("e", 2)


@pytest.mark.parametrize(("params", "says"), [
    ({"status": 600}, "status: must be 200 to 599, not 600"),
    ({"content_type": "a\r\nb: c"}, "cannot be a header"),
])  # fmt: skip
def test_what_cannot_be_is_refused(saas, params, says):
    with pytest.raises(FileProblem, match=says):
        saas.arm("upstream_error", **params)


def test_a_handlers_own_client_gets_it(real_rig):
    real_rig.upstreams(SAAS / "stub.yaml")
    real_rig.function("tickets", SAAS, "handler.handler", memory=512, timeout=20)
    with real_rig.fault("upstream_error", body="down", match={"host": "api.example.com"}, when={"times": 1}) as armed:
        assert real_rig.invoke("tickets").payload == {"status": 503, "body": "down", "retry_after": None}
        assert real_rig.invoke("tickets").payload["status"] == 200
    assert armed.strikes == 1
