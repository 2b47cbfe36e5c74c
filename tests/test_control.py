import json
import re
import socket

import pytest
from werkzeug.test import Client

from emulator.control import AGES_S, control
from emulator.control_door import ControlDoor
from emulator.control_openapi import document
from emulator.rig import Rig
from emulator.settings import Settings

HOST = {"HTTP_HOST": "localhost:4566"}


@pytest.fixture
def stopped():
    return []


@pytest.fixture
def app(inline_rig, stopped):
    return control(inline_rig.rig, lambda: stopped.append(True))


@pytest.fixture
def ask(app):
    """ask(METHOD, PATH, body=..., REMOTE_ADDR=...) -> (status, JSON)."""
    client = app.test_client()

    def send(method, path, body=None, **environ):
        given = {"json": body} if not isinstance(body, bytes) else {"data": body}
        answer = client.open(
            f"/_rig/{path}", method=method, environ_overrides={**HOST, "REMOTE_ADDR": "127.0.0.1", **environ},
            **(given if body is not None else {}),
        )  # fmt: skip
        assert answer.is_json
        return answer.status_code, answer.json

    return send


def test_health_says_which_rig(ask, inline_rig):
    status, said = ask("GET", "health")
    assert (status, said["status"], said["rig"]) == (200, "ok", inline_rig.id)
    assert said.keys() == {"status", "version", "rig", "pid"}


@pytest.mark.parametrize("host", ["localhost", "localhost:4566", "127.0.0.1:1", "[::1]", "[::1]:4566", "LOCALHOST"])
def test_loopback_names_are_served(ask, host):
    assert ask("GET", "health", HTTP_HOST=host)[0] == 200


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_peers_are_served(ask, peer):
    assert ask("GET", "health", REMOTE_ADDR=peer)[0] == 200


@pytest.mark.parametrize(
    "environ",
    [
        {"REMOTE_ADDR": "10.0.0.1"},
        {"REMOTE_ADDR": "172.17.0.2"},
        {"REMOTE_ADDR": "::ffff:10.0.0.1"},
        {"REMOTE_ADDR": "fe80::1%eth0"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "localhost"},
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "localhost.evil.example:4566"},
        {"HTTP_HOST": "127.0.0.1.nip.io"},
        {"HTTP_HOST": "169.254.1.1:4566"},
        {"HTTP_HOST": "[::1"},
        {"HTTP_HOST": ""},
        {"HTTP_ORIGIN": "http://evil.example"},
        {"HTTP_ORIGIN": "http://localhost:4566"},
        {"HTTP_ORIGIN": "null"},
        {"HTTP_ORIGIN": ""},
    ],
)
@pytest.mark.parametrize(("method", "path"), [("GET", "health"), ("POST", "stop"), ("DELETE", "faults"), ("GET", "x")])
def test_nobody_else_is(ask, environ, method, path, stopped):
    status, said = ask(method, path, **environ)
    assert (status, stopped) == (403, [])
    assert said["error"] == "Forbidden"


def test_what_is_not_there_is_json_too(ask):
    status, said = ask("GET", "nowhere")
    assert (status, said["error"]) == (404, "Not Found")
    assert ask("POST", "health")[0] == 405


def test_a_rule_is_armed_listed_and_disarmed(ask, inline_rig):
    place = {"match": {"function": "crm"}, "when": {"times": 2}}
    status, armed = ask("POST", "faults", {"fault": "cold_start", "name": "slow one", "with": {"delay_ms": 5}, **place})
    assert status == 201
    assert armed == {
        "name": "slow one", "fault": "cold_start", "with": {"delay_ms": 5, "slowdown": 1.0, "real": False},
        "match": {"function": "crm"},
        "when": {"after": 0, "times": 2, "every": 1, "between": None, "probability": 1.0, "ttl": None, "per": "run"},
        "optional": False, "strikes": 0, "over": False,
    }  # fmt: skip
    assert ask("GET", "faults") == (200, {"faults": [armed]})
    assert [a.rule.label for a in inline_rig.injector.armed()] == ["slow one"]
    assert ask("DELETE", "faults/slow%20one") == (200, {"faults": [armed]})
    assert ask("GET", "faults") == (200, {"faults": []})


def test_all_rules_are_disarmed_at_once(ask):
    for name in ("a", "b"):
        ask("POST", "faults", {"fault": "aws_denied", "name": name})
    status, said = ask("DELETE", "faults")
    assert (status, [row["name"] for row in said["faults"]]) == (200, ["a", "b"])
    assert ask("DELETE", "faults") == (200, {"faults": []})


