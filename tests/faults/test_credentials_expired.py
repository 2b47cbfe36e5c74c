import pytest
from calling import calling

SAID = "The security token included in the request is expired"


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


@pytest.mark.parametrize(("service", "call", "code", "message", "status"), [
    ("secretsmanager", "list_secrets", "ExpiredTokenException", SAID, 400),
    ("dynamodb", "list_tables", "ExpiredTokenException", SAID, 400),
    ("lambda", "list_functions", "ExpiredTokenException", SAID, 403),
    ("sts", "get_caller_identity", "ExpiredToken", SAID, 403),
    ("iam", "list_roles", "ExpiredToken", SAID, 403),
    ("sqs", "list_queues", "ExpiredToken", SAID, 403),
    ("s3", "list_buckets", "ExpiredToken", "The provided token has expired.", 400),
])  # fmt: skip
def test_each_protocol_says_it_in_its_own_way(inline_rig, calls, service, call, code, message, status):
    with inline_rig.fault("credentials_expired"):
        assert calls(service, call) == [[code, message, status]]


def test_an_sdk_that_retries_is_not_helped(inline_rig, calls):
    with inline_rig.fault("credentials_expired") as armed:
        assert calls("secretsmanager", "list_secrets", attempts=3)[0][0] == "ExpiredTokenException"
    assert armed.strikes == 1


def test_from_the_third_call_on_and_off_means_off(inline_rig, calls):
    with inline_rig.fault("credentials_expired", when={"after": 2}) as armed:
        found = calls("secretsmanager", "list_secrets", times=4)
        inline_rig.client("secretsmanager").list_secrets()
    assert [one == "ok" for one in found] == [True, True, False, False]
    assert armed.strikes == 2
    assert calls("secretsmanager", "list_secrets") == ["ok"]


def test_a_handlers_own_boto3_is_refused(real_rig, write_handler):
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("credentials_expired", match={"function": "crm"}, when={"after": 1}):
        assert calls("sts", "get_caller_identity", times=2) == ["ok", ["ExpiredToken", SAID, 403]]
    assert calls("sts", "get_caller_identity") == ["ok"]
