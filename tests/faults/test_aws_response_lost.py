import pytest
from calling import calling


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


def test_the_write_happened_and_nobody_was_told(inline_rig, calls):
    with inline_rig.fault("aws_response_lost", match={"operation": "CreateSecret"}) as armed:
        assert calls("secretsmanager", "create_secret", Name="db", SecretString="x") == ["ConnectionClosedError"]
    assert armed.strikes == 1
    assert calls("secretsmanager", "get_secret_value", SecretId="db") == ["ok"]
    (struck,) = inline_rig.timeline.strikes("aws_response_lost")
    assert (struck.subject, struck.outcome) == ("crm/inv-1/secretsmanager.CreateSecret#1", "no answer")


def test_an_sdk_that_retries_does_it_twice(inline_rig, calls):
    sqs = inline_rig.client("sqs")
    queue = sqs.create_queue(QueueName="orders")["QueueUrl"]
    with inline_rig.fault("aws_response_lost", when={"times": 1}):
        assert calls("sqs", "send_message", attempts=2, QueueUrl=queue, MessageBody="order 1") == ["ok"]
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in messages] == ["order 1"] * 2


def test_a_client_token_makes_it_one(inline_rig, calls):
    with inline_rig.fault("aws_response_lost", when={"times": 1}):
        assert calls("secretsmanager", "create_secret", attempts=2, Name="db", SecretString="x") == ["ok"]


def test_a_patient_client_waits_for_nothing(inline_rig, calls):
    with inline_rig.fault("aws_response_lost", seconds=60.0):
        found = calls("secretsmanager", "create_secret", read_timeout=0.1, Name="db", SecretString="x")
    assert found == ["ReadTimeoutError"]
    assert calls("secretsmanager", "get_secret_value", SecretId="db") == ["ok"]


def test_every_second_one(inline_rig, calls):
    with inline_rig.fault("aws_response_lost", when={"after": 1, "every": 2}) as armed:
        found = calls("secretsmanager", "list_secrets", times=4)
    assert (found, armed.strikes) == (["ok", "ConnectionClosedError"] * 2, 2)


def test_a_handlers_own_boto3_loses_the_answer_to_what_was_done(real_rig, write_handler):
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("aws_response_lost", when={"times": 1}):
        assert calls("secretsmanager", "create_secret", Name="db", SecretString="x") == ["ConnectionClosedError"]
    assert calls("secretsmanager", "get_secret_value", SecretId="db") == ["ok"]
