import pytest
from botocore.retries.standard import ThrottledRetryableChecker
from calling import calling

from emulator.errors import FileProblem


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


@pytest.mark.parametrize(("service", "call", "code", "message", "status"), [
    ("secretsmanager", "list_secrets", "ThrottlingException", "Rate exceeded", 400),
    ("dynamodb", "list_tables", "ThrottlingException", "Rate of requests exceeds the allowed throughput.", 400),
    ("kms", "list_keys", "ThrottlingException",
     "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.", 400),
    ("lambda", "list_functions", "TooManyRequestsException", "Rate exceeded", 429),
    ("apigateway", "get_rest_apis", "TooManyRequestsException", "Too Many Requests", 429),
    ("appflow", "list_flows", "ThrottlingException", "Rate exceeded", 429),
    ("sts", "get_caller_identity", "Throttling", "Rate exceeded", 400),
    ("iam", "list_roles", "Throttling", "Rate exceeded", 400),
    ("s3", "list_buckets", "SlowDown", "Please reduce your request rate.", 503),
    ("ec2", "describe_regions", "RequestLimitExceeded", "Request limit exceeded.", 503),
    ("sqs", "list_queues", "Throttling", "Rate exceeded", 400),
    ("route53", "list_hosted_zones", "Throttling", "Rate exceeded", 400),
    ("cognito-idp", "list_user_pools", "TooManyRequestsException", "Rate exceeded", 400),
])  # fmt: skip
def test_each_service_says_it_as_botocores_retries_know_it(inline_rig, calls, service, call, code, message, status):
    params = {"MaxResults": 1} if service == "cognito-idp" else {}
    with inline_rig.fault("aws_throttle"):
        assert calls(service, call, **params) == [[code, message, status]]
    assert code in ThrottledRetryableChecker._THROTTLED_ERROR_CODES


def test_a_burst_passes_and_then_as_many_as_the_rate_gives_back(inline_rig, calls):
    def passed(times):
        return [one == "ok" for one in calls("secretsmanager", "list_secrets", times=times)]

    with inline_rig.fault("aws_throttle", rate=0.5, burst=2) as armed:
        assert passed(4) == [True, True, False, False]
        inline_rig.clock.advance(1)
        assert passed(1) == [False]
        inline_rig.clock.advance(1)
        assert passed(2) == [True, False]
        inline_rig.clock.advance(3600)
        assert passed(3) == [True, True, False]
    assert armed.strikes == 5


def test_what_passes_is_no_strike(inline_rig, calls):
    with inline_rig.fault("aws_throttle", burst=1, optional=True) as armed:
        assert calls("secretsmanager", "list_secrets") == ["ok"]
    assert armed.strikes == 0


def test_the_first_two_and_a_client_that_retries(inline_rig, calls):
    with inline_rig.fault("aws_throttle", when={"times": 2}) as armed:
        assert calls("secretsmanager", "list_secrets", attempts=3) == ["ok"]
    assert armed.strikes == 2


def test_a_throttled_call_does_nothing(inline_rig, calls):
    with inline_rig.fault("aws_throttle"):
        calls("secretsmanager", "create_secret", Name="db", SecretString="x")
    assert calls("secretsmanager", "get_secret_value", SecretId="db")[0][0] == "ResourceNotFoundException"


def test_a_rate_needs_a_burst(inline_rig):
    with pytest.raises(FileProblem, match="a rate needs a burst of 1"), inline_rig.fault("aws_throttle", rate=1.0):
        pass


def test_each_operation_has_a_bucket_of_its_own(inline_rig, calls):
    with inline_rig.fault("aws_throttle", burst=1) as armed:
        assert calls("secretsmanager", "list_secrets", times=2)[0] == "ok"
        assert calls("secretsmanager", "get_random_password") == ["ok"]
        assert calls("sqs", "list_queues") == ["ok"]
    assert armed.strikes == 1


def test_a_handlers_own_boto3_is_refused_and_gets_over_it(real_rig, write_handler):
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("aws_throttle", burst=1, when={"times": 2}) as armed:
        assert calls("secretsmanager", "list_secrets", times=2) == ["ok", ["ThrottlingException", "Rate exceeded", 400]]
        assert calls("secretsmanager", "list_secrets", attempts=2) == ["ok"]
    assert armed.strikes == 2
