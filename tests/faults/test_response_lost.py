import json

import pytest
from botocore.exceptions import ConnectionClosedError
from contact_flows import NO_ANSWER, Contacts
from doors import Doors

from emulator.fault import parameters
from emulator.files import AwsStep
from emulator.steps import Steps
from faults.response_lost import ResponseLost

COUNTS = "runs = []\ndef handler(event, context):\n    runs.append(1)\n    return {'body': str(len(runs))}\n"
CALLS = '''
import json
import boto3

def handler(event, context):
    return json.load(boto3.Session().client("lambda").invoke(FunctionName="orders")["Payload"])
'''
UNREACHED = '{"message": "Network error communicating with endpoint"}'
NO_VALID = "Got error from connector. No valid response and error details found in the connector response."


@pytest.fixture
def doors(inline_rig, write_handler):
    inline_rig.function("orders", write_handler(COUNTS), "handler.handler")
    return Doors(inline_rig)


def test_it_has_no_parameters():
    assert parameters(ResponseLost) == {}


def test_a_handlers_sdk_invokes_again(real_rig, write_handler):
    real_rig.function("orders", write_handler(COUNTS), "handler.handler")
    real_rig.function("till", write_handler(CALLS, "till"), "handler.handler", memory=512, timeout=30)
    with real_rig.fault("response_lost", match={"function": "orders"}, when={"times": 1}) as armed:
        assert real_rig.invoke("till").payload == {"body": "2"}
    assert armed.strikes == 1
    assert Doors(real_rig).ran() == [("orders/inv-1", "lost"), ("orders/inv-2", "ok")]
    calls = [(e.subject, e.outcome, e.detail) for e in real_rig.timeline.events() if e.subject.startswith("till/inv")]
    assert calls[:2] == [
        ("till/inv-1/lambda.Invoke#1", "no answer", ""), ("till/inv-1/lambda.Invoke#2", "200", "attempt 2"),
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_every_retry_mode_of_boto3_invokes_again(doors, mode):
    with doors.rig.fault("response_lost", when={"times": 1}):
        assert doors.sdk(mode) == {"body": "2"}


def test_without_retries_the_connection_was_closed(doors):
    with doors.rig.fault("response_lost"), pytest.raises(ConnectionClosedError):
        doors.rig.invoke("orders")
    assert doors.rig.invoke("orders").payload == {"body": "2"}


def test_a_scenarios_step_says_so(doors, tmp_path):
    step = AwsStep.model_validate({"service": "lambda", "operation": "invoke", "with": {"FunctionName": "orders"}})
    with doors.rig.fault("response_lost"):
        assert Steps(doors.rig.rig, tmp_path, {}).aws(step)["error"]["code"] == "ConnectionClosedError"


def test_api_gateway_answers_504_and_never_retries(doors):
    assert doors.get() == (200, "1")
    with doors.rig.fault("response_lost", match={"origin": "apigateway"}):
        assert doors.get() == (504, UNREACHED)
    assert doors.logged() == [
        "Execution failed due to a network error communicating with endpoint", "Method completed with status: 504",
    ]  # fmt: skip
    assert doors.get() == (200, "3")


def test_appflow_finds_no_valid_response(doors):
    with doors.rig.fault("response_lost", match={"origin": "appflow"}):
        assert doors.connect() == ("ConnectorServerException", f"Error while communicating to connector: {NO_VALID}")


def test_a_flow_whose_batch_is_written_does_not_know_it_and_ends_in_error(real_rig):
    contacts = Contacts(real_rig).writing()
    with real_rig.fault("response_lost", match={"origin": "appflow"}) as armed:
        status, _, failed, message = contacts.run()
    assert (status, failed, message.startswith(NO_ANSWER), armed.strikes) == ("Error", 0, True, 1)
    assert contacts.written() == ["Person 1", "Person 2", "Person 3"]
    assert contacts.run() == ("Successful", 3, 0, "")
    assert contacts.written() == [f"Person {number}" for number in (1, 1, 2, 2, 3, 3)], "run again: there twice"


def test_a_flow_whose_page_gets_lost_ends_in_error_behind_the_pages_before(inline_rig):
    contacts = Contacts(inline_rig).reading()
    with inline_rig.fault("response_lost", match={"origin": "appflow"}, when={"after": 1}):
        status, records, _, message = contacts.run()
    assert (status, records, message.startswith(NO_ANSWER)) == ("Error", 2, True)
    assert contacts.ids() == ["c1", "c2"]


def test_an_event_is_tried_again_and_its_failure_told(doors):
    queue = doors.aws("sqs").create_queue(QueueName="failed")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:failed"
    doors.aws("lambda").put_function_event_invoke_config(
        FunctionName="orders", DestinationConfig={"OnFailure": {"Destination": arn}},
    )  # fmt: skip
    with doors.rig.fault("response_lost"):
        doors.send()
        doors.later(60)
        doors.later(120)
    assert doors.ran() == [("orders/inv-1", "lost")] * 3
    (message,) = doors.aws("sqs").receive_message(QueueUrl=queue)["Messages"]
    record = json.loads(message["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert "responseContext" not in record


def test_what_was_throttled_has_no_answer_to_lose(doors):
    with doors.rig.fault("response_lost", optional=True) as armed, doors.rig.fault("function_throttled"):
        assert doors.get() == (500, '{"message": "Internal server error"}')
    assert armed.strikes == 0
