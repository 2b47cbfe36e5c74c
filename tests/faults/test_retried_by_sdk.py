import pytest
from botocore.exceptions import ClientError
from calling import calling
from doors import Doors

from emulator.errors import FileProblem
from emulator.fault import parameters
from faults.retried_by_sdk import MESSAGE, RetriedBySdk

COUNTS = "runs = []\ndef handler(event, context):\n    runs.append(context.aws_request_id)\n    return runs\n"
CALLS = '''
import json
import boto3

def handler(event, context):
    return json.load(boto3.Session().client("lambda").invoke(FunctionName="orders")["Payload"])
'''


@pytest.fixture
def doors(inline_rig, write_handler):
    inline_rig.function("orders", write_handler(COUNTS), "handler.handler")
    return Doors(inline_rig)


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(RetriedBySdk).items()}
    assert defaults == {"attempts": 1, "code": "ServiceException", "status": 500}


def test_a_handlers_sdk_has_the_function_run_twice(real_rig, write_handler):
    real_rig.function("orders", write_handler(COUNTS), "handler.handler")
    real_rig.function("till", write_handler(CALLS, "till"), "handler.handler", memory=512, timeout=30)
    with real_rig.fault("retried_by_sdk", match={"function": "till"}) as armed:
        first, second = real_rig.invoke("till").payload
    assert (first != second, armed.strikes) == (True, 1)
    assert Doors(real_rig).ran() == [("orders/inv-1", "ok"), ("orders/inv-2", "ok")]
    calls = [(e.outcome, e.detail) for e in real_rig.timeline.events() if "lambda.Invoke" in e.subject]
    assert calls[:2] == [("ServiceException", ""), ("200", "attempt 2")]


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_every_retry_mode_of_boto3_counts_its_attempts(doors, mode):
    with doors.rig.fault("retried_by_sdk", attempts=2) as armed:
        assert len(doors.sdk(mode)) == 3
    assert armed.strikes == 2


def test_each_call_is_answered_so_and_not_only_the_first(doors):
    with doors.rig.fault("retried_by_sdk"):
        assert [len(doors.sdk()), len(doors.sdk())] == [2, 4]
    assert len(doors.sdk()) == 5


def test_what_a_client_that_does_not_retry_is_told(doors):
    with doors.rig.fault("retried_by_sdk", code="EC2UnexpectedException", status=502), \
            pytest.raises(ClientError) as told:
        doors.rig.invoke("orders")
    said = told.value.response
    assert (said["Error"]["Code"], said["Error"]["Message"]) == ("EC2UnexpectedException", MESSAGE)
    assert said["ResponseMetadata"]["HTTPStatusCode"] == 502
    assert len(doors.rig.invoke("orders").payload) == 2


def test_an_event_that_was_queued_runs_all_the_same(doors):
    with doors.rig.fault("retried_by_sdk"), pytest.raises(ClientError):
        doors.send()
    doors.rig.settle()
    assert doors.ran() == [("orders/inv-1", "ok")]


def test_a_call_of_another_service_is_done_twice(inline_rig, write_handler):
    calls = calling(inline_rig, write_handler)
    queue = inline_rig.client("sqs").create_queue(QueueName="orders")["QueueUrl"]
    with inline_rig.fault("retried_by_sdk", match={"service": "sqs", "operation": "SendMessage"}, status=503):
        assert calls("sqs", "send_message", attempts=2, QueueUrl=queue, MessageBody="one") == ["ok"]
    assert len(inline_rig.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=9)["Messages"]) == 2


def test_what_was_refused_anyway_keeps_its_own_answer(doors):
    with doors.rig.fault("retried_by_sdk", optional=True) as armed, pytest.raises(ClientError, match="not found"):
        doors.aws("lambda").invoke(FunctionName="none")
    assert armed.strikes == 0


@pytest.mark.parametrize(("wrong", "problem"), [
    ({"status": 429}, "must be 500 to 599"),
    ({"code": "a b"}, "is no name of an error"),
    ({"attempts": 0}, "1 or more"),
])  # fmt: skip
def test_what_no_sdk_would_retry_is_refused(doors, wrong, problem):
    with pytest.raises(FileProblem, match=problem), doors.rig.fault("retried_by_sdk", **wrong):
        pass
