import json
from io import BytesIO

import boto3
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws import internal
from emulator.aws.errors_wire import error_code, write_error
from emulator.aws.wire import MAX_BODY, WireRequest, read
from emulator.model import AwsError

KEY = "ASIAQWERTYUIOPASDFGH"
CALLS = [
    # service, botocore's method, its parameters -> signing name, operation, protocol, parameters on the wire
    ("secretsmanager", "get_secret_value", {"SecretId": "db/pw"}, "secretsmanager", "GetSecretValue", "json",
     {"SecretId": "db/pw"}),
    ("sts", "get_caller_identity", {}, "sts", "GetCallerIdentity", "query", {}),
    ("sts", "assume_role", {"RoleArn": "arn:aws:iam::123456789012:role/x", "RoleSessionName": "session"}, "sts",
     "AssumeRole", "query", {"RoleArn": "arn:aws:iam::123456789012:role/x"}),
    ("iam", "get_role", {"RoleName": "r"}, "iam", "GetRole", "query", {"RoleName": "r"}),
    ("s3", "put_object", {"Bucket": "b", "Key": "a/x y", "Body": b"1"}, "s3", "PutObject", "rest-xml",
     {"Bucket": "b", "Key": "a/x y"}),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}, "s3", "GetObject", "rest-xml", {"Key": "k"}),
    ("s3", "head_object", {"Bucket": "b", "Key": "k"}, "s3", "HeadObject", "rest-xml", {"Key": "k"}),
    ("s3", "copy_object", {"Bucket": "b", "Key": "k", "CopySource": "b/j"}, "s3", "CopyObject", "rest-xml",
     {"Key": "k"}),
    ("s3", "upload_part", {"Bucket": "b", "Key": "k", "PartNumber": 1, "UploadId": "u", "Body": b"x"}, "s3",
     "UploadPart", "rest-xml", {"Key": "k", "uploadId": "u"}),
    ("s3", "list_objects_v2", {"Bucket": "b", "Prefix": "p/"}, "s3", "ListObjectsV2", "rest-xml", {"Bucket": "b"}),
    ("s3", "list_objects", {"Bucket": "b"}, "s3", "ListObjects", "rest-xml", {"Bucket": "b"}),
    ("s3", "get_bucket_policy", {"Bucket": "b"}, "s3", "GetBucketPolicy", "rest-xml", {"Bucket": "b"}),
    ("s3", "list_buckets", {}, "s3", "ListBuckets", "rest-xml", {}),
    ("sqs", "send_message", {"QueueUrl": "http://localhost:4566/1/q", "MessageBody": "x"}, "sqs", "SendMessage",
     "json", {"MessageBody": "x"}),
    ("dynamodb", "get_item", {"TableName": "tbl", "Key": {"a": {"S": "b"}}}, "dynamodb", "GetItem", "json",
     {"TableName": "tbl"}),
    ("lambda", "invoke", {"FunctionName": "f", "Payload": b"not json"}, "lambda", "Invoke", "rest-json",
     {"FunctionName": "f"}),
    ("lambda", "invoke", {"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f", "Qualifier": "3"},
     "lambda", "Invoke", "rest-json",
     {"FunctionName": "arn:aws:lambda:us-east-1:123456789012:function:f", "Qualifier": "3"}),
    ("lambda", "list_tags", {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f"}, "lambda", "ListTags",
     "rest-json", {}),
    ("lambda", "publish_version", {"FunctionName": "f", "Description": "d"}, "lambda", "PublishVersion", "rest-json",
     {"FunctionName": "f", "Description": "d"}),
    ("logs", "describe_log_groups", {"logGroupNamePrefix": "/aws"}, "logs", "DescribeLogGroups", "json",
     {"logGroupNamePrefix": "/aws"}),
    # botocore's model lists smithy-rpc-v2-cbor first, and botocore 1.44 sends JSON with x-amzn-query-mode
    ("cloudwatch", "list_metrics", {"Namespace": "ns"}, "monitoring", "ListMetrics", "json", {"Namespace": "ns"}),
    ("kms", "describe_key", {"KeyId": "alias/a"}, "kms", "DescribeKey", "json", {"KeyId": "alias/a"}),
    ("ssm", "get_parameter", {"Name": "/a"}, "ssm", "GetParameter", "json", {"Name": "/a"}),
    ("events", "list_rules", {}, "events", "ListRules", "json", {}),
    ("apigateway", "get_rest_api", {"restApiId": "abc"}, "apigateway", "GetRestApi", "rest-json",
     {"restapi_id": "abc"}),
    ("apigateway", "create_rest_api", {"name": "x"}, "apigateway", "CreateRestApi", "rest-json", {"name": "x"}),
    ("apigatewayv2", "get_api", {"ApiId": "abc"}, "apigateway", "GetApi", "rest-json", {"apiId": "abc"}),
    ("appflow", "start_flow", {"flowName": "f"}, "appflow", "StartFlow", "rest-json", {"flowName": "f"}),
    ("ec2", "describe_vpcs", {}, "ec2", "DescribeVpcs", "ec2", {}),
    ("sns", "publish", {"TopicArn": "a:b", "Message": "m&n"}, "sns", "Publish", "query", {"Message": "m&n"}),
    ("cognito-idp", "initiate_auth", {"ClientId": "aaaa", "AuthFlow": "USER_PASSWORD_AUTH"}, "cognito-idp",
     "InitiateAuth", "json", {"ClientId": "aaaa"}),
    ("stepfunctions", "list_state_machines", {}, "states", "ListStateMachines", "json", {}),
    ("ses", "list_identities", {}, "ses", "ListIdentities", "query", {}),
    ("sesv2", "list_email_identities", {}, "ses", "ListEmailIdentities", "rest-json", {}),
    ("s3control", "get_public_access_block", {"AccountId": "123456789012"}, "s3", "GetPublicAccessBlock", "rest-xml",
     {}),
]  # fmt: skip


