"""What a person writes wrong for the plugin is told by name, with the choices."""

import pytest

from emulator.errors import UsageError
from emulator.pytest_plugin.wanted import checked

pytest_plugins = ["plugin_run"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"iam": "strct"}, "unknown iam of a rig 'strct': choose one of enforce, off, strict: did you mean 'strict'?"),
        ({"texts": "2019"}, "choose one of 2018, 2020, 2023, current"),
        ({"engine": "dcker"}, "choose one of auto, docker, inline, process: did you mean 'docker'?"),
        ({"seed": "x"}, "setting 'seed': Input should be a valid integer, not 'x'"),
        ({"manual_clock": "no"}, "setting 'manual_clock': Input should be a valid boolean, not 'no'"),
        ({"account_limit": 0}, "setting 'account_limit': must be 1 or more, not 0"),
        ({"idle_s": -1}, "setting 'idle_s': must be more than 0, or None, not -1"),
        ({"port": 99999}, "setting 'port': must be between 0 and 65535, not 99999"),
        ({"without": "slow"}, "setting 'without': Input should be a valid tuple, not 'slow'"),
        ({"idles": 4}, "did you mean 'idle_s'?"),
    ],
)
def test_a_wrong_setting_of_another_rig_is_refused_by_name(wrong, said):
    with pytest.raises(UsageError) as error:
        checked(wrong)
    assert said in str(error.value)


def test_right_settings_are_taken_as_they_are(tmp_path):
    given = {"iam": "strict", "idle_s": None, "seed": 3, "freeze": False, "account_limit": 1}
    assert checked(given) == given
    assert checked({"state_dir": str(tmp_path), "without": ["a"]}) == {"state_dir": tmp_path, "without": ("a",)}


def test_a_fixture_says_so_where_the_test_asks(run):
    outcome = run("def test_it(make_rig):\n    make_rig(iam='strct')\n")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["*UsageError: unknown iam of a rig 'strct': *did you mean 'strict'?"])


def test_patterns_of_scenarios_that_can_match_nothing_are_an_error_and_those_that_do_not_a_warning(run, pytester):
    test = "def test_it():\n    pass\n"
    pytester.makeini("[pytest]\nrig_scenarios = /abs/*.yaml\n")
    outcome = run(test)
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["ERROR: rig_scenarios: /abs/[*].yaml: must be relative to *"])
    pytester.makeini("[pytest]\nrig_scenarios = scen/*.yaml\n")
    outcome = run(test)
    outcome.assert_outcomes(passed=1, warnings=1)
    outcome.stdout.fnmatch_lines(["*rig_scenarios: scen/[*].yaml: there is no such file under *"])


def test_two_markers_of_one_fault_are_told_the_word_that_tells_them_apart(run):
    twice = '@pytest.mark.fault("aws_denied")\n@pytest.mark.fault("aws_denied")\ndef test_it(rig):\n    pass\n'
    outcome = run(twice)
    assert outcome.ret == pytest.ExitCode.INTERRUPTED
    outcome.stdout.fnmatch_lines(
        ["*marker fault('aws_denied'): a rule named 'aws_denied' is armed already: give this one a `label` of its own"]
    )


def test_no_seeds_at_all_are_refused(run):
    outcome = run("def test_it():\n    pass\n", "--rig-seeds", "0")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["ERROR: --rig-seeds: must be 1 or more, not 0"])


def test_a_failure_says_which_rules_were_muted_and_which_labels_are_nobodys(run):
    test = '''
def test_it(rig):
    with rig.fault("cold_start", label="slow", optional=True):
        assert False
'''
    outcome = run(test, "--rig-without", "slow,slwo")
    outcome.stdout.fnmatch_lines(["slow was muted", "--rig-without: no rule 'slwo' was armed", "seed 0"])


def test_an_assertion_about_an_answer_does_not_repeat_the_log(run):
    outcome = run("def test_it(crm, rig):\n    assert not rig.invoke('crm', 1).ok\n", "-vv")
    shown = [line for line in outcome.outlines if line.startswith("E ")]
    assert any("Result(payload={'event': 1, 'word': 'hello'}, error='')" in line for line in shown)
    assert any("<rig of engine inline, seed 0>.invoke" in line for line in shown)
