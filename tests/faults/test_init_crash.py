import re

import pytest

from emulator.fault import parameters
from faults.init_crash import InitCrash

HANDLER = "def handler(event, context):\n    return 'done'\n"
REPORTS = re.compile(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: (\w+)\tStatus: error\tError Type: ([\w.]+)\n")


@pytest.fixture
def crm(real_rig, write_handler):
    real_rig.function("crm", write_handler(HANDLER), "handler.handler", memory=512, timeout=20)
    return real_rig


@pytest.fixture
def inline(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=20)
    return inline_rig


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(InitCrash).items()}
    assert defaults == {"how": "exit", "exit_status": 1}


@pytest.mark.parametrize("status", [-1, 256])
def test_a_status_that_no_process_can_end_with_is_refused(status):
    with pytest.raises(ValueError, match="exit_status"):
        InitCrash(exit_status=status)


def test_a_status_goes_with_exit():
    with pytest.raises(ValueError, match="exit_status: a runtime that cannot import"):
        InitCrash(how="import", exit_status=3)


def test_the_runtime_ends_in_init_and_again_inside_the_invocation(crm):
    with crm.fault("init_crash", exit_status=3) as armed:
        failed = crm.invoke("crm")
    assert (failed.error, failed.payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert re.fullmatch(r"RequestId: [\w-]{36} Error: Runtime exited with error: exit status 3",
                        failed.payload["errorMessage"])
    assert REPORTS.findall(failed.log) == [("init", "Runtime.ExitError"), ("invoke", "Runtime.ExitError")]
    assert "Error: Runtime exited with error: exit status 3\nRuntime.ExitError\nEND RequestId: " in failed.log
    assert failed.log.rstrip().endswith("Status: error\tError Type: Runtime.ExitError")
    assert armed.strikes == 2
    assert crm.invoke("crm").payload == "done"


def test_awss_own_client_cannot_import_the_handler(crm):
    with crm.fault("init_crash", how="import") as armed:
        failed = crm.invoke("crm")
    text = "Unable to import module 'missing_handler': No module named 'missing_handler'"
    assert (failed.payload["errorType"], failed.payload["errorMessage"]) == ("Runtime.ImportModuleError", text)
    assert REPORTS.findall(failed.log) == [(phase, "Runtime.ImportModuleError") for phase in ("init", "invoke")]
    assert f"[ERROR] Runtime.ImportModuleError: {text}" in failed.log
    assert armed.strikes == 2
    assert crm.invoke("crm").payload == "done"


def test_once_only_the_repeated_init_recovers(crm):
    with crm.fault("init_crash", when={"times": 1}):
        result = crm.invoke("crm")
    assert (result.payload, REPORTS.findall(result.log)) == ("done", [("init", "Runtime.ExitError")])


@pytest.mark.parametrize(
    ("how", "error_type"), [("exit", "Runtime.ExitError"), ("import", "Runtime.ImportModuleError")]
)
def test_inline_does_both_too(inline, how, error_type):
    with inline.fault("init_crash", how=how) as armed:
        failed = inline.invoke("crm")
    assert failed.payload["errorType"] == error_type
    assert [kind for _, kind in REPORTS.findall(failed.log)] == [error_type] * 2
    assert [event.outcome for event in inline.timeline.strikes("init_crash")] == [
        "init_exit" if how == "exit" else "init_error"] * 2
    assert armed.strikes == 2
    assert inline.invoke("crm").ok


def test_status_0_gives_no_reason(inline):
    with inline.fault("init_crash", exit_status=0):
        assert inline.invoke("crm").payload["errorMessage"].endswith("Error: Runtime exited without providing a reason")


def test_another_function_and_a_warm_environment_are_not_struck(inline):
    with inline.fault("init_crash", match={"function": "erp"}, optional=True):
        assert inline.invoke("crm").ok
    with inline.fault("init_crash", optional=True) as armed:
        assert inline.invoke("crm").ok
    assert armed.strikes == 0


def test_environments_initialised_ahead_fail_too(inline):
    api = inline.client("lambda")
    version = {"FunctionName": "crm", "Qualifier": api.publish_version(FunctionName="crm")["Version"]}
    with inline.fault("init_crash"):
        api.put_provisioned_concurrency_config(**version, ProvisionedConcurrentExecutions=1)
        answer = api.get_provisioned_concurrency_config(**version)
    assert (answer["Status"], answer["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
