"""The plugin as its users meet it: in a pytest of its own."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest

from emulator.pytest_plugin import PytestRig

pytest_plugins = ["plugin_run"]

def test_a_function_is_made_and_invoked(run):
    run('''
def test_it(crm, rig):
    assert crm == "arn:aws:lambda:us-east-1:123456789012:function:crm"
    result = rig.invoke("crm", {"a": 1})
    assert (result.ok, result.error) == (True, "")
    assert result.payload == {"event": {"a": 1}, "word": "hello"}
    assert "seen" in result.log and "REPORT RequestId" in result.log

def test_a_failure(crm, rig):
    result = rig.invoke("crm", "fail")
    assert (result.ok, result.error, result.payload["errorMessage"]) == (False, "Unhandled", "wanted")

@pytest.mark.parametrize("event", [[], 0, "", False, None, {}])
def test_every_payload_is_sent_as_it_is(crm, rig, event):
    assert rig.invoke("crm", event).payload["event"] == event

def test_no_payload_is_an_empty_object(crm, rig):
    assert rig.invoke("crm").payload["event"] == {}
''').assert_outcomes(passed=9)


def test_every_test_finds_the_rig_as_new(run):
    run('''
def test_one(crm, rig):
    rig.client("secretsmanager").create_secret(Name="s", SecretString="x")
    rig.clock.advance(100)
    rig.invoke("crm")
    assert rig.timeline.events()[-1].subject == "client/lambda.Invoke#1"

def test_two(rig):
    assert rig.timeline.events() == []
    assert rig.client("lambda").list_functions()["Functions"] == []
    assert rig.client("secretsmanager").list_secrets()["SecretList"] == []
    assert rig.pool.environments() == []

def test_three(crm, rig):
    rig.invoke("crm")
    assert [e.subject for e in rig.timeline.events()][1:3] == ["client/lambda.AddPermission#1", "crm/env-1"]
''').assert_outcomes(passed=3)


def test_a_fault_strikes_in_its_block_only(run):
    run('''
def test_it(crm, rig):
    with rig.fault("cold_start", delay_ms=8000) as armed:
        rig.invoke("crm")
    assert armed.strikes == 1
    assert rig.injector.armed() == ()
''').assert_outcomes(passed=1)


def test_a_rule_that_never_struck_fails_the_test_by_name(run):
    outcome = run('''
def test_block(rig):
    with rig.fault("cold_start"):
        pass

def test_left_armed(rig):
    from emulator.catalogue import rule
    rig.injector.arm([rule({"fault": "aws_denied", "name": "idle"}), rule("cold_start")])

def test_optional(rig):
    with rig.fault("cold_start", optional=True):
        pass
''')
    outcome.assert_outcomes(passed=2, failed=1, errors=1)
    outcome.stdout.fnmatch_lines(["rules that never struck: idle, cold_start"])
    outcome.stdout.fnmatch_lines(["*Verdict: the rule 'cold_start' never struck*"])


def test_a_failing_test_prints_what_struck_and_the_line_that_replays_it(run):
    outcome = run('''
@pytest.mark.parametrize("word", ["two words"])
def test_it(crm, rig, word):
    with rig.fault("cold_start", delay_ms=8000):
        rig.invoke("crm")
    assert not word
''', "--rig-seed", "7")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*- lambdarig -*", "cold_start struck start of crm/env-1: started"])
    outcome.stdout.fnmatch_lines(["replay it: pytest '*.py::test_it[[]two words[]]' --rig-engine inline --rig-seed 7"])


def test_the_line_that_replays_it_does(run, pytester):
    outcome = run("def test_it(rig):\n    assert False\n")
    (line,) = [line for line in outcome.outlines if line.startswith("replay it: pytest ")]
    again = pytester.runpytest_subprocess(*line.removeprefix("replay it: pytest ").split())
    again.assert_outcomes(failed=1)
    assert line in again.outlines
    assert "no rule struck" in again.outlines


def test_a_failing_test_without_a_rig_prints_nothing_of_it(run):
    outcome = run("def test_it():\n    assert False\n")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.no_fnmatch_line("*replay it*")


def test_a_test_that_fails_while_it_is_set_up_or_taken_down_prints_it_too(run):
    outcome = run('''
@pytest.fixture
def broken(rig):
    raise RuntimeError("no")

def test_setup(broken):
    pass

def test_teardown(rig):
    from emulator.catalogue import rule
    rig.injector.arm([rule("cold_start")])
''')
    outcome.assert_outcomes(passed=1, errors=2)
    assert len([line for line in outcome.outlines if line.startswith("replay it: ")]) == 2


@pytest.mark.parametrize("option", ["--rig-engine=dokcer", "--rig-seed=x"])
def test_a_wrong_option_ends_the_run_before_it_begins(run, option):
    outcome = run("def test_it(rig):\n    pass\n", option, engine="")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["*--rig-*"])
    assert "Traceback" not in outcome.stderr.str() + outcome.stdout.str()


def test_an_unknown_engine_lists_the_choices(run):
    run("def test_it():\n    pass\n", engine="dokcer").stderr.fnmatch_lines(
        ["ERROR: --rig-engine: unknown engine 'dokcer': choose one of docker, *, auto: did you mean 'docker'?"]
    )


def test_the_engine_may_come_from_the_environment(run, monkeypatch):
    monkeypatch.setenv("LAMBDARIG_ENGINE", "inline")
    run("def test_it(rig):\n    assert rig.engine.name == 'inline'\n", engine="").assert_outcomes(passed=1)


def test_the_seed_reaches_the_rig(run):
    run("def test_it(rig):\n    assert rig.settings.seed == 42\n", "--rig-seed", "42").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("'f', 'code', 'h.h', memory=64", "function f: memory: Input should be greater than or equal to 128, not 64"),
        ("'f', 'code', 'h.h', memry=64", "function f: memry: unknown key (choose from: environment,"),
        ("'f', 'nowhere', 'h.h'", "function f: folder: no such folder: "),
    ],
)
def test_a_wrong_function_is_told_as_in_a_file(run, call, said):
    outcome = run(f"def test_it(rig):\n    rig.function({call})\n")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([f"*FileProblem: {said}*"])


def test_a_database_is_made_once_and_reached_by_every_test(run):
    run('''
SERVER = "postgresql://me:secret@127.0.0.1:5432/orders"
seen = []

@pytest.mark.parametrize("number", range(2))
def test_it(rig, number):
    url = rig.database("orders-db", SERVER)
    assert url.startswith("postgresql://me:secret@127.0.0.1:") and url.endswith("/orders") and url != SERVER
    seen.append(url)
    assert set(seen) == {url}

def test_one_name_is_one_database(rig):
    from emulator.errors import UsageError
    with pytest.raises(UsageError, match="there is a database named 'orders-db' already"):
        rig.database("orders-db", SERVER.replace("orders", "other"))
''').assert_outcomes(passed=3)


def test_a_stub_file_is_added_once(tmp_path):
    added = []
    rig = PytestRig(SimpleNamespace(ways_out=SimpleNamespace(add_upstreams=added.append)))
    for name in ("a.yaml", "b.yaml", tmp_path / "x" / ".." / "a.yaml"):
        rig.upstreams(tmp_path / name)
    assert added == [tmp_path / "a.yaml", tmp_path / "b.yaml"]


def test_workers_have_rigs_of_their_own(run):
    run('''
@pytest.mark.parametrize("number", range(6))
def test_it(crm, rig, number):
    assert rig.client("lambda").list_functions()["Functions"][0]["FunctionName"] == "crm"
    assert rig.invoke("crm", number).payload["event"] == number
''', "-n", "2").assert_outcomes(passed=6)


def test_without_the_plugin_there_is_no_rig(run):
    outcome = run("def test_it():\n    pass\ndef test_rig(rig):\n    pass\n", "-p", "no:lambdarig", engine="")
    outcome.assert_outcomes(passed=1, errors=1)
    outcome.stdout.fnmatch_lines(["*fixture 'rig' not found*"])


def test_nothing_is_left_after_the_run(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run("def test_it(crm, rig):\n    assert rig.invoke('crm').ok\n").assert_outcomes(passed=1)
    assert list(tmp_path.glob("lambdarig-*")) == []


def test_a_run_without_the_fixture_does_not_load_the_rig(run):
    run('''
def test_it():
    import sys
    assert not {"emulator.rig", "moto", "docker", "boto3", "botocore", "flask", "pydantic"} & sys.modules.keys()
''').assert_outcomes(passed=1)


def test_importing_the_plugin_loads_nothing_heavy():
    code = (
        "import importlib, pytest, sys; old = set(sys.modules); import emulator.pytest_plugin as plugin; "
        "[importlib.import_module(part) for part in plugin.pytest_plugins]; print(*set(sys.modules) - old)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("emulator")} - {"emulator"} == {
        name for name in loaded if name.startswith("emulator.pytest_plugin")
    }
    assert {name.partition(".")[0] for name in loaded} <= {"emulator", *sys.stdlib_module_names}


def test_its_help_says_its_options(pytester):
    text = json.dumps(pytester.runpytest_subprocess("--help").outlines)
    assert "--rig-engine" in text
    assert "--rig-seed" in text
