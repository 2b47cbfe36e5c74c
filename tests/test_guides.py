"""The guides' failures: what is written about them is true, each happens and is mended, and none without its cause."""

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_rig import LAMBDARIG
from guide_pages import PAGES, masked, pasted, told

from emulator import guides
from emulator.errors import FileProblem, UsageError
from emulator.files import GuideScenario, load

ROOT = Path(__file__).parent.parent
SCENARIOS = guides.load_all()
# One after another: side by side on two cores, with nothing of them in the page cache, their inits take twice as long
# (measured), and a whole run of the tests has seen one pass the ten seconds of an init.
IN_TURN = [
    pytest.param(name, marks=pytest.mark.xdist_group("caps")) if name in ("oom-node", "oom-java") else name
    for name in SCENARIOS
]
CAUSES = [(name, cause) for name, scenario in SCENARIOS.items() for cause in scenario.causes]
WANTED = {
    "oom-python", "oom-node", "oom-java", "secret-access-denied", "secret-access-denied-after-grant",
    "secret-not-found-yet", "find-the-logs", "cold-start-timeout", "wrong-api-id", "wrong-region", "wrong-stage",
    "wrong-path", "missing-invoke-permission", "handler-error", "open-connection-timeout",
}  # fmt: skip


def lambdarig(*arguments):
    return subprocess.run((*LAMBDARIG, *arguments), capture_output=True, text=True, check=False)


# --- each happens, is mended, and does not happen without its cause ---


@pytest.mark.parametrize("name", IN_TURN)
def test_a_failure_happens_and_is_mended_twice_with_one_fingerprint(name, real_engine):
    (scenario,) = guides.checked((name,)).values()
    first, second = (guides.reproduce(name, scenario, engine=real_engine) for _ in range(2))
    assert (first["problems"], second["problems"]) == ([], [])
    assert [(row["reproduced"], row["fixed"]) for row in (first, second)] == [(True, True)] * 2
    assert first["fingerprint"] == second["fingerprint"]
    (row,) = re.findall(rf"^{name} .*", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert first["fingerprint"][:12] in row.split()


@pytest.mark.parametrize(("name", "cause"), CAUSES)
def test_without_a_cause_it_does_not_happen(name, cause, real_engine):
    (scenario,) = guides.checked((name,), cause).values()
    row = guides.reproduce(name, scenario, engine=real_engine)
    assert not row["reproduced"]
    symptoms = [problem for problem in row["problems"] if not problem.startswith("the rule ")]
    assert symptoms, row["problems"]
    assert row["steps"], f"the rig must do its part: {row['problems']}"  # a rig that failed has none


# --- what is written about them ---


def test_every_failure_of_both_guides_has_its_scenario():
    assert set(SCENARIOS) == WANTED
    places = {(scenario.guide.name, scenario.guide.item) for scenario in SCENARIOS.values()}
    assert places == {*(("appflow", n) for n in range(1, 7)), *(("api-gateway", n) for n in range(1, 5))}


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_bears_its_files_name_and_has_a_page(name):
    assert SCENARIOS[name].scenario == name
    page = ROOT / "docs" / SCENARIOS[name].guide.page
    assert f"lambdarig reproduce {name}" in page.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_what_you_see_why_how_to_reproduce_and_how_to_fix(page):
    heads = [line for line in page.read_text().splitlines() if line.startswith("## ")]
    assert heads == ["## What you see", "## Why", "## Reproduce it", "## Fix it"]


@pytest.mark.docker
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_page_shows_what_really_comes(name):
    page = ROOT / "docs" / SCENARIOS[name].guide.page
    assert masked(pasted(page, name)) == masked(told(name))


# --- the commands ---


def test_the_guide_lists_all_in_the_guides_order():
    said = lambdarig("guide", "--json")
    rows = json.loads(said.stdout)
    assert [row["name"] for row in rows] == list(SCENARIOS)
    assert [(row["guide"], row["item"]) for row in rows] == sorted(
        ((row["guide"], row["item"]) for row in rows), key=lambda place: (place[0] != "appflow", place[1])
    )
    plain = lambdarig("guide").stdout
    assert all(name in plain for name in SCENARIOS)


def test_the_guide_tells_of_one():
    said = lambdarig("guide", "oom-python").stdout
    assert "lambdarig reproduce oom-python" in said
    assert all(cause in said for cause in SCENARIOS["oom-python"].causes)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("reproduce",), "name the failures to reproduce, or say --all"),
        (("reproduce", "--all", "oom-python"), "name the failures to reproduce, or say --all"),
        (("reproduce", "oom"), "unknown guide failure 'oom': choose one of cold-start-timeout, "),
        (("reproduce", "wrong-path", "--engine", "dokcer"), "unknown engine 'dokcer'"),
        (("reproduce", "wrong-path", "--without", "luck"), "unknown cause of wrong-path 'luck': choose one of "),
        (("guide", "oom"), "unknown guide failure 'oom': choose one of "),
    ],
)
def test_what_is_asked_wrongly_is_told_in_a_line(arguments, said):
    answer = lambdarig(*arguments)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr


