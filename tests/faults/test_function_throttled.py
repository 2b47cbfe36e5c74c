from typing import get_args

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from doors import Doors

from emulator.errors import FileProblem
from emulator.fault import parameters
from faults.function_throttled import FunctionThrottled, Reason

COUNTS = "runs = []\ndef handler(event, context):\n    runs.append(1)\n    return {'body': str(len(runs))}\n"
DEFAULT = "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.fixture
def doors(inline_rig, write_handler):
    inline_rig.function("orders", write_handler(COUNTS), "handler.handler")
    return Doors(inline_rig)


def refused(doors):
    """What an SDK that does not retry is told."""
    with pytest.raises(ClientError) as told:
        doors.aws("lambda").invoke(FunctionName=doors.name)
    return told.value.response


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(FunctionThrottled).items()} == {"reason": DEFAULT}


def test_its_reasons_are_all_of_awss():
    assert list(get_args(Reason)) == Session().get_service_model("lambda").shape_for("ThrottleReason").enum


def test_it_does_not_run_and_an_sdk_tries_again(real_rig, write_handler):
    real_rig.function("orders", write_handler(COUNTS), "handler.handler")
    doors = Doors(real_rig)
    with real_rig.fault("function_throttled", when={"times": 1}):
        assert doors.sdk() == {"body": "1"}
    assert doors.ran() == [("orders/inv-1", "throttled"), ("orders/inv-2", "ok")]
    with real_rig.fault("function_throttled"):
        assert refused(doors)["Error"]["Code"] == "TooManyRequestsException"


@pytest.mark.parametrize("reason", get_args(Reason))
def test_what_invoke_says(doors, reason):
    with doors.rig.fault("function_throttled", reason=reason):
        said = refused(doors)
    assert said["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    assert (said["ResponseMetadata"]["HTTPStatusCode"], said["Reason"], said["Type"]) == (429, reason, "User")


def test_an_event_waits_and_comes_later(doors):
    with doors.rig.fault("function_throttled", when={"times": 2}):
        doors.send()
        doors.later(1)
        assert doors.ran() == [("orders/inv-1", "throttled")] * 2
        doors.later(1)
        assert len(doors.ran()) == 2, "the second pause is longer"
        doors.later(1)
    assert doors.ran()[-1] == ("orders/inv-1", "ok")


def test_what_api_gateway_and_appflow_make_of_it(doors):
    with doors.rig.fault("function_throttled"):
        assert doors.get() == (500, '{"message": "Internal server error"}')
        assert doors.connect() == (
            "ConnectorServerException", "Error while communicating to connector: Rate Exceeded.",
        )  # fmt: skip
    assert doors.logged()[0].startswith("Lambda invocation failed with status: 429. Lambda request id: ")
    assert doors.get() == (200, "1")


def test_of_one_function_alone(doors, write_handler):
    doors.rig.function("other", write_handler(COUNTS, "other"), "handler.handler")
    with doors.rig.fault("function_throttled", match={"function": "orders"}):
        assert doors.rig.invoke("other").payload == {"body": "1"}
        assert refused(doors)


def test_a_reason_that_aws_does_not_have_is_refused(doors):
    with pytest.raises(FileProblem, match=r"reason.*CallerRateLimitExceeded"), \
            doors.rig.fault("function_throttled", reason="TooMany"):
        pass
