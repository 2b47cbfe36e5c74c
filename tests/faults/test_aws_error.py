import pytest
from calling import calling

from emulator.errors import FileProblem


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


@pytest.mark.parametrize(("service", "call", "code", "seen", "status"), [
    ("dynamodb", "list_tables", "InternalFailure", "InternalFailure", 500),
    ("dynamodb", "list_tables", "RequestLimitExceeded", "RequestLimitExceeded", 400),
    ("lambda", "list_functions", "ResourceNotFoundException", "ResourceNotFoundException", 404),
    ("sts", "get_caller_identity", "ServiceUnavailable", "ServiceUnavailable", 503),
    ("s3", "list_buckets", "InternalFailure", "InternalError", 500),
    ("ec2", "describe_regions", "InternalFailure", "InternalFailure", 500),
])  # fmt: skip
def test_it_is_in_the_services_own_protocol(inline_rig, calls, service, call, code, seen, status):
    with inline_rig.fault("aws_error", code=code, message="it is <not> well"):
        assert calls(service, call) == [[seen, "it is <not> well", status]]


def test_a_status_of_ones_own_stays(inline_rig, calls):
    with inline_rig.fault("aws_error", code="ResourceNotFoundException", message="gone", status=410):
        assert calls("secretsmanager", "list_secrets") == [["ResourceNotFoundException", "gone", 410]]


def test_only_the_second_and_the_third_call_of_what_it_matches(inline_rig, calls):
    match, when = {"service": "secretsmanager", "operation": "ListSecrets"}, {"after": 1, "times": 2}
    with inline_rig.fault("aws_error", code="InternalServiceError", match=match, when=when) as armed:
        assert calls("sqs", "list_queues") == ["ok"]
        found = calls("secretsmanager", "list_secrets", times=4)
    assert [one if one == "ok" else one[0] for one in found] == ["ok", *["InternalServiceError"] * 2, "ok"]
    assert armed.strikes == 2
    struck = [event.subject for event in inline_rig.timeline.strikes("aws_error")]
    assert struck == [f"crm/inv-2/secretsmanager.ListSecrets#{n}" for n in (2, 3)]


def test_it_does_nothing_and_off_means_off(inline_rig, calls):
    with inline_rig.fault("aws_error"):
        calls("secretsmanager", "create_secret", Name="db", SecretString="x")
    assert calls("secretsmanager", "get_secret_value", SecretId="db")[0][0] == "ResourceNotFoundException"


def test_an_sdk_that_retries_gets_over_it(inline_rig, calls):
    with inline_rig.fault("aws_error", code="InternalFailure", when={"times": 1}) as armed:
        assert calls("secretsmanager", "list_secrets", attempts=2) == ["ok"]
    assert armed.strikes == 1


@pytest.mark.parametrize(("params", "says"), [
    ({"code": "not a name"}, "code: 'not a name' is no name of an error"),
    ({"status": 200}, "status: must be 400 to 599, not 200"),
])  # fmt: skip
def test_what_cannot_be_is_refused(inline_rig, params, says):
    with pytest.raises(FileProblem, match=says), inline_rig.fault("aws_error", **params):
        pass


def test_a_handlers_own_boto3_raises_it(real_rig, write_handler):
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("aws_error", code="DecryptionFailure", message="no", when={"times": 1}):
        assert calls("secretsmanager", "list_secrets", times=2) == [["DecryptionFailure", "no", 400], "ok"]
    (struck,) = real_rig.timeline.strikes("aws_error")
    assert struck.subject == "crm/inv-1/secretsmanager.ListSecrets#1"