def test_reproduce_gives_json_junit_and_zero(tmp_path):
    report = tmp_path / "report.xml"
    said = lambdarig("reproduce", "wrong-path", "wrong-stage", "--times", "2", "--engine", "process", "--json",
                     "--junit", str(report))  # fmt: skip
    rows = json.loads(said.stdout)
    assert said.returncode == 0, said.stderr
    assert [row["name"] for row in rows] == ["wrong-path", "wrong-stage"] * 2
    assert all(row["reproduced"] is True and row["fixed"] is True and row["seconds"] > 0 for row in rows)
    assert [row["fingerprint"] for row in rows[:2]] == [row["fingerprint"] for row in rows[2:]]
    cases = ElementTree.parse(report).getroot().findall(".//testcase")
    assert [len(case.findall("failure")) for case in cases] == [0, 0, 0, 0]


def test_what_does_not_happen_is_one(tmp_path):
    report = tmp_path / "report.xml"
    cause = next(iter(SCENARIOS["wrong-path"].causes))
    said = lambdarig("reproduce", "wrong-path", "--without", cause, "--engine", "process", "--json",
                     "--junit", str(report))  # fmt: skip
    (row,) = json.loads(said.stdout)
    assert (said.returncode, row["reproduced"], row["fixed"]) == (1, False, False)
    assert "not reproduced and fixed, or not the same each time: wrong-path" in said.stderr
    (failure,) = ElementTree.parse(report).getroot().findall(".//failure")
    assert failure.get("message") == "not reproduced"


# --- causes ---

MINIMAL = """
scenario: s
guide: {name: appflow, item: 1, title: t, page: p.md}
faults: [{fault: cold_start, with: {delay_ms: 1}}]
steps: [{advance: 1}]
fix: [{advance: 1}]
causes: {c: {steps.0.advance: 2}}
"""


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"steps.0.advance": 2}, 2),
        ({"steps.0": {"advance": 3}}, 3),
    ],
)
def test_a_change_is_made_where_the_dotted_key_leads(tmp_path, changes, found):
    file = tmp_path / "s.yaml"
    file.write_text(MINIMAL)
    assert load(file, GuideScenario, changes).steps[0].advance == found
    assert load(file, GuideScenario, {"faults": None}).faults == []


@pytest.mark.parametrize("key", ["step.0", "steps.1.advance", "steps.x", "steps.0.advance.y", "steps.-1", "about"])
def test_a_change_that_leads_nowhere_is_told(tmp_path, key):
    file = tmp_path / "s.yaml"
    file.write_text(MINIMAL)
    with pytest.raises(FileProblem, match="there is no such place in the file"):
        load(file, GuideScenario, {key: None})


def test_an_unknown_name_is_told_with_the_choices():
    with pytest.raises(UsageError, match="unknown guide failure 'x': choose one of"):
        guides.one("x")