def test_several_rules_are_armed_together_or_none(ask):
    several = [{"fault": "cold_start"}, {"fault": "aws_denied", "name": "b"}]
    status, said = ask("POST", "faults", {"faults": several})
    assert (status, [row["name"] for row in said["faults"]]) == (201, ["cold_start", "b"])
    status, said = ask("POST", "faults", {"faults": [{"fault": "aws_error"}, {"fault": "cold_start"}]})
    assert (status, said["message"].split(":")[0]) == (400, "a rule named 'cold_start' is armed already")
    status, said = ask("POST", "faults", {"faults": [{"fault": "aws_error"}, {"fault": "aws_error"}]})
    assert (status, said["message"][:45]) == (400, "request: faults.1: a rule named 'aws_error' i")
    assert ask("POST", "faults", {"faults": "aws_error"})[0] == 400
    assert [row["name"] for row in ask("GET", "faults")[1]["faults"]] == ["cold_start", "b"]


def test_a_rule_whose_time_is_over_says_so_and_its_name_is_free_again(ask):
    ask("POST", "faults", {"fault": "cold_start", "when": {"ttl": 5}})
    ask("POST", "clock", {"advance": 5})
    assert [row["over"] for row in ask("GET", "faults")[1]["faults"]] == [True]
    assert ask("POST", "faults", {"fault": "cold_start"})[0] == 201
    assert [row["over"] for row in ask("GET", "faults")[1]["faults"]] == [False]


def test_a_rule_that_is_not_armed_cannot_be_disarmed(ask):
    status, said = ask("DELETE", "faults/gone")
    assert (status, said["message"]) == (404, "no rule named 'gone' is armed")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "request: the body must be a JSON object"),
        (b"{", "request: the body must be a JSON object"),
        (b"\xff", "request: the body must be a JSON object"),
        (b"[1]", "request: the body must be a JSON object"),
        (b'"cold_start"', "request: the body must be a JSON object"),
        ({}, "request: fault: is missing (choose from: aws_blackhole, aws_denied"),
        ({"fault": "cold"}, "request: fault: unknown fault 'cold' (choose from: aws_blackhole, aws_denied"),
        ({"fault": ["x"]}, "request: fault: unknown fault ['x'] (choose from:"),
        ({"fault": "cold_start", "where": {}}, "request: where: unknown key (choose from: fault, match, name"),
        ({"fault": "cold_start", "with": {"delay_ms": "x"}}, "request: with.delay_ms: Input should be a valid integer"),
        (b'{"fault": "cold_start", "when": {"ttl": NaN}}', "request: when.ttl: Input should be a finite number"),
        ({"fault": "cold_start", "name": "a/b"}, "request: name: must be letters"),
    ],
)
def test_a_bad_rule_is_400_with_the_same_line_a_file_would_give(ask, body, said):
    status, answer = ask("POST", "faults", body)
    assert (status, answer["message"].startswith(said)) == (400, True), answer
    assert ask("GET", "faults") == (200, {"faults": []})


def test_a_label_in_use_is_400(ask):
    ask("POST", "faults", {"fault": "cold_start"})
    status, said = ask("POST", "faults", {"fault": "cold_start"})
    assert (status, "armed already" in said["message"]) == (400, True)


def test_a_fault_that_cannot_heal_is_500_and_gone(ask, monkeypatch):
    from faults.cold_start import ColdStartLatency

    monkeypatch.setattr(ColdStartLatency, "heal", lambda self, ctx: 1 / 0)
    ask("POST", "faults", {"fault": "cold_start"})
    status, said = ask("DELETE", "faults")
    assert (status, said["error"]) == (500, "FaultError")
    assert ask("GET", "faults") == (200, {"faults": []})


def test_the_clock_moves(ask, inline_rig):
    assert ask("POST", "clock", {"advance": 1.5}) == (200, {"now": 1.5})
    assert ask("POST", "clock", {"advance": 0}) == (200, {"now": 1.5})
    assert inline_rig.clock.now() == 1.5


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"advance": -1}', b'{"advance": "1"}', b'{"advance": true}', b'{"advance": null}', b'{"advance": NaN}',
     b'{"advance": Infinity}', b'{"advance": 1e400}', b'{"advance": 1' + b"0" * 400 + b"}", b'{"advance": [1]}',
     b'{"advance": 1, "by": 2}', b"5", f'{{"advance": {AGES_S * 2}}}'.encode()],
)  # fmt: skip
def test_a_clock_is_moved_by_a_number_of_seconds_only(ask, inline_rig, body):
    status, said = ask("POST", "clock", body)
    assert (status, said["message"].startswith("request: ")) == (400, True)
    assert inline_rig.clock.now() == 0


