from pathlib import Path

import pytest
from saas import Saas

from emulator.catalogue import rule_of
from emulator.errors import FileProblem
from emulator.fault import parameters
from emulator.model import UpstreamCall, UpstreamReply
from faults.oauth_token_expired import OauthTokenExpired

SESSION = Path(__file__).parents[2] / "sample_connectors" / "faults" / "session"


@pytest.fixture
def saas(tmp_path):
    with Saas(tmp_path / "saas") as made:
        yield made


class Host:
    """The host at its point: logs a function in, and says how each token fares."""

    def __init__(self, saas):
        self.saas = saas

    def _call(self, host, function, headers, body):
        call = UpstreamCall(f"{function}/inv-1/{host}#1", host, "GET", "/", headers, b"", function)
        return self.saas.injector.pass_through("upstream", call, lambda _: body).reply

    def gives(self, token, host="login.example.com"):
        self._call(host, "crm", {}, UpstreamReply(200, body=f'{{"access_token": "{token}"}}'.encode()))

    def takes(self, token, function="crm", host="api.example.com"):
        headers = {"authorization": f"Bearer {token}"}
        return self._call(host, function, headers, UpstreamReply(200)).status == 200


@pytest.fixture
def host(saas):
    return Host(saas)


def test_a_client_that_gets_itself_another_token_recovers_and_one_that_does_not_never(real_rig):
    real_rig.upstreams(SESSION / "stub.py")
    for name in ("handler", "forgetful"):
        real_rig.function(name, SESSION, f"handler.{name}", memory=512, timeout=20)
        assert real_rig.invoke(name).payload == {"status": 200, "logins": 1}
    with real_rig.fault("oauth_token_expired") as armed:
        assert real_rig.invoke("handler").payload == {"status": 200, "logins": 2}
        assert real_rig.invoke("handler").payload == {"status": 200, "logins": 2}
        assert [real_rig.invoke("forgetful").payload["status"] for _ in range(2)] == [401, 401]
    assert armed.strikes == 3
    assert real_rig.invoke("forgetful").payload == {"status": 200, "logins": 1}
    struck = [(event.subject, event.outcome) for event in real_rig.timeline.strikes("oauth_token_expired")]
    assert struck[0] == ("handler/inv-2/desk.example.com#1", "401")


def test_its_defaults():
    defaults = {name: row["default"] for name, row in parameters(OauthTokenExpired).items()}
    assert (defaults["lifetime_s"], defaults["uses"], defaults["status"]) == (0, 0, 401)


def test_it_answers_in_the_words_of_rfc_6750(saas):
    saas.arm("oauth_token_expired")
    answer = saas.get(headers={"Authorization": "bearer t-1"})
    assert (answer.status, answer.json()["error"]) == (401, "invalid_token")
    assert answer.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    assert [saas.get().data, saas.get(headers={"Authorization": "Basic eDp5"}).data] == [b"1", b"2"]


def test_or_in_ones_own(saas):
    body = '[{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]'
    saas.arm("oauth_token_expired", body=body, status=403)
    answer = saas.get(headers={"Authorization": "Bearer t-1"})
    assert (answer.status, answer.data.decode(), "www-authenticate" in answer.headers) == (403, body, False)


def test_every_token_in_use_is_over_whoever_has_got_another_meanwhile(saas, host):
    saas.arm("oauth_token_expired")
    assert not host.takes("old-1")
    host.gives("new-1")
    assert host.takes("new-1")
    assert [host.takes("old-2"), host.takes("old-1"), host.takes("new-1")] == [False, False, True]


def test_where_new_tokens_are_not_seen_those_are_new_that_follow_a_refusal(saas, host):
    saas.arm("oauth_token_expired", match={"host": "api.example.com"})
    assert [host.takes("a"), host.takes("b"), host.takes("a"), host.takes("b")] == [False, True, False, True]
    assert not host.takes("c", function="other")


def test_a_lifetime_begins_when_a_token_is_seen(saas, host):
    saas.arm("oauth_token_expired", lifetime_s=60)
    assert host.takes("a")
    saas.clock.advance(59)
    assert [host.takes("a"), host.takes("b")] == [True, True]
    saas.clock.advance(1)
    assert [host.takes("a"), host.takes("b")] == [False, True]
    saas.clock.advance(59)
    assert [host.takes("b"), host.takes("c")] == [False, True]


def test_so_many_uses_of_each(saas, host):
    armed = saas.arm("oauth_token_expired", uses=2)
    assert [host.takes(token) for token in "aaabbba"] == [True, True, False, True, True, False, False]
    saas.injector.disarm([armed])
    assert host.takes("a")


def test_another_host_and_the_second_request_only(saas, host):
    match, when = {"host": "api.example.com"}, {"after": 1, "times": 1}
    saas.injector.arm([rule_of("oauth_token_expired", {}, match, when)])
    assert [host.takes("a", host="other.example.com"), host.takes("a"), host.takes("a"), host.takes("a")] == [
        True, True, False, True,
    ]


def test_a_status_that_is_none_is_refused(saas):
    with pytest.raises(FileProblem, match="status: must be 200 to 599, not 700"):
        saas.arm("oauth_token_expired", status=700)
