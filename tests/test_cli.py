import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest
from cli_rig import LAMBDARIG, Home, Up, shell

from emulator.cli import COMMANDS, main

HANDLER = """
def handler(event, context):
    print("seen", event)
    if event == "fail":
        raise ValueError("wanted")
    return {"got": event}
"""
RIG = """
functions:
  crm: {folder: code, handler: handler.handler, timeout: 30}
  closed: {folder: code, handler: handler.handler, reserved_concurrency: 0}
secrets: {token: abc}
"""
SCENARIO = """
scenario: test
engine: inline
functions: {crm: {folder: code, handler: handler.handler, timeout: 30}}
steps: [{invoke: {function: crm}, expect: {payload.got: {}}}]
"""


def furnished(home):
    (home.work / "code").mkdir()
    (home.work / "code" / "handler.py").write_text(HANDLER)
    (home.work / "rig.yaml").write_text(RIG)
    return home


@pytest.fixture
def home(tmp_path):
    return furnished(Home(tmp_path / "home"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A rig that runs, for the tests that leave it as it was."""
    up = Up(furnished(Home(tmp_path_factory.mktemp("shared"))), "rig.yaml", "--engine", "inline", "--seed", "7")
    yield up
    up.end()


@pytest.fixture
def cli(monkeypatch, capsys, home):
    """cli(ARGUMENT...) -> (exit status, stdout, stderr), in this process."""
    monkeypatch.chdir(home.work)
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", None)
    for name in ("LAMBDARIG_ENGINE", "LAMBDARIG_PORT"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lambdarig", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "a mistake of lambdarig itself" not in err
        return end.value.code, out, err

    return call


@pytest.fixture
def ask(cli, shared):
    """The same of the shared rig."""
    return lambda *arguments: cli(*arguments, "--port", shared.port)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# --- help and wrong use ---

EVERY = [[name] for name in COMMANDS] + [["fault", "add"], ["fault", "list"], ["fault", "clear"], ["images", "build"]]


@pytest.mark.parametrize("command", [*EVERY, ["images", "list"]], ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_its_help(cli, command, option):
    status, out, err = cli(*command, option)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: ")
    assert command in (["fault"], ["images"]) or "--json" in out


def test_the_help_of_all_lists_the_commands(cli):
    status, out, _ = cli("--help")
    assert status == 0
    assert [line.split()[0] for line in out.partition("Commands:\n")[2].splitlines()] == list(COMMANDS)


def test_the_version_is_the_distributions(cli):
    status, out, _ = cli("--version")
    assert (status, bool(re.fullmatch(r"lambdarig, version \d+\.\d+\.\d+\n", out))) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ip"], f"unknown command 'ip': choose one of {', '.join(COMMANDS)}"),
        (["fualts"], f"{', '.join(COMMANDS)}: did you mean 'faults'?"),
        (["up", "--prot", "1"], "No such option"),
        (["up", "--port", "x"], "'x' is not a valid integer"),
        (["up", "--port", "70000"], "70000 is not in the range"),
        (["up", "--port", "-1"], "-1 is not in the range"),
        (["status", "--port", "0"], "0 is not in the range"),
        (["up", "--seed", "x"], "'x' is not a valid integer"),
        (["up", "--concurrency", "0"], "0 is not in the range"),
        (["up", "--engine", "dokcer"], "choose one of auto, docker, inline, process: did you mean 'docker'?"),
        (["up", "--texts", "klingon"], "unknown generation of texts 'klingon': choose one of "),
        (["up", "--iam", "maybe"], "unknown mode of IAM 'maybe': choose one of enforce, off, strict"),
        (["up", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["up", "code"], "code: cannot be read: Is a directory"),
        (["up", "--fault", "cold"], "--fault: fault: unknown fault 'cold' (choose from: aws_blackhole, aws_denied"),
        (["up", "--fault", "{fault: cold_start, wth: {}}"], "--fault: wth: unknown key (choose from: fault, match"),
        (["up", "--fault", "{fault: cold_start"], "--fault: line 1, column 19: bad YAML: "),
        (["up", "--fault", "{fault: cold_start, when: {times: -1}}"], "--fault: when.times: must be 1 or more, not -1"),
        (["up", "--fault", ""], "--fault: must be a mapping, not None"),
        (["up", "--fault", "cold_start", "--fault", "cold_start"], "a rule named 'cold_start' is armed already"),
        (["up", "--state", "rig.yaml"], "--state rig.yaml: is no folder that can be written to"),
        (["up", "--state", "rig.yaml/x"], "the rig's folder cannot be made: "),
        (["run"], "Missing argument"),
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["run", "rig.yaml"], "rig.yaml: scenario: is missing"),
        (["run", "scenario.yaml", "--engine", "dokcer"], "unknown engine 'dokcer': choose one of auto, docker, inline"),
        (["run", "scenario.yaml", "--times", "0"], "0 is not in the range"),
        (["faults", "cold"], "unknown fault 'cold': choose one of aws_blackhole, aws_denied"),
        (["fault", "add", "cold"], "RULE: fault: unknown fault 'cold' (choose from: aws_blackhole"),
        (["fault", "ad"], "No such command 'ad'"),
        (["invoke"], "Missing argument"),
        (["invoke", "crm", "-e", "a", "--payload", "b"], "give --event or --payload, not both"),
        (["invoke", "crm", "-e", "nowhere.json"], "nowhere.json: cannot be read: No such file or directory"),
        (["invoke", "crm", "-e", "code"], "code: cannot be read: Is a directory"),
        (["invoke", "crm", "-e", "rig.yaml"], "rig.yaml: not JSON: "),
        (["invoke", "crm", "-e", "binary"], "binary: not JSON: "),
        (["invoke", "crm", "--payload", "{"], "--payload: not JSON: "),
        (["logs", "crm", "--since", "soon"], "'soon' is not a valid integer"),
        (["logs", "crm", "--since", "-1"], "-1 is not in the range"),
        (["images", "build", "--ca-bundle", "nowhere.pem"], "'nowhere.pem' does not exist"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_use_is_exit_2_with_one_clear_line_and_starts_nothing(cli, home, arguments, said):
    (home.work / "scenario.yaml").write_text(SCENARIO)
    (home.work / "binary").write_bytes(b"\xff\xfe\x00")
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert home.left() == []


@pytest.mark.parametrize("arguments", ["up bad.yaml", "run good.yaml bad.yaml", "up --detach bad.yaml"])
def test_a_bad_file_ends_a_real_process_with_2_and_leaves_nothing(home, arguments):
    (home.work / "good.yaml").write_text(SCENARIO)
    (home.work / "bad.yaml").write_text("functions: {crm: {folder: code, handler: h, memry: 1}}")
    done = home.call(*arguments.split())
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lambdarig: bad.yaml: functions.crm.memry: unknown key (choose from: environment, ")
    assert len(done.stderr.splitlines()) == 1
    assert home.left() == []


def test_a_mistake_of_its_own_is_exit_3_and_says_so(cli, monkeypatch, capsys):
    monkeypatch.setattr("emulator.catalogue.faults", lambda: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["lambdarig", "faults"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 3
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert err.endswith("this is a mistake of lambdarig itself: please report it with the lines above\n")


def test_a_reader_that_goes_away_is_no_error(home):
    shell = f"{shlex.join((sys.executable, '-m', 'emulator.cli'))} faults --json | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, cwd=home.work, check=True)
    assert (done.stdout, done.stderr) == ("0\n", "")


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


# --- up and down ---


def test_up_says_where_it_is_and_ends_on_a_signal_leaving_nothing(home):
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        up = Up(home, "rig.yaml", "--engine", "inline")
        assert up.said.keys() == {"url", "engine", "seed", "pid"}
        assert (up.said["engine"], up.said["pid"]) == ("inline", up.process.pid)
        assert len(home.left()) == 2
        status, said = up.end(how)
        assert status == 0
        assert "stopping" in said
        assert "Traceback" not in said
        assert home.left() == []


def test_lambdarig_yaml_is_found_where_one_stands(home):
    (home.work / "rig.yaml").rename(home.work / "lambdarig.yaml")
    up = Up(home, "--engine", "inline")
    assert json.loads(up.call("invoke", "crm").stdout) == {"got": {}}
    assert up.end()[0] == 0


def test_down_stops_it_and_waits(home):
    up = Up(home, "--engine", "inline")
    done = up.call("down", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"stopped": True})
    assert home.left() == []
    assert up.end()[0] == 0


def test_a_rig_whose_port_is_dead_is_stopped_by_its_card(home):
    up = Up(home, "--engine", "inline")
    up.process.send_signal(signal.SIGSTOP)
    threading.Timer(4, up.process.send_signal, [signal.SIGCONT]).start()
    done = up.call("down")
    assert (done.returncode, done.stdout) == (0, f"stopped the rig on port {up.port}\n")
    assert up.end()[0] == 0
    assert home.left() == []


def test_detached_it_returns_when_it_is_healthy(home):
    done = home.call("up", "rig.yaml", "--detach", "--port", "0", "--engine", "inline", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert said.keys() == {"url", "engine", "seed", "pid", "log"}
    port = said["url"].rpartition(":")[2]
    assert json.loads(home.call("invoke", "crm", "--port", port).stdout) == {"got": {}}
    assert home.call("down", "--port", port).stdout == f"stopped the rig on port {port}\n"
    assert not psutil.pid_exists(said["pid"]) or psutil.Process(said["pid"]).status() == psutil.STATUS_ZOMBIE
    assert home.left() == []
    assert [path for path in home.runtime.rglob("*") if path.is_file()] == []


def test_detached_in_words(home):
    done = home.call("up", "--detach", "--port", "0", "--engine", "inline")
    (port,) = re.findall(r"stop it with: lambdarig down --port (\d+)", done.stdout)
    assert home.call("down", "--port", port).returncode == 0


def test_a_folder_named_emulator_is_not_taken_for_it(home):
    (home.work / "emulator").mkdir()
    (home.work / "emulator" / "__init__.py").write_text("raise SystemExit('wrong one')")
    code = "import sys; sys.path.pop(0); from emulator.cli import main; main()"
    arguments = ("up", "--detach", "--port", "0", "--engine", "inline", "--json")
    done = subprocess.run(
        (sys.executable, "-c", code, *arguments), capture_output=True, text=True, cwd=home.work,
        env={**shell(), **home.variables}, check=False,
    )  # fmt: skip
    if sys.version_info >= (3, 11):
        assert done.returncode == 0, done.stderr
        port = json.loads(done.stdout)["url"].rpartition(":")[2]
        assert subprocess.run((sys.executable, "-c", code, "down", "--port", port), cwd=home.work,
                              env={**shell(), **home.variables}, check=False).returncode == 0  # fmt: skip


def test_an_engine_that_is_asked_for_and_does_not_answer_is_exit_3_with_the_mend(home, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home.work}/nobody.sock")
    for options in ([], ["--detach"]):
        done = home.call("up", "--engine", "docker", "--port", "0", *options)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("lambdarig: the docker engine cannot be used: ")
        assert "to mend it: install Docker" in done.stderr
    assert home.left() == []


def test_without_docker_auto_is_the_process_engine(home, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home.work}/nobody.sock")
    up = Up(home)
    assert up.said["engine"] == "process"
    assert up.end()[0] == 0


def test_a_rule_is_armed_from_the_start(home):
    up = Up(home, "rig.yaml", "--engine", "inline", "--fault", "{fault: cold_start, with: {delay_ms: 9000}}")
    log = json.loads(up.call("invoke", "crm", "--json").stdout)["log"]
    assert float(re.search(r"Init Duration: ([\d.]+) ms", log)[1]) >= 9000
    up.end()


def test_a_folder_of_ones_own_is_kept(home):
    up = Up(home, "--engine", "inline", "--state", "mine")
    assert (home.work / "mine").is_dir()
    up.end()
    assert (home.work / "mine").is_dir()
    assert home.left() == []


def test_what_the_emulated_aws_refuses_is_exit_2_and_leaves_nothing(home):
    text = "functions: {crm: {folder: code, handler: h, environment: {AWS_REGION: x}}}"
    (home.work / "refused.yaml").write_text(text)
    done = home.call("up", "refused.yaml", "--port", "0", "--engine", "inline")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lambdarig: refused.yaml: functions.crm: Lambda was unable to configure")
    assert home.left() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_breaks_off_what_is_being_built(home, how, monkeypatch):
    """A function whose requirements never finish installing."""
    (home.work / "pip.conf").write_text("[global]\nindex-url = http://192.0.2.1/\nretries = 99\ntimeout = 900\n")
    (home.work / "code" / "requirements.txt").write_text("nothing-of-that-name==1.0\n")
    (home.work / "slow.yaml").write_text("functions: {crm: {folder: code, handler: h, requirements: true}}")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(home.work / "pip.conf"))
    up = Up(home, "slow.yaml", "--engine", "inline", wait=False)
    up.wait_for("its requirements")
    status, said = up.end(how)
    assert (status, said.endswith("stopped\n")) == (130, True)
    assert home.left() == []


def test_with_the_process_engine_no_process_outlives_it(home):
    up = Up(home, "rig.yaml", "--engine", "process")
    assert json.loads(up.call("invoke", "crm").stdout) == {"got": {}}
    children = psutil.Process(up.process.pid).children(recursive=True)
    assert children
    assert up.end(signal.SIGINT)[0] == 0
    _, alive = psutil.wait_procs(children, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert home.left() == []


@pytest.mark.docker
def test_with_the_docker_engine_no_container_and_no_network_outlives_it(home):
    import docker

    up = Up(home, "rig.yaml", "--engine", "docker")
    rig = json.loads(up.call("status", "--json").stdout)["rig"]
    assert json.loads(up.call("invoke", "crm", "--payload", "1").stdout) == {"got": 1}
    engine = docker.from_env()
    mine = {"filters": {"label": f"lambdarig.rig={rig}"}}
    assert len(engine.containers.list(all=True, **mine)) == 1
    assert len(engine.networks.list(**mine)) == 1
    assert "idle" in up.call("status").stdout
    assert up.call("down").returncode == 0
    assert up.end()[0] == 0
    assert (engine.containers.list(all=True, **mine), engine.networks.list(**mine)) == ([], [])
    assert home.left() == []
    engine.close()


# --- run ---


def test_a_scenario_that_passes(cli, home):
    (home.work / "scenario.yaml").write_text(SCENARIO)
    status, out, err = cli("run", "scenario.yaml")
    assert (status, err) == (0, "ok     test: step 1\n")
    assert re.fullmatch(r"passed  test  inline  seed 0  [0-9a-f]{12}\n", out)
    (result,) = json.loads(cli("run", "scenario.yaml", "--json", "--seed", "3")[1])
    assert (result["file"], result["passed"], result["seed"]) == ("scenario.yaml", True, 3)
    assert home.left() == []


def test_a_scenario_that_fails_is_exit_1_with_the_line_that_replays_it(cli, home):
    (home.work / "scenario.yaml").write_text(SCENARIO.replace("{}}}", "1}}"))
    status, out, err = cli("run", "scenario.yaml", "--seed", "4")
    assert status == 1
    assert out.splitlines()[1:] == [
        "    step 1: payload.got: expected 1, found {}",
        "    replay it: lambdarig run scenario.yaml --engine inline --seed 4",
    ]
    assert err.endswith("lambdarig: failed: test\n")
    status, out, _ = cli("run", "scenario.yaml", "--json")
    assert (status, json.loads(out)[0]["passed"]) == (1, False)


def test_scenarios_are_repeated_and_their_fingerprints_compared(cli, home):
    (home.work / "scenario.yaml").write_text(SCENARIO)
    (home.work / "same_name.yaml").write_text(SCENARIO.replace("steps: [", "steps: [{invoke: {function: crm}}, "))
    status, out, _ = cli("run", "scenario.yaml", "same_name.yaml", "--times", "3")
    said = "scenario.yaml: passed 3 of 3, 1 fingerprint\nsame_name.yaml: passed 3 of 3, 1 fingerprint\n"
    assert (status, out) == (0, said)


def test_runs_that_differ_are_exit_1(cli, home, monkeypatch):
    (home.work / "scenario.yaml").write_text(SCENARIO)
    prints = iter("abc")
    monkeypatch.setattr("emulator.timeline.Timeline.fingerprint", lambda self: next(prints))
    status, out, err = cli("run", "scenario.yaml", "--times", "2")
    assert (status, out) == (1, "scenario.yaml: passed 2 of 2, 2 fingerprints\n")
    assert err.endswith("lambdarig: same seed, different fingerprints: scenario.yaml\n")


def test_the_engine_may_come_from_the_environment(cli, home, monkeypatch):
    (home.work / "scenario.yaml").write_text(SCENARIO.replace("engine: inline", "engine: docker"))
    monkeypatch.setenv("LAMBDARIG_ENGINE", "inline")
    assert json.loads(cli("run", "scenario.yaml", "--json")[1])[0]["engine"] == "inline"


# --- doctor, images ---


def test_doctor_tells_what_this_machine_can(cli):
    status, out, err = cli("doctor", "--json")
    findings = json.loads(out)
    assert (status, err) == (0, "")
    assert all(finding.keys() == {"part", "ok", "about", "mend"} for finding in findings)
    parts = [finding["part"] for finding in findings]
    assert {"machine", "docker engine", "process engine", "port", "runtime client", "embedded PostgreSQL"} <= set(parts)
    assert all(finding["mend"] for finding in findings if finding["ok"] is False)
    words = cli("doctor")[1]
    assert all(re.search(rf"^(ok|no|note) +{part}: ", words, re.MULTILINE) for part in parts)


def test_doctor_without_any_engine_is_exit_3(cli, monkeypatch):
    from emulator.errors import EngineError
    from emulator.functions.engines.docker import DockerEngine
    from emulator.functions.engines.process import ProcessEngine

    def closed(engine):
        raise EngineError("not here", "elsewhere")

    monkeypatch.setattr(DockerEngine, "available", lambda: "nobody answers")
    monkeypatch.setattr(ProcessEngine, "open", closed)
    status, out, err = cli("doctor")
    assert (status, err) == (3, "lambdarig: no engine can run here\n")
    assert "no    docker engine: nobody answers\n        to mend it: install Docker" in out
    assert "no    process engine: not here\n        to mend it: elsewhere" in out


@pytest.mark.docker
def test_images_are_listed(cli):
    rows = json.loads(cli("images", "list", "--json")[1])
    assert all({"runtime", "image", "origin"} <= row.keys() for row in rows)
    assert [row["image"] in cli("images", "list")[1] for row in rows] == [True] * len(rows)
