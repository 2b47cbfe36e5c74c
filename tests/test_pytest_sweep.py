"""`--rig-seeds`: the first seed that fails, and the rules that it needs for that."""

import pytest

HANDLER = "def handler(event, context):\n    return event\n"
FLAKY = '''
import pytest

@pytest.fixture
def crm(rig):
    rig.function("crm", "code", "handler.handler")
    return rig

def test_it(crm):
    rare = {"match": {"origin": "client", "operation": "Invoke"}, "when": {"probability": 0.2}, "optional": True}
    with (
        crm.fault("aws_error", label="rare", code="AccessDeniedException", **rare),
        crm.fault("cold_start", label="slow", delay_ms=5, optional=True),
        crm.fault("aws_latency", label="late", ms=1, match={"origin": "client"}, optional=True),
    ):
        crm.client("lambda").invoke(FunctionName="crm")
'''


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.delenv("LAMBDARIG_ENGINE", raising=False)
    pytester.mkdir("code").joinpath("handler.py").write_text(HANDLER)

    def go(tests, *options):
        pytester.makepyfile(tests)
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "--rig-engine", "inline", *options)

    return go


def told(outcome):
    (line,) = [line for line in outcome.outlines if line.startswith(("seed ", "seeds ")) and " fail" in line]
    return line


def test_the_first_seed_that_fails_is_told_with_the_rules_it_needs_and_replays(run, pytester):
    outcome = run(FLAKY, "--rig-seeds", "40")
    outcome.assert_outcomes(failed=1)
    said = told(outcome)
    assert said.endswith("of the rules rare, slow, late it needs rare")
    (replay,) = [line for line in outcome.outlines if line.startswith("replay it: pytest ")]
    assert replay.endswith("--rig-without slow,late")
    again = pytester.runpytest_subprocess(*replay.removeprefix("replay it: pytest ").split())
    again.assert_outcomes(failed=1)
    before = str(int(said.split(" passed, seed ")[1].split()[0]) - 1)
    run(FLAKY, "--rig-seed", before).assert_outcomes(passed=1)


def test_it_is_the_same_under_xdist(run):
    alone = told(run(FLAKY, "--rig-seeds", "40"))
    assert told(run(FLAKY, "--rig-seeds", "40", "-n", "2")) == alone


def test_where_no_seed_fails_the_test_has_passed_once(run):
    outcome = run("def test_it(rig):\n    rig.seen = True\n\ndef test_other():\n    pass\n", "--rig-seeds", "5", "-v")
    outcome.assert_outcomes(passed=2)
    outcome.stdout.fnmatch_lines(["*seeds 0 to 3 passed"])


def test_every_seed_has_its_turn_from_the_given_one_on_and_fixtures_of_the_module_stay(run):
    outcome = run('''
import pytest
seeds, shared = [], []

@pytest.fixture(scope="module")
def once():
    shared.append(1)
    yield
    assert seeds == [7, 8, 9]

def test_it(rig, once):
    seeds.append(rig.settings.seed)
    assert shared == [1]
''', "--rig-seeds", "3", "--rig-seed", "7")
    outcome.assert_outcomes(passed=1)


def test_a_failure_that_needs_no_rule_says_so(run):
    outcome = run('''
def test_it(rig):
    with rig.fault("cold_start", optional=True):
        assert rig.settings.seed < 2
''', "--rig-seeds", "5")
    outcome.assert_outcomes(failed=1)
    assert told(outcome) == (
        "seeds 0 to 1 passed, seed 2 is the first that fails; it fails without any of the rules cold_start"
    )


def test_rules_that_are_only_together_a_failure_are_both_needed(run):
    outcome = run('''
def test_it(rig):
    labels = {}
    for name in "abcd":
        with rig.fault("cold_start", label=name, optional=True) as armed:
            labels[name] = armed.muted
    assert labels["b"] or labels["d"]
''', "--rig-seeds", "2")
    outcome.assert_outcomes(failed=1)
    assert told(outcome) == "seed 0, the first, fails; of the rules a, b, c, d it needs b, d"


def test_a_test_that_is_not_the_same_every_time_is_told(run):
    outcome = run('''
runs = []

def test_it(rig):
    runs.append(1)
    assert len(runs) != 2
''', "--rig-seeds", "5")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["seed 1 failed once and not again: the test is not the same every time"])


def test_a_scenario_file_is_swept_too(run, pytester):
    pytester.makefile(".yaml", flaky="""
scenario: flaky
functions: {crm: {folder: code, handler: handler.handler}}
faults:
  - fault: aws_error
    name: rare
    with: {code: AccessDeniedException}
    match: {origin: client, operation: Invoke}
    when: {probability: 0.2}
    optional: true
  - {fault: cold_start, name: slow, with: {delay_ms: 5}}
steps:
  - invoke: {function: crm}
""")
    outcome = run("", "flaky.yaml", "--rig-seeds", "40")
    outcome.assert_outcomes(failed=1)
    assert told(outcome).endswith("of the rules rare, slow it needs rare")


@pytest.mark.parametrize("options", [("--rig-seeds", "-1"), ("--rig-seeds", "5", "--rig-keep")])
def test_what_cannot_be_is_refused(run, options):
    assert run("def test_it(rig):\n    pass\n", *options).ret == pytest.ExitCode.USAGE_ERROR


def test_every_rig_of_a_sweep_is_gone(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run("def test_it(rig):\n    assert rig.settings.seed < 3\n", "--rig-seeds", "5").assert_outcomes(failed=1)
    assert list(tmp_path.glob("lambdarig-*")) == []


def test_a_slow_sweep_says_how_far_it_is_without_being_asked(run):
    slow = "from emulator.pytest_plugin import sweeping\nsweeping.SILENT_S = 0\n\ndef test_it(rig):\n    pass\n"
    run(slow, "--rig-seeds", "4").stdout.fnmatch_lines(["  seeds 0 to 0 passed", "  seeds 0 to 2 passed"])
    quiet = run("def test_it(rig):\n    pass\n", "--rig-seeds", "4")
    assert not any("seeds 0 to" in line for line in quiet.outlines)
