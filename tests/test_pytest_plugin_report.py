"""What a failing test prints, and which engine and seed a run has."""

import re

pytest_plugins = ["plugin_run"]  # fixture: run


def test_what_struck_which_call_of_which_invocation_and_each_log_is_printed(run, pytester):
    pytester.path.joinpath("code", "asking.py").write_text('''
import boto3

def handler(event, context):
    print("asking", event, "x" * 600)
    boto3.client("secretsmanager").get_secret_value(SecretId="s")
''')
    outcome = run('''
def test_it(rig):
    rig.function("asking", "code", "asking.handler", timeout=20, memory=512)
    rig.client("secretsmanager").create_secret(Name="s", SecretString="x")
    rig.invoke("asking", "first")
    with rig.fault("aws_denied", match={"operation": "GetSecretValue"}, label="no way"):
        rig.invoke("asking", "second")
    assert False
''', "--rig-seed", "4")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines([
        "*- lambdarig -*",
        "no way struck secretsmanager.GetSecretValue#1 of asking/inv-2: AccessDeniedException*",
        "--- log of asking/inv-1", "INIT_START *",
        "START RequestId: *", "asking first xx*... (* characters are left out)",
        "END RequestId: *", "REPORT RequestId: *",
        "--- log of asking/inv-2", "START RequestId: *", "asking second x*",
        "*no identity-based policy allows the secretsmanager:GetSecretValue action", "REPORT *",
        "seed 4",
        "replay it: pytest *::test_it --rig-engine inline --rig-seed 4",
    ])


def test_a_mistake_and_a_rule_that_never_struck_are_told_at_the_line_of_the_test(run):
    outcome = run('''
def test_typo(rig):
    with rig.fault("cold_strat"):
        pass

def test_never(crm, rig):
    with rig.fault("cold_start"):
        pass

def test_folder(rig):
    rig.function("crm", "no such folder", "handler.handler")
''')
    outcome.assert_outcomes(failed=3)
    outcome.stdout.fnmatch_lines([
        ">*with rig.fault(\"cold_strat\"):", "E *: did you mean 'cold_start'[?]", "test_*py:*: FileProblem",
        ">*with rig.fault(\"cold_start\"):", "E *never struck: nothing passed that it changes", "test_*py:*: Verdict",
        ">*rig.function(\"crm\", \"no such folder\", *", "E *no such folder*", "test_*py:*Problem",
    ])
    assert "contextlib" not in outcome.stdout.str()
    assert "emulator/" not in outcome.stdout.str()


def test_the_line_that_replays_it_works_where_pytest_was_started(run, pytester, monkeypatch):
    pytester.makeini("[pytest]")
    pytester.mkdir("sub").joinpath("test_sub.py").write_text("def test_sub(rig):\n    assert 0\n")
    monkeypatch.chdir(pytester.path / "sub")
    outcome = pytester.runpytest_subprocess("--rig-engine", "inline")
    outcome.stdout.fnmatch_lines(["replay it: pytest test_sub.py::test_sub *"])


def test_long_logs_and_many_invocations_are_shortened_and_say_so(run, pytester):
    pytester.path.joinpath("code", "chatty.py").write_text(
        "def handler(event, context):\n    for n in range(50):\n        print(f'line {event}.{n}')\n"
    )
    outcome = run('''
def test_it(rig):
    rig.function("chatty", "code", "chatty.handler")
    for number in range(12):
        rig.invoke("chatty", number)
    assert False
''')
    outcome.stdout.fnmatch_lines([
        "(the logs of 2 earlier invocations are left out)", "--- log of chatty/inv-3: the last 30 of 53 lines",
        "line 2.49", "--- log of chatty/inv-12: the last 30 of 53 lines",
    ])
    printed = [line for line in outcome.outlines if re.fullmatch(r"line \d+\.\d+", line)]
    assert len(printed) == 280  # 28 and END and REPORT, ten times
    assert "line 2.21" not in printed


def test_rigs_of_the_session_tell_what_happened_to_them_in_this_test(run):
    outcome = run('''
@pytest.fixture(scope="session")
def ours(make_rig):
    ours = make_rig()
    ours.function("crm", "code", "handler.handler")
    return ours

def test_before(ours):
    with ours.fault("cold_start"):
        ours.invoke("crm", "before")

def test_it(ours):
    with ours.fault("aws_error", match={"origin": "client"}):
        with pytest.raises(Exception, match="InternalFailure"):
            ours.client("sqs").list_queues()
    ours.invoke("crm", "now")
    assert False
''')
    outcome.assert_outcomes(passed=1, failed=1)
    outcome.stdout.fnmatch_lines([
        "*- lambdarig, rig 1 of make_rig -*", "aws_error struck aws_call of client/sqs.ListQueues#1: *",
        "--- log of crm/inv-2",
    ])
    outcome.stdout.no_fnmatch_line("cold_start struck*")
    outcome.stdout.no_fnmatch_line("--- log of crm/inv-1")


def test_an_invocation_that_never_ran_is_told(run):
    outcome = run('''
def test_it(crm, rig):
    rig.client("lambda").put_function_concurrency(FunctionName="crm", ReservedConcurrentExecutions=0)
    with pytest.raises(Exception, match="Rate Exceeded"):
        rig.invoke("crm")
    assert False
''')
    outcome.stdout.fnmatch_lines(["--- crm/inv-1 logged nothing"])


def test_the_engine_and_the_seed_may_come_from_the_ini_file_and_options_win(run, pytester, monkeypatch):
    pytester.makeini("[pytest]\nrig_engine = process\nrig_seed = 3\n")
    tests = """
from emulator.pytest_plugin import choices
def test_it(request):
    print(choices.settings(request.config))
"""
    chosen = []
    for options, variable in (((), ""), ((), "docker"), (("--rig-engine", "inline", "--rig-seed", "8"), "docker")):
        if variable:
            monkeypatch.setenv("LAMBDARIG_ENGINE", variable)
        text = run(tests, "-s", *options, engine="").stdout.str()
        chosen.append(re.search(r"engine='(\w+)'.*seed=(\d+)", text).groups())
    assert chosen == [("process", "3"), ("docker", "3"), ("inline", "8")]


def test_a_wrong_ini_value_ends_the_run_before_it_begins(run, pytester):
    for ini, said in (("rig_seed = x", "rig_seed: must be a whole number, not 'x'"),
                      ("rig_engine = dokcer", "rig_engine: unknown engine 'dokcer': choose one of *")):
        pytester.makeini(f"[pytest]\n{ini}\n")
        outcome = run("def test_it():\n    pass\n", engine="")
        outcome.stderr.fnmatch_lines([f"ERROR: {said}"])
        assert "Traceback" not in outcome.stderr.str()