def plain_client(service, url="http://127.0.0.1:4566", region="eu-west-1"):
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=KEY,
        aws_secret_access_key="secret",
        config=config,
    )


def sent_by(service, method, params):
    """The environ of what real botocore sends."""
    caught = []

    def catch(request, **_):
        caught.append(internal.environ(request))
        return AWSResponse(request.url, 400, {}, internal._Raw(b"<a/>"))

    client = plain_client(service)
    client.meta.events.register("before-send", catch)
    with pytest.raises(ClientError):
        getattr(client, method)(**params)
    return caught[0]


def answered(service, method, params, error):
    """What plain boto3 makes of an error written for its request."""
    client = plain_client(service)

    def answer(request, **_):
        reply = write_error(read(internal.environ(request)), error)
        return AWSResponse(request.url, reply.status, internal._headers(list(reply.headers)), internal._Raw(reply.body))

    client.meta.events.register("before-send", answer)
    with pytest.raises(ClientError) as caught:
        getattr(client, method)(**params)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def environ(method="POST", path="/", body=b"", query="", **headers):
    made = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "wsgi.input": BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_HOST": "localhost:4566",
    }
    return made | {name if name == "CONTENT_TYPE" else f"HTTP_{name}": value for name, value in headers.items()}


def scope(service, region="us-east-1", key=KEY):
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[0]}.{call[1]}")
def test_what_botocore_sends_is_recognised(call):
    service, method, params, signed_as, operation, protocol, wire_params = call
    request = read(sent_by(service, method, params))
    assert (request.service, request.operation, request.protocol) == (signed_as, operation, protocol)
    assert request.problem is None
    unsigned = method == "initiate_auth"
    assert (request.region, request.access_key) == (("us-east-1", "") if unsigned else ("eu-west-1", KEY))
    assert request.params.items() >= wire_params.items()


def test_a_presigned_url_is_recognised():
    request = AWSRequest("GET", "http://localhost:4566/b/some%20key")
    SigV4QueryAuth(Credentials(KEY, "secret"), "s3", "eu-west-1").add_auth(request)
    found = read(internal.environ(request.prepare()))
    assert (found.service, found.operation, found.access_key, found.region) == ("s3", "GetObject", KEY, "eu-west-1")
    assert found.labels == {"Bucket": "b", "Key": "some key"}


