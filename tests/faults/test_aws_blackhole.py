import pytest
from botocore.exceptions import ConnectionClosedError
from calling import calling

from emulator.clock import Clock


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


def test_it_hangs_and_then_the_connection_ends_without_an_answer(inline_rig, calls):
    with inline_rig.fault("aws_blackhole", seconds=0.1) as armed:
        begin = Clock().monotonic()
        assert calls("secretsmanager", "create_secret", Name="db", SecretString="x") == ["ConnectionClosedError"]
        assert Clock().monotonic() - begin >= 0.1
    assert armed.strikes == 1
    (struck,) = inline_rig.timeline.strikes("aws_blackhole")
    assert (struck.subject, struck.outcome) == ("crm/inv-1/secretsmanager.CreateSecret#1", "no answer")
    assert calls("secretsmanager", "get_secret_value", SecretId="db")[0][0] == "ResourceNotFoundException"


def test_a_client_with_less_patience_gives_up_and_the_strike_is_known_at_once(inline_rig, calls):
    with inline_rig.fault("aws_blackhole") as armed:
        assert calls("sqs", "list_queues", read_timeout=0.1) == ["ReadTimeoutError"]
        assert armed.strikes == 1


def test_a_function_that_waits_runs_into_its_own_timeout_and_the_rule_leaves_nothing(inline_rig, write_handler):
    calls = calling(inline_rig, write_handler)
    client = inline_rig.client("lambda")
    client.update_function_configuration(FunctionName="crm", Timeout=1)
    with inline_rig.fault("aws_blackhole"), pytest.raises(AssertionError, match=r"Task timed out after 1\.00 seconds"):
        calls("sqs", "list_queues", read_timeout=60)
    inline_rig.settle()
    assert len(inline_rig.timeline.strikes()) == 1
    client.update_function_configuration(FunctionName="crm", Timeout=20)
    assert calls("sqs", "list_queues") == ["ok"]


def test_an_sdk_that_retries_gets_over_it_and_others_are_not_struck(inline_rig, calls):
    with inline_rig.fault("aws_blackhole", seconds=0.01, match={"service": "sqs"}, when={"times": 1}) as armed:
        assert calls("secretsmanager", "list_secrets") == ["ok"]
        assert calls("sqs", "list_queues", attempts=2) == ["ok"]
    assert armed.strikes == 1


def test_clients_in_process_see_what_a_socket_would_show(inline_rig):
    from emulator.aws import internal

    flows = internal.client(inline_rig.endpoint, "secretsmanager", "appflow.amazonaws.com")
    with inline_rig.fault("aws_blackhole", seconds=0.01, match={"origin": "client"}), \
            pytest.raises(ConnectionClosedError):
        flows.list_secrets()


def test_a_handlers_own_boto3_hears_nothing(real_rig, write_handler):
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("aws_blackhole", match={"service": "secretsmanager"}):
        assert calls("secretsmanager", "list_secrets", read_timeout=0.3) == ["ReadTimeoutError"]
        assert calls("sqs", "list_queues") == ["ok"]
    assert calls("secretsmanager", "list_secrets") == ["ok"]