def test_the_record_can_be_followed(ask, inline_rig):
    inline_rig.client("sts").get_caller_identity()
    status, said = ask("GET", "timeline")
    assert (status, said["seed"], said["fingerprint"]) == (200, 0, inline_rig.timeline.fingerprint())
    assert [event["subject"] for event in said["events"]] == ["client/sts.GetCallerIdentity#1"]
    assert ask("GET", f"timeline?since={said['events'][-1]['seq']}")[1]["events"] == []


@pytest.mark.parametrize("since", ["x", "-1", "1.5", "", "²"])
def test_since_is_a_sequence_number(ask, since):
    status, said = ask("GET", f"timeline?since={since}")
    assert (status, said["message"]) == (400, f"request: since: must be a sequence number, not {since!r}")


def test_status_tells_functions_environments_and_rules(ask, inline_rig, write_handler):
    inline_rig.function("crm", write_handler(), "handler.handler", memory=256, timeout=7, reserved_concurrency=2)
    inline_rig.invoke("crm")
    ask("POST", "faults", {"fault": "cold_start"})
    said = ask("GET", "status")[1]
    (function,) = said["functions"]
    assert function.pop("runtime").startswith("python3.")
    assert function == {"name": "crm", "memory_mb": 256, "timeout_s": 7, "reserved_concurrency": 2}
    assert [(e["id"], e["function"], e["state"]) for e in said["environments"]] == [("crm/env-1", "crm", "idle")]
    assert [fault["name"] for fault in said["faults"]] == ["cold_start"]
    assert (said["engine"], said["url"], said["rig"]) == ("inline", inline_rig.url, inline_rig.id)


def test_reset_is_as_if_just_started(ask, inline_rig, write_handler):
    inline_rig.function("crm", write_handler(), "handler.handler")
    inline_rig.invoke("crm")
    ask("POST", "faults", {"fault": "cold_start"})
    assert ask("POST", "reset") == (200, {"status": "ok"})
    said = ask("GET", "status")[1]
    assert (said["functions"], said["environments"], said["faults"]) == ([], [], [])
    assert ask("GET", "timeline")[1]["events"] == []


def test_stop_asks_the_process_to_end(ask, stopped):
    assert ask("POST", "stop") == (200, {"status": "stopping"})
    assert stopped == [True]


@pytest.fixture
def door(inline_rig, stopped):
    """The same by the door that a rig has: Werkzeug's client around it."""
    return Client(ControlDoor(inline_rig.rig, lambda: stopped.append(True)))


@pytest.mark.parametrize("path", ["health", "status", "faults", "timeline", "openapi.json", "nowhere"])
@pytest.mark.parametrize("environ", [{}, {"REMOTE_ADDR": "10.0.0.1"}, {"HTTP_HOST": "a.example"}, {"HTTP_ORIGIN": "x"}])
def test_the_door_answers_as_flask_does(door, ask, path, environ):
    answer = door.get(f"/_rig/{path}", environ_overrides={**HOST, "REMOTE_ADDR": "127.0.0.1", **environ})
    assert (answer.status_code, answer.json) == ask("GET", path, **environ)


def test_the_door_lets_everything_else_through(door, stopped):
    local = {**HOST, "REMOTE_ADDR": "127.0.0.1"}
    assert door.post("/_rig/health", environ_overrides=local).status_code == 405
    assert door.post("/_rig/stop", environ_overrides=local).json == {"status": "stopping"}
    assert stopped == [True]


def documented(app):
    return {
        (method.lower(), re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def test_the_openapi_document_is_the_routes(app, ask):
    paths = document("1")["paths"]
    assert {(method, path) for path, methods in paths.items() for method in methods} == documented(app)
    status, served = ask("GET", "openapi.json")
    assert (status, served["openapi"], served["paths"]) == (200, "3.1.0", json.loads(json.dumps(paths)))


def test_every_operation_says_what_it_does_takes_and_answers():
    for path, methods in document("1")["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"]
            assert {"403"} < operation["responses"].keys()
            assert ("requestBody" in operation) == (path in ("/_rig/faults", "/_rig/clock") and method == "post")
            named = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
            assert named == set(re.findall(r"{(\w+)}", path))


def test_the_rules_hold_on_the_wire():
    rig = Rig(Settings(engine="inline"))
    try:
        rig.start(ControlDoor(rig, lambda: None))
        host, port = rig.url.removeprefix("http://").split(":")
        for name, status in (("localhost", b"200"), ("evil.example", b"403")):
            with socket.create_connection((host, int(port)), 5) as connection:
                connection.sendall(f"GET /_rig/health HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode())
                assert connection.makefile("rb").readline().split()[1] == status
    finally:
        rig.close()
