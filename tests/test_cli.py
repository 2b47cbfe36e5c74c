"""The command line: help, wrong use, `run`, `doctor` and `images`."""

import json
import re
import shlex
import subprocess
import sys

import pytest

from emulator.cli import COMMANDS, main

pytest_plugins = ["cli_fixtures"]  # fixtures: home, cli
SCENARIO = """
scenario: test
engine: inline
functions: {crm: {folder: code, handler: handler.handler, timeout: 30}}
steps: [{invoke: {function: crm}, expect: {payload.got: {}}}]
"""
GROUPS = {"fault": ("add", "list", "clear"), "images": ("build", "list"), "connector": ("check",),
          "flow": ("run", "records", "list")}  # fmt: skip
EVERY = [[name] for name in COMMANDS] + [[group, name] for group, names in GROUPS.items() for name in names]


# --- help and wrong use ---


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_its_help(cli, command, option):
    status, out, err = cli(*command, option)
    assert (status, err) == (0, "")
    assert out.startswith("Usage: ")
    assert command[-1] in GROUPS or "--json" in out


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
        (["up", "--files", "rig.yaml"], "--files rig.yaml: is no folder that can be written to"),
        (["up", "--files", "rig.yaml/x"], "the rig's folder cannot be made: "),
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
