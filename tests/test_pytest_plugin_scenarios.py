"""Scenario files as tests."""

import pytest

from emulator.files import ScenarioFile
from emulator.pytest_plugin import markers

pytest_plugins = ["plugin_run"]  # fixture: run

GOOD = """
scenario: a cold start is slow
functions: {crm: {folder: ../code, handler: handler.handler}}
faults: [{fault: cold_start, with: {delay_ms: 2000}}]
steps: [{name: first, invoke: {function: crm, payload: 1}, expect: {payload.event: 1}}]
"""


@pytest.fixture
def files(pytester):
    """files(NAME=TEXT) -> written below scenarios/."""
    folder = pytester.mkdir("scenarios")

    def write(**texts):
        for name, text in texts.items():
            (folder / f"{name}.yaml").write_text(text)

    return write


def test_files_that_the_ini_option_lists_are_tests(run, files, pytester):
    pytester.makeini("[pytest]\nrig_scenarios = scenarios/*.yaml\n")
    files(one=GOOD, two=GOOD.replace("a cold start is slow", "two"))
    pytester.mkdir("other").joinpath("config.yaml").write_text(GOOD)
    outcome = run("def test_it(rig):\n    assert rig.timeline.events() == []\n", "-v")
    outcome.assert_outcomes(passed=3)
    outcome.stdout.fnmatch_lines(["*/one.yaml::a cold start is slow PASSED*", "scenarios/two.yaml::two PASSED*"])
    only = pytester.runpytest_subprocess("-m", "scenario", "-k", "two", "--rig-engine", "inline")
    only.assert_outcomes(passed=1, deselected=2)


def test_without_it_only_scenarios_that_the_command_line_names_are(run, files, pytester):
    files(one=GOOD, two=GOOD, config="scenarios: [1]\n")
    run("def test_it(rig):\n    pass\n").assert_outcomes(passed=1)
    pytester.runpytest_subprocess("scenarios/one.yaml", "--rig-engine", "inline").assert_outcomes(passed=1)
    other = pytester.runpytest_subprocess("scenarios/config.yaml")
    other.stderr.fnmatch_lines(["ERROR: *config.yaml"])


def test_a_scenario_that_fails_says_what_did_not_hold_and_its_line_replays_it(run, files, pytester):
    files(one=GOOD.replace("payload.event: 1", "payload.event: 2").replace("faults:", "seed: 3\nfaults:"))
    outcome = pytester.runpytest_subprocess("scenarios/one.yaml", "--rig-engine", "inline")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([
        "scenario a cold start is slow:", "first: payload.event: expected 2, found 1", "FAILED a cold start*: first",
        "cold_start struck start of crm/env-1: *", "--- log of crm/inv-1", "seen", "seed 3",
        "replay it: pytest 'scenarios/one.yaml::a cold start is slow' --rig-engine inline --rig-seed 3",
    ])
    again = pytester.runpytest_subprocess(
        "scenarios/one.yaml::a cold start is slow", "--rig-engine", "inline", "--rig-seed", "3"
    )
    again.assert_outcomes(failed=1)


def test_a_scenario_whose_rule_never_struck_fails(run, files, pytester):
    files(one=GOOD.replace("cold_start, with: {delay_ms: 2000}", "aws_denied"), two=GOOD)
    outcome = pytester.runpytest_subprocess("scenarios", "-o", "rig_scenarios=scenarios/*", "--rig-engine", "inline")
    outcome.assert_outcomes(failed=1, passed=1)
    outcome.stdout.fnmatch_lines(["the rule 'aws_denied' never struck: it strikes where *client/lambda.Invoke#1"])
    outcome.stdout.no_fnmatch_line("*left armed*")


def test_a_mistake_in_a_listed_file_is_told_when_it_is_collected(run, files, pytester):
    files(one=GOOD.replace("faults:", "fautls:"), two="{}")
    outcome = pytester.runpytest_subprocess("scenarios", "-o", "rig_scenarios=scenarios/*", "--rig-engine", "inline")
    outcome.assert_outcomes(errors=2)
    outcome.stdout.fnmatch_lines(["*one.yaml: fautls: unknown key (choose from: *faults*", "*two.yaml: scenario: *"])


@pytest.mark.parametrize(
    ("databases", "upstreams", "own"), [({}, None, False), ({"orders": "embedded"}, None, True), ({}, "s.yaml", True)]
)
def test_a_scenario_with_databases_or_stubs_has_a_rig_of_its_own(pytester, databases, upstreams, own):
    """What is in them would stay, and they would go on answering."""
    config = pytester.parseconfig("--rig-engine", "inline")
    shape = {"scenario": "x", "seed": 4, "iam": "strict", "clock": "real", "steps": [{"advance": 1}]}
    scenario = ScenarioFile.model_validate({**shape, "databases": databases, "upstreams": upstreams})
    settings, alone = markers.settings_of(config, scenario)
    assert (alone, settings.engine, settings.seed, settings.iam) == (own, "inline", 4, "strict")
    assert not settings.manual_clock


def test_scenarios_run_under_xdist_beside_tests(run, files, pytester):
    pytester.makeini("[pytest]\nrig_scenarios = scenarios/*.yaml\n")
    files(one=GOOD, two=GOOD)
    run("def test_it(crm, rig):\n    assert rig.invoke('crm').ok\n", "-n", "2").assert_outcomes(passed=3)
