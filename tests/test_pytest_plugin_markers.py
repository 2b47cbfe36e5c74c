"""Markers `fault` and `scenario`, and the fixtures `clock` and `make_rig`."""

import pytest

pytest_plugins = ["plugin_run"]  # fixture: run

SCENARIO = """
scenario: orders
functions: {orders: {folder: code, handler: handler.handler, environment: {WORD: built}}}
secrets: {s: {user: ada}}
apis: {shop: {stage: dev, routes: {"GET /x": orders}}}
faults: [{fault: cold_start, with: {delay_ms: 2000}}]
steps: [{invoke: {function: orders}, expect: {payload.word: nobody runs this}}]
"""


def test_a_marked_fault_strikes_the_test_and_not_its_fixtures(run):
    run('''
@pytest.fixture
def warmed(crm, rig):
    rig.invoke("crm", 0)
    yield
    assert rig.injector.armed() == ()

@pytest.mark.fault("cold_start", delay_ms=8000)
@pytest.mark.fault("aws_denied", label="no-secrets", optional=True, match={"service": "secretsmanager"})
def test_it(warmed, rig):
    assert [armed.rule.label for armed in rig.injector.armed()] == ["cold_start", "no-secrets"]
    assert rig.timeline.strikes() == []
    rig.pool.reset()
    rig.invoke("crm")
    assert [event.rule for event in rig.timeline.strikes()] == ["cold_start"]
''').assert_outcomes(passed=1)


def test_markers_of_a_module_and_a_class_are_armed_first(run):
    run('''
pytestmark = pytest.mark.fault("aws_latency", label="of module", optional=True)

@pytest.mark.fault("aws_latency", label="of class", optional=True)
class TestIt:
    @pytest.mark.fault("aws_latency", label="of test", optional=True)
    def test_it(self, rig):
        assert [armed.rule.label for armed in rig.injector.armed()] == ["of module", "of class", "of test"]
''').assert_outcomes(passed=1)


def test_a_marked_fault_that_never_struck_fails_the_test_by_name(run):
    outcome = run('@pytest.mark.fault("cold_start", label="slow start")\ndef test_it(rig):\n    pass\n')
    outcome.assert_outcomes(failed=1)
    why = "nothing passed that it changes"
    outcome.stdout.fnmatch_lines(["rules that never struck: slow start", f"  slow start: {why}", "no rule struck"])


def test_a_marked_fault_that_is_muted_need_not_strike(run):
    outcome = run('@pytest.mark.fault("cold_start")\ndef test_it(rig):\n    pass\n', "--rig-without", "cold_start")
    outcome.assert_outcomes(passed=1)


def test_a_marked_fault_of_a_test_that_fails_is_healed_and_its_own_failure_is_told(run):
    outcome = run('''
@pytest.mark.fault("cold_start")
def test_one(rig):
    assert 1 == 2

def test_two(rig):
    assert rig.injector.armed() == ()
''')
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines(["*assert 1 == 2*"])
    outcome.stdout.no_fnmatch_line("*never struck*")


MISTAKES = {
    'fault("cold_strat")': "*marker fault('cold_strat'): fault: unknown fault 'cold_strat' (choose from: *aws_denied*",
    'fault("cold_start", delay=1)': "*with.delay: unknown key (choose from: delay_ms*",
    'fault("cold_start", when={"time": 1})': "*when.time: unknown key (choose from: *times*",
    'fault("cold_start", match={"func": "f"})': "*match.func: unknown key (choose from: *function*",
    'fault("cold_start", label="a/b")': "*name: must be letters*",
    "fault()": "*marker fault: takes the fault's name, and the rest by keyword, not ()*",
    'fault("aws_denied", "crm")': "*marker fault: takes the fault's name*",
    'scenario("nowhere.yaml")': "*nowhere.yaml*no such file*",
    "scenario()": "*marker scenario: takes one path*",
}


@pytest.mark.parametrize("workers", [(), ("-n", "1")], ids=["alone", "xdist"])
def test_a_mistake_in_a_marker_is_told_before_anything_runs(run, workers):
    wrong = [f"@pytest.mark.{marker}\ndef test_{n}(rig):\n    pass\n" for n, marker in enumerate(MISTAKES)]
    outcome = run("def test_before():\n    pass\n" + "".join(wrong), *workers)
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(list(MISTAKES.values()))
    assert "Traceback" not in outcome.stdout.str()


