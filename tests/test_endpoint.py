import subprocess
import sys
from dataclasses import dataclass
from io import BytesIO

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.credentials import Keyring
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.identity_tokens import IdentityTokens
from emulator.aws.services.sts import sts_service
from emulator.aws.services.web_identity import WebIdentity
from emulator.clock import Clock
from emulator.fault import Fault, Rule
from emulator.http_connection import HungUp
from emulator.injector import Injector
from emulator.model import AwsReply, Outcome
from emulator.scope import Match
from emulator.server import Server, listen
from emulator.timeline import Timeline

ROLE = "arn:aws:iam::123456789012:role/connector-role"
FORM = "application/x-www-form-urlencoded"
GARBAGE = (
    "s3",
    "logs",
    "iam",
    "kms",
    "sqs",
    "apigateway",
    "lambda",
    "secretsmanager",
    "sts",
    "appflow",
    "dynamodb",
    "ec2",
    "nonsense",
)


class Rig:
    """An endpoint with its parts at hand."""

    def __init__(self):
        clock = Clock(manual=True)
        self.timeline = Timeline(clock)
        self.injector, self.attribution, self.backend = Injector(clock, self.timeline), Attribution(), Backend()
        web = WebIdentity(self.backend, IdentityTokens(self.backend, clock))
        sts = sts_service(self.backend, Keyring(self.backend, self.attribution, clock), web)
        self.endpoint = AwsEndpoint(self.injector, self.attribution, self.backend, {"sts": sts})

    def client(self, service, caller="", region="us-east-1"):
        return internal.client(self.endpoint, service, caller, region)

    def arm(self, fault, **match):
        self.injector.arm([Rule(fault, Match(**match))])

    def outcomes(self):
        return [(event.subject, event.rule, event.outcome) for event in self.timeline.events()]


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.backend.reset()


@pytest.fixture(scope="module")
def garbage_rig():
    return Rig()


@dataclass(frozen=True)
class Twice(Fault):
    name = "twice"

    def on_aws_call(self, call, proceed, ctx):
        proceed()
        return proceed()


@dataclass(frozen=True)
class Broken(Fault):
    name = "broken"

    def on_aws_call(self, call, proceed, ctx):
        raise ZeroDivisionError("fault's own")


@dataclass(frozen=True)
class WrongKind(Fault):
    name = "wrong_kind"

    def on_aws_call(self, call, proceed, ctx):
        return Outcome("ok", b"")


