"""docs/own-faults.md does what it says: its files, written into an empty folder, and its commands."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from emulator.fault import POINTS, Fault

PAGE = (Path(__file__).parent.parent / "docs" / "own-faults.md").read_text()
FILE = re.compile(r"`([\w/.]+\.(?:py|yaml|toml))`[^`]*:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)
NAMES = {"connector/handler.py", "crm.yaml", "crm_faults.py", "pyproject.toml", "test_credits.py", "credits.yaml"}
ENTRY = re.compile(r'^\[project\.entry-points\."lambdarig\.faults"\]\n(\w+) = "(.*)"', re.MULTILINE)
LAMBDARIG = (sys.executable, "-m", "emulator.cli")


@pytest.fixture
def folder(tmp_path):
    """The page's files, installed as `pip install -e .` does: a path, and the entry points beside it."""
    for name, text in FILE.findall(PAGE):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    name, target = ENTRY.search((tmp_path / "pyproject.toml").read_text()).groups()
    installed = tmp_path / "crm_faults-0.1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: crm-faults\nVersion: 0.1\n")
    (installed / "entry_points.txt").write_text(f"[lambdarig.faults]\n{name} = {target}\n")
    return tmp_path


def run(folder, *command):
    variables = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, timeout=120)


def printed(command):
    """What the page shows under a command."""
    return re.search(rf"^\$ {re.escape(command)}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[1]


def test_every_file_is_there(folder):
    assert {name for name, _ in FILE.findall(PAGE)} == NAMES


def test_the_catalogue_shows_the_fault(folder):
    done = run(folder, *LAMBDARIG, "faults", "crm_credits_used_up")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(printed("lambdarig faults crm_credits_used_up"))
    assert "crm_credits_used_up" in run(folder, *LAMBDARIG, "faults").stdout


def test_a_mistake_in_it_is_refused_by_name(folder):
    file = folder / "crm_faults.py"
    file.write_text(file.read_text().replace("on_upstream", "on_upstraem"))
    done = run(folder, *LAMBDARIG, "faults")
    assert (done.returncode, done.stdout, done.stderr) == (3, "", printed("lambdarig faults"))


def test_the_test_passes(folder, real_engine):
    done = run(folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rig-engine", real_engine)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_the_scenario_passes(folder, real_engine):
    done = run(folder, *LAMBDARIG, "run", "credits.yaml", "--engine", real_engine)
    assert done.returncode == 0, done.stderr
    for line in printed("lambdarig run credits.yaml").splitlines():
        assert line in (done.stdout + done.stderr).splitlines()


def test_the_points_are_the_rigs():
    for name, about in POINTS.items():
        assert f"| `{name}` | {about} |" in PAGE


@dataclass(frozen=True)
class Call:
    id: str
    sender: str

    def attributes(self):
        return {"host": self.sender}


@dataclass(frozen=True)
class Answer:
    verdict: str


@dataclass(frozen=True)
class WebhookLost(Fault):
    """Our webhook is not told."""

    name: ClassVar[str] = "webhook_lost"
    own_points: ClassVar[dict[str, str]] = {"webhook": "a call of our webhook"}

    def on_webhook(self, call, proceed, ctx):
        return Answer("lost")


def test_a_point_of_ones_own_is_as_the_others(inline_rig):
    from emulator.fault import Rule
    from emulator.scope import Match, When

    def told(number):
        call = Call(f"crm/webhook-{number}", "api.crm.example")
        return inline_rig.pass_through("webhook", call, lambda _: Answer("told")).reply.verdict

    with inline_rig.fault(Rule(WebhookLost(), Match(host="*.crm.example"), When(times=1))):
        assert [told(1), told(2)] == ["lost", "told"]
    assert [(e.subject, e.rule) for e in inline_rig.timeline.strikes()] == [("crm/webhook-1", "webhook_lost")]