def test_a_presigned_sts_url_is_recognised():
    request = AWSRequest("GET", "http://localhost:4566/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(Credentials(KEY, "secret"), "sts", "us-east-1").add_auth(request)
    found = read(internal.environ(request.prepare()))
    assert (found.service, found.operation, found.protocol) == ("sts", "GetCallerIdentity", "query")


def test_smithy_cbor_is_recognised_by_its_path():
    found = read(
        environ(
            path="/service/GraniteServiceVersion20100801/operation/ListMetrics",
            body=b"\xa0",
            SMITHY_PROTOCOL="rpc-v2-cbor",
            AUTHORIZATION=scope("monitoring"),
        )
    )
    assert (found.service, found.operation, found.protocol) == ("monitoring", "ListMetrics", "smithy-rpc-v2-cbor")
    reply = write_error(found, AwsError("AccessDeniedException", "no"))
    assert reply.status == 400
    assert b"AccessDeniedException" in reply.body
    assert dict(reply.headers)["content-type"] == "application/cbor"


def test_sigv4a_has_no_region_in_its_scope():
    found = read(
        environ(
            "GET",
            "/b/k",
            AUTHORIZATION=f"AWS4-ECDSA-P256-SHA256 Credential={KEY}/20260101/s3/aws4_request",
            X_AMZ_REGION_SET="eu-west-1,us-east-1",
        )
    )
    assert (found.service, found.region, found.operation) == ("s3", "eu-west-1", "GetObject")


@pytest.mark.parametrize(
    "host", ["my.bucket.s3.eu-west-1.amazonaws.com", "my.bucket.localhost:4566", "my.bucket.s3.localhost:4566"]
)
def test_a_bucket_in_the_host_name_is_put_in_the_path(host):
    found = read(environ("GET", "/a/k", HOST=host, AUTHORIZATION=scope("s3")))
    assert found.labels == {"Bucket": "my.bucket", "Key": "a/k"}


def test_a_server_that_keeps_only_the_decoded_path_is_understood():
    found = read(environ("GET", "/2015-03-31/functions/a b/configuration", AUTHORIZATION=scope("lambda")))
    assert (found.operation, found.labels) == ("GetFunctionConfiguration", {"FunctionName": "a b"})


def test_an_arn_with_unencoded_slashes_is_one_label():
    found = read(environ("GET", "/tags/arn:aws:appflow:us-east-1:123456789012:flow/x", AUTHORIZATION=scope("appflow")))
    assert found.operation == "ListTagsForResource"
    assert found.labels == {"resourceArn": "arn:aws:appflow:us-east-1:123456789012:flow/x"}


def test_the_body_can_be_replayed_for_moto():
    found = read(
        environ(body=b'{"SecretId":"a"}', AUTHORIZATION=scope("secretsmanager"), X_AMZ_TARGET="x.GetSecretValue")
    )
    for _ in range(2):
        assert found.replay()["wsgi.input"].read() == b'{"SecretId":"a"}'


def test_a_body_over_the_limit_is_refused_unread():
    made = environ(AUTHORIZATION=scope("secretsmanager"), X_AMZ_TARGET="secretsmanager.GetSecretValue")
    made["CONTENT_LENGTH"] = str(MAX_BODY + 1)
    found = read(made)
    assert found.problem.status == 413
    assert write_error(found, found.problem).status == 413


@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff\xfe", b'"x"', b"[" * 100_000])
def test_garbage_json_is_a_serialization_exception(body):
    found = read(
        environ(body=body, AUTHORIZATION=scope("secretsmanager"), X_AMZ_TARGET="secretsmanager.GetSecretValue")
    )
    assert found.problem.code == "SerializationException"
    assert write_error(found, found.problem).status == 400


def test_an_unsigned_request_is_refused():
    found = read(environ(X_AMZ_TARGET="secretsmanager.GetSecretValue", body=b"{}"))
    assert found.problem.code == "MissingAuthenticationTokenException"


def test_an_unknown_path_is_an_unknown_operation():
    found = read(environ("GET", "/2015-03-31/nothing", AUTHORIZATION=scope("lambda")))
    reply = write_error(found, found.problem)
    assert (reply.status, reply.code) == (404, "UnknownOperationException")


DENIED = 'User: arn:aws:iam::123456789012:root is not authorized <to> "do" & more'
ERRORS = [
    ("secretsmanager", "get_secret_value", {"SecretId": "a"}, "AccessDeniedException", 400),
    ("dynamodb", "list_tables", {}, "AccessDeniedException", 400),
    ("lambda", "invoke", {"FunctionName": "f"}, "AccessDeniedException", 403),
    ("appflow", "list_flows", {}, "AccessDeniedException", 403),
    ("sts", "get_caller_identity", {}, "AccessDenied", 403),
    ("iam", "list_roles", {}, "AccessDenied", 403),
    ("ec2", "describe_vpcs", {}, "UnauthorizedOperation", 403),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}, "AccessDenied", 403),
    ("s3control", "get_public_access_block", {"AccountId": "123456789012"}, "AccessDenied", 403),
    ("sqs", "list_queues", {}, "AccessDenied", 403),
    ("cloudwatch", "list_metrics", {}, "AccessDenied", 403),
]  # fmt: skip


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[0])
def test_boto3_reads_exactly_code_message_and_status(case):
    service, method, params, code, status = case
    assert answered(service, method, params, AwsError("AccessDeniedException", DENIED)) == (code, DENIED, status)


