"""`lambdarig faults`: the catalogue on the command line."""

import json
import shlex
import sys
from pathlib import Path

import pytest
from cli_rig import Home, Up
from faults_page import EXAMPLES

from emulator import catalogue
from emulator.cli import main
from emulator.cli.rules import written


@pytest.fixture
def cli(monkeypatch, capsys):
    """cli(ARGUMENT...) -> (exit status, stdout, stderr), in this process."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lambdarig", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return end.value.code, *capsys.readouterr()

    return call


def test_faults_are_listed(cli):
    status, out, _ = cli("faults")
    assert status == 0
    assert "AWS calls\n  aws_blackhole " in out
    lines = [line for line in out.splitlines() if line.startswith("  ")]
    assert [line.split()[0] for line in lines] == [name for names in catalogue.grouped().values() for name in names]
    assert all(line.endswith(".") for line in lines), "whole sentences where no terminal reads them"
    rows = json.loads(cli("faults", "--json")[1])
    assert [row["name"] for row in rows] == list(catalogue.faults())
    assert all(row.keys() == {"name", "about", "points", "match", "parameters", "example", "scenario"} for row in rows)


def test_one_fault_is_shown_with_its_parameters(cli):
    status, out, _ = cli("faults", "cold_start")
    assert status == 0
    assert "strikes at: start" in out
    assert "  delay_ms = 3000 ms: time added to init" in out
    row = json.loads(cli("faults", "cold_start", "--json")[1])
    wanted = {"default": 3000, "type": "int", "unit": "ms", "about": "time added to init", "least": 0, "choices": []}
    assert row["parameters"]["delay_ms"] == wanted


def test_on_a_terminal_a_fault_takes_one_line(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    lines = cli("faults")[1].splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.endswith(" ...") for line in lines)


def test_what_a_parameter_may_be_is_shown(cli):
    out = cli("faults", "aws_denied")[1]
    assert "  kind = implicit (or explicit): " in out
    assert "\non a rig that runs:\n  lambdarig fault add aws_denied --times 1\n" in out


@pytest.mark.parametrize("name", catalogue.faults())
def test_what_puts_a_fault_in_force_is_a_rule(name, cli):
    line = cli("faults", name)[1].partition("in force from the start of a rig:\n  ")[2].splitlines()[0]
    *command, text = shlex.split(line)
    assert command == ["lambdarig", "up", "--fault"]
    rule = catalogue.rule(written(text, "--fault"))
    assert (rule.fault.name, rule.when.times) == (name, 1)


def test_a_rig_comes_up_with_a_fault_in_force(tmp_path, cli):
    line = json.loads(cli("faults", "aws_denied", "--json")[1])["example"]
    up = Up(Home(tmp_path / "home"), "--engine", "inline", *shlex.split(line)[2:])
    try:
        told = up.call("fault", "list", "--json")
    finally:
        ended = up.end()
    (armed,) = json.loads(told.stdout)
    assert (armed["fault"], ended[0]) == ("aws_denied", 0)


@pytest.mark.parametrize("name", catalogue.faults())
def test_the_scenario_of_a_fault_is_there(name, cli):
    """tests/test_fault_examples.py runs it."""
    line = cli("faults", name)[1].rpartition("struck, in a whole scenario:\n  ")[2].strip()
    assert line == f"lambdarig run {EXAMPLES / name}.yaml"
    assert Path(line.split()[-1]).is_file()
