import pytest
from lambda_fixtures import until

from emulator.aws.internal import client
from emulator.fault import parameters
from faults.invocation_error import InvocationError

HANDLER = "runs = []\ndef handler(event, context):\n    runs.append(1)\n    print('ran')\n    return len(runs)\n"
INJECTED = {"errorMessage": "The invocation was made to fail", "errorType": "InjectedError"}


@pytest.fixture
def rig(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(HANDLER), "handler.handler")
    return inline_rig


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(InvocationError).items()}
    assert defaults == {"prevent_execution": False, "error_type": "InjectedError",
                        "message": "The invocation was made to fail"}


@pytest.mark.parametrize(("prevent", "runs"), [(False, 2), (True, 1)])
def test_it_fails_whether_or_not_the_handler_ran(real_rig, write_handler, prevent, runs):
    real_rig.function("crm", write_handler(HANDLER), "handler.handler")
    with real_rig.fault("invocation_error", prevent_execution=prevent):
        failed = real_rig.invoke("crm")
    assert (failed.error, failed.payload) == ("Unhandled", INJECTED)
    assert ("ran" in failed.log, "REPORT RequestId" in failed.log) == (not prevent, True)
    after = real_rig.invoke("crm")
    assert (after.payload, "Init Duration" in after.log) == (runs, False), "the same environment goes on"


def test_the_error_can_be_any(rig):
    with rig.fault("invocation_error", error_type="KeyError", message="'id'"):
        assert rig.invoke("crm").payload == {"errorMessage": "'id'", "errorType": "KeyError"}


def test_a_timeout_stays_one(inline_rig, write_handler):
    source = "import time\ndef handler(event, context):\n    time.sleep(30)\n"
    inline_rig.function("crm", write_handler(source), "handler.handler", timeout=1)
    with inline_rig.fault("invocation_error", optional=True) as armed:
        result = inline_rig.invoke("crm")
    assert result.payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert armed.strikes == 0


def test_an_asynchronous_event_is_tried_again(rig):
    with rig.fault("invocation_error", prevent_execution=True, when={"times": 1}):
        client(rig.endpoint, "lambda").invoke(FunctionName="crm", InvocationType="Event", Payload="{}")
        until(rig.timeline, "retry_waits")
        rig.clock.advance(60)
        until(rig.timeline, "Success")
    assert rig.invoke("crm").payload == 2


def test_the_second_of_two_and_no_other(rig):
    with rig.fault("invocation_error", when={"after": 1, "times": 1}):
        assert [rig.invoke("crm").error for _ in range(3)] == ["", "Unhandled", ""]


def test_only_the_alias_it_is_aimed_at_fails(rig):
    api = client(rig.endpoint, "lambda")
    version = api.publish_version(FunctionName="crm")["Version"]
    arn = api.create_alias(FunctionName="crm", Name="live", FunctionVersion=version)["AliasArn"]
    with rig.fault("invocation_error", match={"resource": arn}):
        errors = [api.invoke(FunctionName=name).get("FunctionError") for name in ("crm", "crm:live", f"crm:{version}")]
    assert errors == [None, "Unhandled", None]


def test_the_same_seed_strikes_the_same_ones(rig):
    def struck():
        with rig.fault("invocation_error", when={"probability": 0.5}, optional=True):
            return [rig.invoke("crm").error for _ in range(12)]

    first = struck()
    assert 0 < first.count("Unhandled") < 12
    rig.registry.invocations.clear()
    assert struck() == first