def test_two_marked_faults_need_names_of_their_own(run):
    outcome = run('''
@pytest.mark.fault("aws_denied", match={"service": "s3"})
@pytest.mark.fault("aws_denied")
def test_it(rig):
    pass
''')
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*a rule named 'aws_denied' is armed already*"])


def test_a_marked_test_without_a_rig_is_told_so(run):
    outcome = run('@pytest.mark.fault("cold_start")\ndef test_it():\n    pass\n')
    outcome.assert_outcomes(errors=1)
    outcome.stdout.fnmatch_lines(["*::test_it: the markers `fault` and `scenario` need the fixture `rig`"])


def test_the_markers_are_registered(run, pytester):
    run('@pytest.mark.fault("cold_start", optional=True)\ndef test_it(rig):\n    pass\n', "--strict-markers")
    lines = pytester.runpytest_subprocess("--markers").outlines
    assert [line for line in lines if line.startswith("@pytest.mark.fault(name")]
    assert [line for line in lines if line.startswith("@pytest.mark.scenario(path)")]


def test_a_scenario_is_built_and_armed_and_its_steps_do_not_run(run, pytester):
    pytester.path.joinpath("orders.yaml").write_text(SCENARIO)
    run('''
@pytest.mark.scenario("orders.yaml")
def test_it(rig):
    assert rig.timeline.strikes() == []
    assert rig.client("lambda").list_functions()["Functions"][0]["FunctionName"] == "orders"
    assert rig.invoke("orders").payload["word"] == "built"
    assert [event.rule for event in rig.timeline.strikes()] == ["cold_start"]
    assert rig.made["secrets"]["s"]["arn"].startswith("arn:aws:secretsmanager:")
    assert "shop" in rig.made["apis"]

def test_after(rig):
    assert rig.made == {}
    assert rig.client("lambda").list_functions()["Functions"] == []
''').assert_outcomes(passed=2)


def test_a_scenarios_settings_are_those_of_its_test(run, pytester):
    changed = SCENARIO.replace("scenario: orders", "scenario: orders\niam: strict\nseed: 5\nengine: inline")
    pytester.path.joinpath("orders.yaml").write_text(changed)
    run('''
@pytest.mark.scenario("orders.yaml")
def test_it(rig):
    assert (rig.settings.iam, rig.settings.seed, rig.engine.name) == ("strict", 5, "inline")
    rig.invoke("orders")

def test_other(rig):
    assert (rig.settings.iam, rig.settings.seed) == ("enforce", 0)
''').assert_outcomes(passed=2)


def test_what_aws_refuses_of_a_scenario_fails_the_test(run, pytester):
    pytester.path.joinpath("orders.yaml").write_text(SCENARIO.replace("{s: {user: ada}}", "{'a b': x}"))
    outcome = run('@pytest.mark.scenario("orders.yaml")\ndef test_it(rig):\n    pass\ndef test_two(rig):\n    pass\n')
    outcome.assert_outcomes(errors=1, passed=1)
    outcome.stdout.fnmatch_lines(["*FileProblem: *orders.yaml: secrets.a b: *"])


def test_the_clock_stands_still_and_is_new_in_every_test(run):
    run('''
@pytest.mark.parametrize("number", range(2))
def test_it(clock, rig, number):
    assert clock is rig.rig.clock
    assert clock.now() == 0
    clock.advance(3600)
    assert clock.now() == 3600
''').assert_outcomes(passed=2)


def test_further_rigs_share_nothing_and_end_with_the_session(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    run('''
@pytest.fixture(scope="session")
def strict(make_rig):
    return make_rig(iam="strict", idle_s=60, manual_clock=False, seed=9)

@pytest.mark.parametrize("number", range(2))
def test_it(crm, rig, strict, number):
    assert (strict.settings.iam, strict.settings.seed, strict.settings.engine) == ("strict", 9, "inline")
    assert strict.client("lambda").list_functions()["Functions"] == []
    assert rig.invoke("crm").ok
    assert strict.clock.now() > 0

def test_unknown(make_rig):
    from emulator.errors import UsageError
    with pytest.raises(UsageError, match="unknown setting 'iam_mode': choose one of account, account_limit"):
        make_rig(iam_mode="strict")
''').assert_outcomes(passed=3)
    assert list(tmp_path.glob("lambdarig-*")) == []
