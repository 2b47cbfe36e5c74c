from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.clock import Clock
from emulator.errors import UsageError
from emulator.fault import Rule, parameters
from emulator.injector import Injector
from emulator.scope import Match, When
from emulator.server import Server, listen
from emulator.timeline import Timeline
from faults.aws_denied import AwsDenied

CRM = Path(__file__).parents[2] / "sample_connectors" / "faults" / "crm"
ROLE = "arn:aws:iam::123456789012:role/service-role/connector-role"
FUNCTION = "arn:aws:sts::123456789012:assumed-role/connector-role/orders"
ROOT = "arn:aws:iam::123456789012:root"
PLAIN = "AKIAXXXXXXXXXXXXXXXX"


class Rig:
    """The endpoint behind a real server on a free port; clients are plain boto3."""

    def __init__(self):
        clock = Clock(manual=True)
        self.timeline = Timeline(clock)
        self.injector, self.attribution, self.backend = Injector(clock, self.timeline), Attribution(), Backend()
        endpoint = AwsEndpoint(self.injector, self.attribution, self.backend, {})
        self.server = Server(endpoint, listen("127.0.0.1", 0), threads=8)

    def client(self, service, access_key=PLAIN):
        return boto3.client(
            service, endpoint_url=f"http://127.0.0.1:{self.server.address[1]}", region_name="us-east-1",
            aws_access_key_id=access_key, aws_secret_access_key="x", config=Config(retries={"total_max_attempts": 1}),
        )  # fmt: skip

    def function_key(self):
        key = self.attribution.issue("orders/env-1", "orders", ROLE).access_key
        self.attribution.enter(key, "orders/inv-1")
        return key

    def close(self):
        self.injector.disarm()
        self.server.close()
        self.backend.reset()


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.close()


def outcome(call, **params):
    """`ok`, or (code, message, status)."""
    try:
        call(**params)
    except ClientError as error:
        said = error.response["Error"]
        return said["Code"], said["Message"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return "ok"


def test_a_function_is_refused_with_awss_whole_sentence_and_the_secrets_arn(rig):
    arn = rig.client("secretsmanager").create_secret(Name="db", SecretString="x")["ARN"]
    rig.injector.arm([Rule(AwsDenied(), Match(operation="GetSecretValue"))])
    sentence = (
        f"User: {FUNCTION} is not authorized to perform: secretsmanager:GetSecretValue on resource: {arn} "
        "because no identity-based policy allows the secretsmanager:GetSecretValue action"
    )
    secrets = rig.client("secretsmanager", rig.function_key())
    assert outcome(secrets.get_secret_value, SecretId="db") == ("AccessDeniedException", sentence, 400)
    with pytest.raises(
        ClientError, match=r"An error occurred \(AccessDeniedException\) when calling the GetSecretValue"
    ):
        secrets.get_secret_value(SecretId="db")
    struck = [(event.subject, event.outcome) for event in rig.timeline.strikes("aws_denied")]
    assert struck == [(f"orders/inv-1/secretsmanager.GetSecretValue#{n}", "AccessDeniedException") for n in (1, 2)]


def test_a_secret_that_does_not_exist_is_named_as_typed(rig):
    rig.injector.arm([Rule(AwsDenied(), Match(origin="*"))])
    message = outcome(rig.client("secretsmanager").get_secret_value, SecretId="cfn/atlas/profile")[1]
    assert f"User: {ROOT} is not authorized to perform: secretsmanager:GetSecretValue" in message
    assert " on resource: cfn/atlas/profile because no " in message


def test_the_tests_own_client_is_not_hit_by_default(rig):
    rig.injector.arm([Rule(AwsDenied())])
    assert outcome(rig.client("secretsmanager").list_secrets) == "ok"
    assert rig.injector.never_struck() == ["aws_denied"]


def test_after_one_twice(rig):
    rig.injector.arm([Rule(AwsDenied(), Match(origin="client"), When(after=1, times=2))])
    secrets = rig.client("secretsmanager")
    codes = [outcome(secrets.list_secrets)[0] for _ in range(4)]
    assert codes == ["o", "AccessDeniedException", "AccessDeniedException", "o"]
    assert len(rig.timeline.strikes()) == 2


def test_a_refused_call_has_no_effect_and_off_means_off(rig):
    armed = rig.injector.arm([Rule(AwsDenied(), Match(origin="client"))])
    s3 = rig.client("s3")
    assert outcome(s3.create_bucket, Bucket="files")[0::2] == ("AccessDenied", 403)
    rig.injector.disarm(armed)
    assert s3.list_buckets()["Buckets"] == []


@pytest.mark.parametrize(("service", "method", "params", "code", "status"), [
    ("sts", "get_caller_identity", {}, "AccessDenied", 403),
    ("sqs", "list_queues", {}, "AccessDenied", 403),
    ("dynamodb", "list_tables", {}, "AccessDeniedException", 400),
    ("lambda", "invoke", {"FunctionName": "f"}, "AccessDeniedException", 403),
])  # fmt: skip
def test_each_protocol_has_its_own_code(rig, service, method, params, code, status):
    rig.injector.arm([Rule(AwsDenied(), Match(origin="client"))])
    assert outcome(getattr(rig.client(service), method), **params)[0::2] == (code, status)


@pytest.mark.parametrize(("kind", "policy", "ending"), [
    ("implicit", "resource", "because no resource-based policy allows the s3:ListAllMyBuckets action"),
    ("implicit", "boundary", "because no permissions boundary allows the s3:ListAllMyBuckets action"),
    ("implicit", "scp", "because no service control policy allows the s3:ListAllMyBuckets action"),
    ("implicit", "session", "because no session policy allows the s3:ListAllMyBuckets action"),
    ("explicit", "identity", "with an explicit deny in an identity-based policy"),
    ("explicit", "resource", "with an explicit deny in a resource-based policy"),
    ("explicit", "boundary", "with an explicit deny in a permissions boundary"),
    ("explicit", "scp", "with an explicit deny in a service control policy"),
    ("explicit", "session", "with an explicit deny in a session policy"),
])  # fmt: skip
def test_every_ending(rig, kind, policy, ending):
    rig.injector.arm([Rule(AwsDenied(kind=kind, policy=policy), Match(origin="client"))])
    assert outcome(rig.client("s3").list_buckets)[1].endswith(" on resource: * " + ending)


def test_wrong_parameters_name_the_choices(rig):
    with pytest.raises(UsageError, match=r"with\.kind: Input should be 'implicit' or 'explicit', not 'maybe'"):
        rig.injector.arm([Rule(AwsDenied(kind="maybe"))])
    with pytest.raises(UsageError, match=r"with\.policy: Input should be 'identity', .* or 'session', not 'tag'"):
        rig.injector.arm([Rule(AwsDenied(policy="tag"))])
    assert set(parameters(AwsDenied)) == {"kind", "policy"}


def test_a_handlers_own_boto3_is_denied(real_rig):
    arn = real_rig.client("secretsmanager").create_secret(Name="crm-token", SecretString="pw")["ARN"]
    real_rig.function("crm", CRM, "handler.handler", memory=512, timeout=20)
    with real_rig.fault("aws_denied", kind="explicit", policy="scp", match={"function": "crm"}, when={"times": 1}):
        failed = real_rig.invoke("crm").payload
        assert real_rig.invoke("crm").payload == {"token": "pw"}
    said = f"secretsmanager:GetSecretValue on resource: {arn} with an explicit deny in a service control policy"
    assert (failed["errorType"], said in failed["errorMessage"]) == ("ClientError", True)
