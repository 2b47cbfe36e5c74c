from dataclasses import dataclass

import pytest
from botocore.exceptions import ClientError

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.clock import Clock
from emulator.fault import Fault, Rule
from emulator.injector import Injector
from emulator.model import AwsError
from emulator.timeline import Timeline

ROLE = "arn:aws:iam::123456789012:role/connector-role"


@dataclass(frozen=True)
class NameTheResource(Fault):
    name = "name_the_resource"

    def on_aws_call(self, call, proceed, ctx):
        return AwsError("AccessDeniedException", f"{call.action} {call.resource}")


NAMING = Rule(NameTheResource())


@pytest.fixture
def endpoint():
    clock, backend = Clock(manual=True), Backend()
    yield AwsEndpoint(Injector(clock, Timeline(clock)), Attribution(), backend, {})
    backend.reset()


def named(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Message"]


ACCOUNT = "us-east-1:123456789012"
RESOURCES = [
    ("secretsmanager", "get_secret_value", {"SecretId": "no/such"}, "secretsmanager:GetSecretValue no/such"),
    ("s3", "get_object", {"Bucket": "b", "Key": "a/k"}, "s3:GetObject arn:aws:s3:::b/a/k"),
    ("s3", "list_objects_v2", {"Bucket": "b"}, "s3:ListBucket arn:aws:s3:::b"),
    ("s3", "list_buckets", {}, "s3:ListAllMyBuckets *"),
    ("sqs", "send_message", {"QueueUrl": "http://localhost:4566/123456789012/q", "MessageBody": "x"},
     f"sqs:SendMessage arn:aws:sqs:{ACCOUNT}:q"),
    ("dynamodb", "get_item", {"TableName": "tbl", "Key": {"a": {"S": "b"}}},
     f"dynamodb:GetItem arn:aws:dynamodb:{ACCOUNT}:table/tbl"),
    ("lambda", "invoke", {"FunctionName": "f", "Qualifier": "live"},
     f"lambda:InvokeFunction arn:aws:lambda:{ACCOUNT}:function:f:live"),
    ("kms", "decrypt", {"CiphertextBlob": b"x", "KeyId": "abc"}, f"kms:Decrypt arn:aws:kms:{ACCOUNT}:key/abc"),
    ("kms", "describe_key", {"KeyId": "alias/none"}, f"kms:DescribeKey arn:aws:kms:{ACCOUNT}:alias/none"),
    ("ssm", "get_parameter", {"Name": "/app/db"}, f"ssm:GetParameter arn:aws:ssm:{ACCOUNT}:parameter/app/db"),
    ("logs", "get_log_events", {"logGroupName": "g", "logStreamName": "s"},
     f"logs:GetLogEvents arn:aws:logs:{ACCOUNT}:log-group:g:log-stream:s"),
    ("sts", "assume_role", {"RoleArn": ROLE, "RoleSessionName": "session"}, f"sts:AssumeRole {ROLE}"),
    ("iam", "get_role", {"RoleName": "r"}, "iam:GetRole arn:aws:iam::123456789012:role/r"),
    ("cloudwatch", "list_metrics", {}, "cloudwatch:ListMetrics *"),
    ("apigateway", "get_rest_api", {"restApiId": "a1"}, "apigateway:GET arn:aws:apigateway:us-east-1::/restapis/a1"),
    ("sqs", "send_message_batch", {"QueueUrl": "http://localhost:4566/123456789012/q", "Entries": []},
     f"sqs:SendMessage arn:aws:sqs:{ACCOUNT}:q"),
    ("sns", "publish", {"TopicArn": f"arn:aws:sns:{ACCOUNT}:t", "Message": "m"},
     f"sns:Publish arn:aws:sns:{ACCOUNT}:t"),
    ("dynamodb", "query", {"TableName": "t", "IndexName": "idx"},
     f"dynamodb:Query arn:aws:dynamodb:{ACCOUNT}:table/t/index/idx"),
    ("kinesis", "put_record", {"StreamName": "s", "Data": b"x", "PartitionKey": "k"},
     f"kinesis:PutRecord arn:aws:kinesis:{ACCOUNT}:stream/s"),
    ("appflow", "start_flow", {"flowName": "nightly"}, f"appflow:StartFlow arn:aws:appflow:{ACCOUNT}:flow/nightly"),
    ("lambda", "get_layer_version", {"LayerName": "l", "VersionNumber": 2},
     f"lambda:GetLayerVersion arn:aws:lambda:{ACCOUNT}:layer:l:2"),
    ("s3", "list_object_versions", {"Bucket": "b"}, "s3:ListBucketVersions arn:aws:s3:::b"),
    ("events", "list_rules", {}, "events:ListRules *"),
]  # fmt: skip


@pytest.mark.parametrize("case", RESOURCES, ids=lambda case: f"{case[0]}.{case[1]}")
def test_a_call_knows_its_action_and_resource(endpoint, case):
    service, method, params, expected = case
    client = internal.client(endpoint, service)
    endpoint.injector.arm([NAMING])
    assert named(getattr(client, method), **params) == expected


def test_an_existing_secret_is_named_by_its_full_arn_however_it_was_typed(endpoint):
    secrets = internal.client(endpoint, "secretsmanager")
    arn = secrets.create_secret(Name="db/password", SecretString="x")["ARN"]
    endpoint.injector.arm([NAMING])
    for typed in ("db/password", arn, arn[:-7]):
        assert named(secrets.get_secret_value, SecretId=typed) == f"secretsmanager:GetSecretValue {arn}"
