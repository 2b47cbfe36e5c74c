"""Commands that ask a rig: one that runs, none, and somebody else on its port."""

import json
import re
import signal
import socket
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest
from cli_rig import LAMBDARIG, Home, Up, furnished, shell

pytest_plugins = ["cli_fixtures"]  # fixtures: home, cli


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A rig that runs, for the tests that leave it as it was."""
    up = Up(furnished(Home(tmp_path_factory.mktemp("shared"))), "rig.yaml", "--engine", "inline", "--seed", "7")
    yield up
    up.end()


@pytest.fixture
def ask(cli, shared):
    """The same of the shared rig."""
    return lambda *arguments: cli(*arguments, "--port", shared.port)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- a rig that runs ---


def test_status(ask, shared):
    status, out, _ = ask("status", "--json")
    said = json.loads(out)
    assert (status, said["url"], said["engine"], said["seed"]) == (0, shared.said["url"], "inline", 7)
    assert [function["name"] for function in said["functions"]] == ["closed", "crm"]
    status, out, _ = ask("status")
    assert status == 0
    assert f"{shared.said['url']}  engine inline  seed 7  pid {shared.process.pid}" in out
    assert "functions: 2" in out


def test_a_function_is_invoked_with_its_answer_on_stdout_and_its_log_on_stderr(ask):
    status, out, err = ask("invoke", "crm", "--payload", '{"a": "ü"}')
    assert (status, json.loads(out)) == (0, {"got": {"a": "ü"}})
    assert "seen {'a': 'ü'}\n" in err
    assert re.search(r"^REPORT RequestId: ", err, re.MULTILINE)


def test_an_invocation_as_json(ask):
    status, out, err = ask("invoke", "crm", "--json")
    said = json.loads(out)
    assert (status, said.pop("log").startswith(("START", "INIT_START"))) == (0, True)
    assert said == {"status": 200, "function_error": None, "payload": {"got": {}}}
    assert "START RequestId" in err


def test_an_event_comes_from_a_file_or_from_stdin(ask, home, shared):
    (home.work / "event.json").write_text("[1, 2]")
    assert json.loads(ask("invoke", "crm", "-e", "event.json")[1]) == {"got": [1, 2]}
    assert json.loads(shared.call("invoke", "crm", "-e", "-", input='"from stdin"').stdout) == {"got": "from stdin"}
    assert shared.call("invoke", "crm", "-e", "-", input="nothing").returncode == 2


def test_a_function_that_fails_is_exit_1_with_its_answer(ask):
    status, out, err = ask("invoke", "crm", "--payload", '"fail"', "--json")
    said = json.loads(out)
    assert (status, said["function_error"], said["payload"]["errorType"]) == (1, "Unhandled", "ValueError")
    assert err.endswith("lambdarig: crm failed (Unhandled)\n")


def test_a_function_that_may_not_run_now_is_exit_1(ask):
    status, out, err = ask("invoke", "closed")
    assert (status, out) == (1, "")
    assert err.startswith("lambdarig: TooManyRequestsException: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gone"], "ResourceNotFoundException: Function not found: arn:aws:lambda:us-east-1:123456789012:function:g"),
        (["crm", "--qualifier", "7"], "ResourceNotFoundException: Function not found: "),
        (["not a name"], "Exception: "),
        ([""], "Parameter validation failed: "),
    ],
)
def test_a_function_that_is_not_there_is_exit_2(ask, arguments, said):
    status, out, err = ask("invoke", *arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


def test_a_functions_log(ask):
    ask("invoke", "crm", "--payload", '"logged"')
    status, out, err = ask("logs", "crm")
    assert (status, err) == (0, "")
    assert "seen logged\n" in out
    rows = [json.loads(line) for line in ask("logs", "/aws/lambda/crm", "--since", "1000", "--json")[1].splitlines()]
    assert "seen logged\n" in [row["message"] for row in rows]
    assert all(row.keys() == {"timestamp", "logStreamName", "message"} for row in rows)


def test_a_log_is_searched_by_a_filter_pattern(ask):
    for word in ("needle", "hay"):
        ask("invoke", "crm", "--payload", f'"{word}"')
    assert ask("logs", "crm", "--filter", '"seen needle"') == (0, "seen needle\n", "")
    assert json.loads(ask("logs", "crm", "--filter", "needle -hay", "--json")[1])["message"] == "seen needle\n"
    assert ask("logs", "crm", "--filter", '{ $.nothing = "there" }') == (0, "", "")
    status, out, err = ask("logs", "crm", "--filter", "a:b")
    assert (status, out, err) == (2, "", "lambdarig: InvalidParameterException: Invalid character(s) in term ':'\n")


def test_a_log_is_queried(ask):
    ask("invoke", "crm", "--payload", '"queried"')
    query = "filter @message like /seen queried/ | stats count(*) as times by 1 + 1 as two"
    assert ask("logs", "crm", "--query", query) == (0, "two\ttimes\n2\t1\n", "")
    assert ask("logs", "crm", "--query", query, "--json") == (0, '{"two": "2", "times": "1"}\n', "")
    assert ask("logs", "crm", "--query", "filter @message = 'nothing'") == (0, "", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--query", "bad"], "MalformedQueryException: unexpected symbol found bad at line 1 and position 0"),
        (["--query", "fields a", "--filter", "b"], "--query goes with neither --filter nor --follow"),
        (["--query", "fields a", "--follow"], "--query goes with neither --filter nor --follow"),
    ],
)
def test_a_search_that_is_none_is_exit_2(ask, options, said):
    ask("invoke", "crm", "--payload", "1")
    assert ask("logs", "crm", *options) == (2, "", f"lambdarig: {said}\n")


@pytest.mark.parametrize("options", [[], ["--json"], ["--since", "5"], ["--filter", "x"], ["--query", "limit 1"]])
def test_a_log_that_is_not_there_is_exit_2_with_the_mend(ask, options):
    status, out, err = ask("logs", "gone", *options)
    assert (status, out) == (2, "")
    assert err.startswith("lambdarig: /aws/lambda/gone has no log yet: 'gone' does not exist, or nothing has run\n")
    assert "to mend it: lambdarig invoke gone" in err


def test_a_log_is_followed_until_ctrl_c(shared):
    shared.call("invoke", "crm", "--payload", '"first"')
    process = subprocess.Popen(
        (*LAMBDARIG, "logs", "crm", "--follow", "--port", shared.port), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, env={**shell(), **shared.home.variables},
    )  # fmt: skip
    seen = iter(process.stdout.readline, "")
    assert any("seen first" in line for line in seen)
    shared.call("invoke", "crm", "--payload", '"second"')
    assert any("seen second" in line for line in seen)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "stopped")


def test_rules_are_added_listed_and_cleared(ask):
    status, out, _ = ask("fault", "add", "{fault: cold_start, name: slow one, when: {times: 1}}")
    assert (status, out) == (0, "armed slow one\n")
    status, out, _ = ask("fault", "add", "aws_denied", "--json")
    assert (status, json.loads(out)["name"]) == (0, "aws_denied")
    assert ask("fault", "list")[1] == "slow one: cold_start, struck 0\naws_denied: aws_denied, struck 0\n"
    assert [row["name"] for row in json.loads(ask("fault", "list", "--json")[1])] == ["slow one", "aws_denied"]
    assert ask("fault", "clear", "slow one")[:2] == (0, "cleared slow one, which had struck 0\n")
    status, out, err = ask("fault", "clear", "slow one")
    assert (status, out, err) == (2, "", "lambdarig: no rule named 'slow one' is armed\n")
    assert [row["name"] for row in json.loads(ask("fault", "clear", "--json")[1])] == ["aws_denied"]
    assert ask("fault", "list")[1] == "no rules\n"


def test_a_rule_is_added_with_options_and_several_at_once_or_none(ask):
    status, out, _ = ask(
        "fault", "add", "aws_denied", "--match", "function=erp", "--times", "2", "--ttl", "60", "--json"
    )  # fmt: skip
    said = json.loads(out)
    assert (status, said["match"]["function"], said["when"]["times"], said["when"]["ttl"]) == (0, "erp", 2, 60)
    assert ask("fault", "add", "cold_start", "aws_denied")[0] == 2
    assert ask("fault", "add", "cold_start", "aws_error")[:2] == (0, "armed cold_start\narmed aws_error\n")
    assert ask("fault", "add", "aws_latency", "kms_denied", "--times", "1")[0] == 2
    assert [row["name"] for row in json.loads(ask("fault", "clear", "--json")[1])] == [
        "aws_denied", "cold_start", "aws_error",
    ]  # fmt: skip


def test_a_rule_that_is_armed_already_is_exit_2(ask):
    ask("fault", "add", "cold_start")
    status, out, err = ask("fault", "add", "cold_start")
    assert (status, out) == (2, "")
    assert "is armed already" in err
    ask("fault", "clear")


# --- no rig, or somebody else ---


ASKING = ("status", "fault list", "fault add cold_start", "fault clear", "invoke crm", "logs crm")


@pytest.mark.parametrize("arguments", ASKING)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_without_a_rig_it_is_exit_3_with_the_mend(cli, free_port, arguments, options):
    status, out, err = cli(*arguments.split(), *options, "--port", free_port)
    assert (status, out) == (3, "")
    assert err.startswith(f"lambdarig: no rig answers on port {free_port}: ")
    assert err.endswith(f"\n  to mend it: lambdarig up --port {free_port} --detach\n")


def test_down_without_a_rig_has_nothing_to_do(cli, free_port):
    assert cli("down", "--port", free_port)[:2] == (0, f"no rig runs on port {free_port}\n")
    assert json.loads(cli("down", "--json", "--port", free_port)[1]) == {"stopped": False}


class Stranger(BaseHTTPRequestHandler):
    body, status = b"<html>hello</html>", 200

    def do_GET(self):
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(self.body)

    do_POST = do_DELETE = do_GET

    def log_message(self, *arguments):
        """Silence."""


@pytest.fixture(params=[(b"<html></html>", 200), (b"", 404), (b"[]", 200), (b"{}", 200), (b'{"message": "no"}', 403)])
def stranger(request):
    handler = type("Handler", (Stranger,), {"body": request.param[0], "status": request.param[1]})
    server = HTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def test_another_program_on_the_port_is_no_rig(cli, stranger):
    status, out, err = cli("status", "--port", stranger)
    assert (status, out) == (3, "")
    assert f"on port {stranger}" in err
    assert cli("down", "--port", stranger)[:2] == (0, f"no rig runs on port {stranger}\n")


def test_a_port_that_is_taken_is_exit_2_with_the_mend_and_leaves_nothing(home, stranger):
    for options in ([], ["--detach"]):
        done = home.call("up", "--engine", "inline", "--port", str(stranger), *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"cannot listen on 127.0.0.1 port {stranger}: Address already in use" in done.stderr
        assert "`--port 0` takes a free port" in done.stderr
    assert home.left() == []


def test_a_card_of_a_process_that_has_gone_harms_nobody_who_has_its_number_now(home, free_port, monkeypatch):
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    from emulator.cli import cards

    bystander = psutil.Process()
    for started in (0.0, bystander.create_time() - 60):
        cards.path_of(free_port).write_text(json.dumps({"pid": bystander.pid, "url": "x", "started": started}))
        done = home.call("down", "--port", str(free_port))
        assert (done.returncode, done.stdout) == (0, f"no rig runs on port {free_port}\n")
    assert home.left() == []


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": 1}', '{"pid": "x", "url": 1, "started": null}'])
def test_a_card_that_cannot_be_read_is_none(home, free_port, monkeypatch, text):
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    from emulator.cli import cards

    cards.path_of(free_port).write_text(text)
    assert home.call("down", "--port", str(free_port)).returncode == 0