MODELLED = [
    ("secretsmanager", "get_secret_value", {"SecretId": "a"}, "ResourceNotFoundException", 400),
    ("lambda", "invoke", {"FunctionName": "f"}, "ResourceNotFoundException", 404),
    ("lambda", "invoke", {"FunctionName": "f"}, "TooManyRequestsException", 429),
    ("s3", "get_object", {"Bucket": "b", "Key": "k"}, "NoSuchKey", 404),
    ("apigateway", "get_rest_apis", {}, "TooManyRequestsException", 429),
]  # fmt: skip


@pytest.mark.parametrize("case", MODELLED, ids=lambda case: f"{case[0]}.{case[3]}")
def test_a_modelled_error_takes_its_status_from_the_model(case):
    service, method, params, code, status = case
    assert answered(service, method, params, AwsError(code, "no")) == (code, "no", status)


def test_a_query_error_takes_its_code_from_the_model():
    error = AwsError("NoSuchEntityException", "gone")
    assert answered("iam", "get_role", {"RoleName": "r"}, error) == ("NoSuchEntity", "gone", 404)


def test_a_status_that_was_chosen_stays():
    assert answered("sts", "get_caller_identity", {}, AwsError("InternalFailure", "x", 500)) == (
        "InternalFailure",
        "x",
        500,
    )
    assert answered("lambda", "list_functions", {}, AwsError("AccessDeniedException", "x", 418))[2] == 418


@pytest.mark.parametrize(
    "call",
    [
        ("secretsmanager", "get_secret_value", {"SecretId": "a"}),
        ("sts", "get_caller_identity", {}),
        ("s3", "get_object", {"Bucket": "b", "Key": "k"}),
        ("lambda", "list_functions", {}),
    ],
)
def test_the_code_of_an_error_reply_can_be_read_back(call):
    reply = write_error(read(sent_by(*call)), AwsError("SomethingWrong", "text"))
    assert error_code(reply) == reply.code == "SomethingWrong"


def test_a_head_request_is_refused_without_a_body():
    reply = write_error(
        read(sent_by("s3", "head_object", {"Bucket": "b", "Key": "k"})), AwsError("AccessDeniedException", "x")
    )
    assert (reply.status, reply.body) == (403, b"")


def test_secrets_manager_spells_message_with_a_capital():
    found = read(sent_by("secretsmanager", "get_secret_value", {"SecretId": "a"}))
    for code in ("AccessDeniedException", "ResourceNotFoundException"):
        body = json.loads(write_error(found, AwsError(code, "text")).body)
        assert body == {"__type": code, "Message": "text"}


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "BREW"]),
    path=st.text(max_size=30),
    body=st.binary(max_size=60),
    service=st.one_of(
        st.sampled_from(["s3", "lambda", "sts", "appflow", "ec2", "dynamodb", "monitoring"]), st.text(max_size=12)
    ),
    target=st.one_of(st.just(""), st.text(max_size=20)),
    query=st.text(max_size=30),
    content_type=st.sampled_from(["", "application/json", "application/x-www-form-urlencoded", "text/plain"]),
)
def test_no_request_makes_it_raise(method, path, body, service, target, query, content_type):
    made = environ(
        method,
        "/" + path.encode("utf-8", "replace").decode("latin-1"),
        body,
        query,
        AUTHORIZATION=scope(service),
        X_AMZ_TARGET=target,
        CONTENT_TYPE=content_type,
    )
    found = read(made)
    reply = write_error(found, found.problem or AwsError("ValidationException", "text"))
    assert 400 <= reply.status < 500
    assert found.problem or isinstance(found.params, dict)


@pytest.mark.parametrize(("sent", "attempt"), [
    ("attempt=1; max=5", 1), ("attempt=2; max=5", 2), ("ttl=20261122T033500Z; attempt=3; max=3", 3), ("attempt=12", 12),
    ("", 1), ("attempt=0; max=5", 1), ("attempt=x", 1), ("reattempt=4", 1), ("attempt=" + "9" * 5000, 1),
])  # fmt: skip
def test_an_sdk_counts_its_attempts(sent, attempt):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/", "HTTP_AMZ_SDK_REQUEST": sent}
    assert WireRequest(environ, "GET", "/", {}, b"").attempt == attempt