def raised(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    error = response["Error"]
    return error["Code"], error["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def request(rig, method="POST", path="/", body=b"", **headers):
    """(status, headers, body) of one raw request."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "localhost:4566",
        "wsgi.url_scheme": "http",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "4566",
        "SERVER_PROTOCOL": "HTTP/1.1",
    } | headers
    answered = []
    chunks = rig.endpoint(environ, lambda status, headers: answered.extend((int(status.split()[0]), dict(headers))))
    return *answered, b"".join(chunks)


def signed(service):
    return f"AWS4-HMAC-SHA256 Credential=AKIAXXXXXXXXXXXXXXXX/20260101/us-east-1/{service}/aws4_request, x"


def test_what_an_environment_that_has_ended_still_sends_is_neither_answered_nor_recorded(rig):
    issued = rig.attribution.issue("crm/env-1", "crm", ROLE)
    late = signed("sts").replace("AKIAXXXXXXXXXXXXXXXX", issued.access_key)
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    assert request(rig, body=body, HTTP_AUTHORIZATION=late, CONTENT_TYPE=FORM)[0] == 200
    rig.attribution.revoke(issued)
    with pytest.raises(HungUp):
        request(rig, body=body, HTTP_AUTHORIZATION=late, CONTENT_TYPE=FORM)
    assert rig.outcomes() == [("crm/env-1/init/sts.GetCallerIdentity#1", "", "200")]


def test_importing_the_endpoint_loads_no_sdk():
    code = "import sys, emulator.aws.endpoint; print([m for m in ('moto', 'boto3', 'botocore') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_plain_boto3_over_a_socket_is_served(rig):
    server = Server(rig.endpoint, listen("127.0.0.1", 0), threads=4)
    try:
        config = Config(retries={"total_max_attempts": 1})
        keys = {"aws_access_key_id": "AKIAXXXXXXXXXXXXXXXX", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        url = f"http://127.0.0.1:{server.address[1]}"
        s3 = boto3.client("s3", endpoint_url=url, config=config, **keys)
        s3.create_bucket(Bucket="files")
        s3.put_object(Bucket="files", Key="a/ü &.txt", Body=b"content")
        assert s3.get_object(Bucket="files", Key="a/ü &.txt")["Body"].read() == b"content"
        assert s3.head_object(Bucket="files", Key="a/ü &.txt")["ContentLength"] == 7
        assert [found["Key"] for found in s3.list_objects_v2(Bucket="files")["Contents"]] == ["a/ü &.txt"]
    finally:
        server.close()


def test_calls_are_in_the_timeline_with_aws_codes(rig):
    secrets = rig.client("secretsmanager")
    secrets.create_secret(Name="db", SecretString="pw")
    secrets.get_secret_value(SecretId="db")
    assert raised(secrets.get_secret_value, SecretId="gone")[0] == "ResourceNotFoundException"
    assert rig.outcomes() == [
        ("client/secretsmanager.CreateSecret#1", "", "200"),
        ("client/secretsmanager.GetSecretValue#1", "", "200"),
        ("client/secretsmanager.GetSecretValue#2", "", "ResourceNotFoundException"),
    ]


def test_a_functions_call_belongs_to_its_invocation_and_account(rig):
    key = rig.attribution.issue("orders/env-1", "orders", ROLE).access_key
    rig.attribution.enter(key, "orders/inv-1")
    identity = rig.client("sts", key).get_caller_identity()
    assert identity["Arn"] == "arn:aws:sts::123456789012:assumed-role/connector-role/orders"
    assert identity["Account"] == "123456789012"
    assert identity["UserId"].endswith(":orders")
    arn = rig.client("secretsmanager", key).create_secret(Name="mine", SecretString="x")["ARN"]
    assert arn.startswith("arn:aws:secretsmanager:us-east-1:123456789012:secret:mine-")
    assert [subject for subject, _, _ in rig.outcomes()] == [
        "orders/inv-1/sts.GetCallerIdentity#1",
        "orders/inv-1/secretsmanager.CreateSecret#1",
    ]


def test_regions_are_kept_apart(rig):
    rig.client("secretsmanager", region="eu-west-1").create_secret(Name="there", SecretString="x")
    assert rig.client("secretsmanager").list_secrets()["SecretList"] == []


SERVED = [
    ("sqs", "create_queue", {"QueueName": "q"}, "list_queues", {}),
    ("dynamodb", "create_table",
     {"TableName": "table", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
      "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"},
     "describe_table", {"TableName": "table"}),
    ("cloudwatch", "put_metric_data", {"Namespace": "n", "MetricData": [{"MetricName": "m", "Value": 1}]},
     "list_metrics", {}),
    ("kms", "create_key", {}, "list_keys", {}),
    ("ssm", "put_parameter", {"Name": "p", "Value": "v", "Type": "String"}, "get_parameter", {"Name": "p"}),
    ("events", "put_rule", {"Name": "r", "ScheduleExpression": "rate(1 minute)"}, "describe_rule", {"Name": "r"}),
    ("apigateway", "create_rest_api", {"name": "api"}, "get_rest_apis", {}),
    ("apigatewayv2", "create_api", {"Name": "api", "ProtocolType": "HTTP"}, "get_apis", {}),
    ("iam", "create_user", {"UserName": "u"}, "get_user", {"UserName": "u"}),
    ("sns", "create_topic", {"Name": "t"}, "list_topics", {}),
    ("sts", "assume_role", {"RoleArn": ROLE, "RoleSessionName": "session"}, "get_caller_identity", {}),
    ("cognito-idp", "create_user_pool", {"PoolName": "pool"}, "list_user_pools", {"MaxResults": 5}),
]  # fmt: skip


@pytest.mark.parametrize("case", SERVED, ids=lambda case: case[0])
def test_moto_answers_in_the_services_own_protocol(rig, case):
    service, writes, written, reads, wanted = case
    client = rig.client(service)
    getattr(client, writes)(**written)
    assert getattr(client, reads)(**wanted)["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_call_can_be_delivered_twice(rig):
    sqs = rig.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    rig.arm(Twice(), operation="SendMessage")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 2
    assert ("client/sqs.SendMessage#1", "twice", "200") in rig.outcomes()


@pytest.mark.parametrize(("fault", "outcome"), [(Broken(), "raised FaultError"), (WrongKind(), "ok")])
def test_a_broken_fault_is_a_500_that_says_so_and_is_recorded_once(rig, fault, outcome):
    rig.arm(fault, service="secretsmanager")
    with pytest.raises(ClientError) as caught:
        rig.client("secretsmanager").list_secrets()
    response = caught.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert response["ResponseMetadata"]["HTTPHeaders"]["x-lambdarig-error"] == "FaultError"
    assert "lambdarig: " in response["Error"]["Message"]
    assert rig.outcomes() == [("client/secretsmanager.ListSecrets#1", fault.name, outcome)]


def test_an_own_service_stands_before_moto(rig):
    class Own:
        def answer(self, call, request):
            return AwsReply(200, (("content-type", "application/json"),), b'{"flows": []}')

    rig.endpoint.services = {"appflow": Own()}
    assert rig.client("appflow").list_flows()["flows"] == []


def test_a_service_that_fails_is_a_500_that_is_clearly_not_awss(rig):
    class Bug:
        def answer(self, call, request):
            raise ZeroDivisionError("bug")

    rig.endpoint.services = {"appflow": Bug()}
    code, message, status = raised(rig.client("appflow").list_flows)
    assert (code, status) == ("InternalFailure", 500)
    assert "lambdarig" in message


def test_every_answer_has_a_request_id(rig):
    assert rig.client("secretsmanager").list_secrets()["ResponseMetadata"]["RequestId"]
    for status, headers, _ in (
        request(rig),
        request(rig, HTTP_AUTHORIZATION=signed("s3"), path="/none/x", method="GET"),
    ):
        assert 400 <= status < 500
        assert headers["x-amzn-requestid"]


def test_what_nobody_serves_says_so(rig):
    code, message, status = raised(rig.client("appflow").list_flows)
    assert (code, status) == ("UnsupportedOperationException", 400)
    assert message == "lambdarig does not serve appflow.ListFlows yet"
    assert (
        "secretsmanager.StopReplicationToReplica yet"
        in raised(rig.client("secretsmanager").stop_replication_to_replica, SecretId="a")[1]
    )


def test_cbor_is_refused_in_cbor(rig):
    path = "/service/GraniteServiceVersion20100801/operation/ListMetrics"
    status, headers, body = request(
        rig, path=path, body=b"\xa0", HTTP_SMITHY_PROTOCOL="rpc-v2-cbor", HTTP_AUTHORIZATION=signed("monitoring")
    )
    assert (status, headers["content-type"]) == (400, "application/cbor")
    assert b"lambdarig does not serve monitoring.ListMetrics in CBOR yet" in body


def test_an_unknown_target_is_an_unknown_operation(rig):
    status, _, body = request(
        rig,
        HTTP_AUTHORIZATION=signed("secretsmanager"),
        HTTP_X_AMZ_TARGET="secretsmanager.Nope",
        body=b"{}",
        CONTENT_TYPE="application/x-amz-json-1.1",
    )
    assert (status, b"UnknownOperationException" in body) == (400, True)


def test_parameters_moto_stumbles_over_are_a_validation_error(rig):
    headers = {"HTTP_AUTHORIZATION": signed("secretsmanager"), "HTTP_X_AMZ_TARGET": "secretsmanager.GetSecretValue"}
    status, _, body = request(rig, body=b'{"SecretId": {"a": 1}}', **headers)
    assert (status, b"SerializationException" in body) == (400, True)


def test_garbage_never_makes_a_traceback(rig):
    assert request(rig)[0] == 403
    assert request(rig, path="/\xff/%zz", method="BREW")[0] == 403
    assert request(rig, HTTP_AUTHORIZATION="garbage", HTTP_X_AMZ_TARGET="secretsmanager.GetSecretValue")[0] == 400
    assert (
        request(rig, HTTP_AUTHORIZATION=signed("secretsmanager"), HTTP_X_AMZ_TARGET="x.GetSecretValue", body=b"{")[0]
        == 400
    )


TARGETS = ("x.GetSecretValue", "x.CreateSecret", "DynamoDB_20120810.GetItem", "AmazonSQS.SendMessage", "x.DescribeKey")
BODIES = (b"", b"{}", b'{"SecretId": 1}', b'{"SecretId": ""}', b'{"TableName": "x", "Key": []}', b'{"Name": {"a": []}}')


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(GARBAGE),
    st.sampled_from(["GET", "POST", "PUT", "DELETE", "BREW"]),
    st.one_of(st.just(""), st.text(max_size=20)),
    st.one_of(st.sampled_from(BODIES), st.binary(max_size=40)),
    st.one_of(st.sampled_from(TARGETS), st.text(max_size=20)),
)
def test_no_garbage_is_a_server_error(garbage_rig, service, method, path, body, target):
    path = "/" + path.encode("utf-8", "replace").decode("latin-1")
    status, _, answer = request(
        garbage_rig, method, path, body, HTTP_AUTHORIZATION=signed(service), HTTP_X_AMZ_TARGET=target
    )
    assert 200 <= status < 500, answer


def test_internal_clients_ignore_the_machines_aws_configuration(rig, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody-made-this-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETSMANAGER", "http://elsewhere.invalid")
    rig.client("secretsmanager", "appflow.amazonaws.com").create_secret(Name="appflow!x", SecretString="x")
    assert rig.outcomes() == [("appflow.amazonaws.com/secretsmanager.CreateSecret#1", "", "200")]


def test_reset_forgets_and_repeats_the_same_ids(rig):
    def made():
        return rig.client("apigateway").create_rest_api(name="x")["id"]

    rig.client("secretsmanager").create_secret(Name="a", SecretString="x")
    rig.backend.reset()
    assert rig.client("secretsmanager").list_secrets()["SecretList"] == []
    rig.backend.reset()
    first = made()
    rig.backend.reset()
    assert made() == first


def test_moto_keeps_no_track_of_what_is_gone(rig):
    from moto.sqs.models import Message

    sqs = rig.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    assert Message.instances_tracked == []


def test_answers_carry_awss_content_types(rig):
    for service, method, params, expected in (
        ("secretsmanager", "list_secrets", {}, "application/x-amz-json-1.1"),
        ("sts", "get_session_token", {}, "text/xml"),
        ("apigateway", "get_rest_apis", {}, "application/json"),
    ):
        headers = getattr(rig.client(service), method)(**params)["ResponseMetadata"]["HTTPHeaders"]
        assert headers["content-type"] == expected
        assert "access-control-allow-origin" not in headers
