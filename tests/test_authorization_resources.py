"""Resource policies, keys and condition keys at the endpoint; who may invoke a function."""

import json
import logging
from io import BytesIO

import pytest
from authorization_rig import (
    DENIED,
    ROLE,
    A,
    document,
    implicit,
    refusal,
    sentence,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.aws.iam import parse
from emulator.aws.iam.principals import Session

pytest_plugins = ["authorization_rig"]  # fixture: aws

GET = "secretsmanager:GetSecretValue"
KMS = "Access to KMS is not allowed"
FUNCTION = f"arn:aws:lambda:us-east-1:{A}:function:crm"
SOURCE = f"arn:aws:execute-api:us-east-1:{A}:a1b2c3/*/GET/orders"


def key(aws, policy=None):
    return aws.admin("kms").create_key(**({"Policy": policy} if policy else {}))["KeyMetadata"]["Arn"]


def function(aws, write_handler, name="crm"):
    return aws.admin("lambda").create_function(
        FunctionName=name, Runtime="python3.11", Role=ROLE, Handler="handler.handler",
        Code={"S3Bucket": "hot-reload", "S3Key": str(write_handler(name=name))},
    )["FunctionArn"]


# --- KMS ---


def test_a_secret_with_a_key_of_ones_own_needs_decrypt(aws):
    kms = key(aws)
    aws.secret(KmsKeyId=kms)
    aws.role(document(GET))
    client = aws.session("secretsmanager")
    assert refusal(client.get_secret_value, SecretId="tok") == (*DENIED, KMS)
    via = {"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}
    condition = {"StringEquals": via, "Bool": {"aws:ViaAWSService": "true"}}
    aws.allow(document("kms:Decrypt", kms, Condition=condition))
    assert client.get_secret_value(SecretId="tok")["SecretString"] == "s3cret"


def test_a_keys_policy_has_to_allow(aws):
    kms = key(aws, document("kms:*", Principal={"AWS": f"arn:aws:iam::{A}:user/admin"}))
    aws.secret(KmsKeyId=kms)
    aws.role(document())
    assert refusal(aws.session("secretsmanager").get_secret_value, SecretId="tok") == (*DENIED, KMS)
    action = "kms:DescribeKey"
    said = refusal(aws.session("kms").describe_key, KeyId=kms)[2]
    assert said == sentence(action, kms, implicit(action, "resource-based policy"))


def test_a_keys_policy_is_enough_when_it_names_the_role(aws):
    kms = key(aws, document("kms:Decrypt", Principal={"AWS": ROLE}))
    aws.admin("kms").create_alias(AliasName="alias/own", TargetKeyId=kms)
    aws.secret(KmsKeyId="alias/own")
    aws.role(document(GET))
    assert aws.session("secretsmanager").get_secret_value(SecretId="tok")["SecretString"] == "s3cret"


def test_to_write_with_a_key_takes_a_data_key(aws):
    kms = key(aws)
    aws.role(document("secretsmanager:*"), document("kms:Decrypt"))
    client = aws.session("secretsmanager")
    assert refusal(client.create_secret, Name="n", SecretString="x", KmsKeyId=kms)[2] == KMS
    aws.allow(document("kms:GenerateDataKey"))
    assert client.create_secret(Name="n", SecretString="x", KmsKeyId=kms)["Name"] == "n"
    assert client.create_secret(Name="m", SecretString="x")["Name"] == "m"


def test_decrypt_finds_the_key_in_the_ciphertext(aws):
    kms = key(aws)
    blob = aws.admin("kms").encrypt(KeyId=kms, Plaintext=b"x")["CiphertextBlob"]
    aws.role(document("kms:Decrypt", kms))
    assert aws.session("kms").decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    aws.allow(document("kms:Decrypt", kms, effect="Deny"))
    assert refusal(aws.session("kms").decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"


# --- other resources' policies ---


def test_a_queue_a_bucket_and_a_function_let_a_role_in_by_their_own_policies(aws, write_handler):
    aws.role()
    url = aws.admin("sqs").create_queue(QueueName="q")["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{A}:q"
    assert refusal(aws.session("sqs").send_message, QueueUrl=url, MessageBody="m")[2] == sentence(
        "sqs:SendMessage", queue, implicit("sqs:SendMessage"))
    policy = document("sqs:SendMessage", queue, Principal={"AWS": ROLE})
    aws.admin("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    entries = [{"Id": "1", "MessageBody": "m"}]
    assert aws.session("sqs").send_message_batch(QueueUrl=url, Entries=entries)["Successful"]

    aws.admin("s3").create_bucket(Bucket="bkt")
    policy = document("s3:PutObject", "arn:aws:s3:::bkt/*", Principal={"AWS": ROLE})
    aws.admin("s3").put_bucket_policy(Bucket="bkt", Policy=policy)
    assert aws.session("s3").put_object(Bucket="bkt", Key="k", Body=b"x")["ETag"]
    assert refusal(aws.session("s3").get_object, Bucket="bkt", Key="k")[0] == "AccessDenied"

    function(aws, write_handler)
    assert refusal(aws.session("lambda").invoke, FunctionName="crm")[2] == sentence(
        "lambda:InvokeFunction", FUNCTION, implicit("lambda:InvokeFunction"))
    aws.admin("lambda").add_permission(
        FunctionName="crm", StatementId="s", Action="lambda:InvokeFunction", Principal=ROLE)
    assert aws.session("lambda").invoke(FunctionName="crm")["StatusCode"] == 200


def test_copying_an_object_takes_both_ends(aws):
    aws.admin("s3").create_bucket(Bucket="bkt")
    aws.admin("s3").put_object(Bucket="bkt", Key="from", Body=b"x")
    aws.role(document("s3:PutObject"))
    params = {"Bucket": "bkt", "Key": "to", "CopySource": "bkt/from"}
    said = refusal(aws.session("s3").copy_object, **params)[2]
    assert said == sentence("s3:GetObject", '"arn:aws:s3:::bkt/from"', implicit("s3:GetObject"))


def test_batches_of_dynamodb_are_decided_table_by_table(aws):
    table = f"arn:aws:dynamodb:us-east-1:{A}:table/"
    aws.role(document("dynamodb:BatchGetItem", f"{table}a"))
    keys = {"Keys": [{"id": {"S": "1"}}]}
    said = refusal(aws.session("dynamodb").batch_get_item, RequestItems={"a": keys, "b": keys})[2]
    assert said == sentence("dynamodb:BatchGetItem", f"{table}b", implicit("dynamodb:BatchGetItem"))


def test_transactions_of_dynamodb_take_the_permissions_of_their_operations(aws):
    table = f"arn:aws:dynamodb:us-east-1:{A}:table/a"
    aws.admin("dynamodb").create_table(
        TableName="a", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}])
    aws.role(document("dynamodb:PutItem", table))
    client, one = aws.session("dynamodb"), {"id": {"S": "1"}}
    client.transact_write_items(TransactItems=[{"Put": {"TableName": "a", "Item": one}}])
    for kind, action in (("Delete", "dynamodb:DeleteItem"), ("ConditionCheck", "dynamodb:ConditionCheckItem")):
        asked = {"TableName": "a", "Key": one, **({"ConditionExpression": "x"} if kind == "ConditionCheck" else {})}
        said = refusal(client.transact_write_items, TransactItems=[{kind: asked}])[2]
        assert said == sentence(action, table, implicit(action))


def test_objects_deleted_together_are_decided_key_by_key(aws):
    aws.admin("s3").create_bucket(Bucket="bkt")
    aws.role(document("s3:DeleteObject", "arn:aws:s3:::bkt/crm/*"))
    client = aws.session("s3")
    assert client.delete_objects(Bucket="bkt", Delete={"Objects": [{"Key": "crm/a&b"}]})["Deleted"]
    both = {"Objects": [{"Key": "crm/a"}, {"Key": "b<c"}]}
    said = refusal(client.delete_objects, Bucket="bkt", Delete=both)[2]
    assert said == sentence("s3:DeleteObject", '"arn:aws:s3:::bkt/b<c"', implicit("s3:DeleteObject"))


def test_buckets_are_listed_by_a_policy_for_every_bucket(aws):
    aws.role(document("s3:ListAllMyBuckets", "arn:aws:s3:::*"))
    assert aws.session("s3").list_buckets()["Buckets"] == []


def test_parameters_are_decided_one_by_one(aws):
    for name in ("/crm/a", "other"):
        aws.admin("ssm").put_parameter(Name=name, Value="x", Type="String")
    aws.role(document("ssm:GetParameters", f"arn:aws:ssm:us-east-1:{A}:parameter/crm/*"))
    client, action = aws.session("ssm"), "ssm:GetParameters"
    assert [found["Name"] for found in client.get_parameters(Names=["/crm/a"])["Parameters"]] == ["/crm/a"]
    said = refusal(client.get_parameters, Names=["/crm/a", "other"])[2]
    assert said == sentence(action, f"arn:aws:ssm:us-east-1:{A}:parameter/other", implicit(action))


def test_secrets_read_together_take_the_permission_to_read_each(aws):
    arns = [aws.secret(), aws.secret("other")]
    aws.role(document("secretsmanager:BatchGetSecretValue"), document(GET, arns[0]))
    client = aws.session("secretsmanager")
    assert client.batch_get_secret_value(SecretIdList=["tok"])["SecretValues"][0]["SecretString"] == "s3cret"
    said = refusal(client.batch_get_secret_value, SecretIdList=["tok", "other"])
    assert said == (*DENIED, sentence(GET, arns[1], implicit(GET)))
    filters = [{"Key": "name", "Values": ["tok"]}]
    assert implicit("secretsmanager:ListSecrets") in refusal(client.batch_get_secret_value, Filters=filters)[2]


def test_a_new_secret_is_matched_with_the_arn_it_will_have_and_named_by_its_name(aws):
    action = "secretsmanager:CreateSecret"
    aws.role(document(action, f"arn:aws:secretsmanager:us-east-1:{A}:secret:crm/*"))
    client = aws.session("secretsmanager")
    assert client.create_secret(Name="crm/a", SecretString="x")["Name"] == "crm/a"
    said = refusal(client.create_secret, Name="other", SecretString="x")[2]
    assert said == sentence(action, "other", implicit(action))


def test_where_the_rig_cannot_tell_the_resource_any_allowed_one_will_do_and_the_log_says_so(aws, caplog):
    aws.role(document("events:PutEvents", f"arn:aws:events:us-east-1:{A}:event-bus/default"))
    entry = {"Source": "s", "DetailType": "t", "Detail": "{}"}
    with caplog.at_level(logging.WARNING):
        assert aws.session("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
    assert "does not know the resource of events:PutEvents" in caplog.text
    assert refusal(aws.session("events").list_rules)[0] == "AccessDeniedException"


# --- condition keys ---


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"StringEquals": {"secretsmanager:ResourceTag/team": "crm", "aws:ResourceTag/team": "crm"}}, True),
        ({"StringEquals": {"aws:ResourceTag/team": "other"}}, False),
        ({"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}}, True),
        ({"StringEquals": {"aws:RequestedRegion": "us-east-1", "secretsmanager:SecretId": "tok"}}, True),
        ({"StringLike": {"secretsmanager:VersionStage": "*"}}, False),
        ({"Bool": {"aws:SecureTransport": "true", "aws:ViaAWSService": "false"}}, True),
        ({"StringLike": {"aws:UserAgent": "*Boto3*"}, "ArnLike": {"aws:PrincipalArn": ROLE}}, True),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z", "aws:EpochTime": "1577836800"}}, True),
        ({"StringEquals": {"aws:PrincipalAccount": A, "aws:PrincipalType": "AssumedRole"}}, True),
        ({"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}, True),
        ({"StringNotEquals": {"aws:ResourceAccount": A}}, False),
        ({"Bool": {"aws:PrincipalIsAWSService": "false"}}, True),
    ],
)
def test_condition_keys(aws, condition, holds):
    aws.secret(Tags=[{"Key": "team", "Value": "crm"}])
    aws.role(document(GET, Condition=condition), Tags=[{"Key": "team", "Value": "crm"}])
    client = aws.session("secretsmanager")
    if holds:
        assert client.get_secret_value(SecretId="tok")["SecretString"] == "s3cret"
    else:
        assert refusal(client.get_secret_value, SecretId="tok")[:2] == DENIED


def test_the_rigs_clock_is_the_time_that_policies_see(aws):
    aws.secret()
    begin = int(aws.rig.clock.epoch())
    aws.role(document(GET, Condition={"NumericLessThan": {"aws:EpochTime": str(begin + 60)}}))
    client = aws.session("secretsmanager")
    assert client.get_secret_value(SecretId="tok")
    aws.rig.clock.advance(61)
    assert refusal(client.get_secret_value, SecretId="tok")[:2] == DENIED


def test_tags_of_a_request_are_condition_keys(aws):
    condition = {"StringEquals": {"aws:RequestTag/team": "crm"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    aws.role(*(document(action, Condition=condition) for action in ("secretsmanager:CreateSecret", "iam:CreateUser")))
    tags = [{"Key": "team", "Value": "crm"}]
    assert aws.session("secretsmanager").create_secret(Name="n", Tags=tags)
    assert aws.session("iam").create_user(UserName="u", Tags=tags)
    tags.append({"Key": "more", "Value": ""})
    assert refusal(aws.session("iam").create_user, UserName="v", Tags=tags)[0] == "AccessDenied"


def test_a_function_is_named_to_policies_as_the_source_of_its_calls(aws, write_handler):
    aws.secret()
    aws.role(document(GET, Condition={"ArnEquals": {"lambda:SourceFunctionArn": FUNCTION}}))
    handler = (
        "import boto3\n\ndef handler(event, context):\n"
        "    return boto3.session.Session().client('secretsmanager').get_secret_value(SecretId='tok')['SecretString']\n"
    )
    aws.admin("lambda").create_function(
        FunctionName="crm", Runtime="python3.11", Role=ROLE, Handler="handler.handler", Timeout=30,
        Code={"S3Bucket": "hot-reload", "S3Key": str(write_handler(handler))},
    )
    assert json.loads(aws.admin("lambda").invoke(FunctionName="crm")["Payload"].read()) == "s3cret"
    assert refusal(aws.session("secretsmanager").get_secret_value, SecretId="tok")[:2] == DENIED


# --- who may invoke ---


@pytest.mark.parametrize(
    ("source", "may"),
    [(SOURCE, True), (f"arn:aws:execute-api:us-east-1:{A}:a1b2c3/*/*", True), ("", True),
     (f"arn:aws:execute-api:us-east-1:{A}:a1b2c3/*/POST/orders", False)],
)
def test_a_function_lets_an_api_in_by_the_arn_of_its_method(aws, write_handler, source, may):
    function(aws, write_handler)
    given = {"SourceArn": source} if source else {}
    asked = f"arn:aws:execute-api:us-east-1:{A}:a1b2c3/dev/GET/orders"
    assert not aws.authorization.may_invoke("crm", source_arn=asked)
    aws.admin("lambda").add_permission(
        FunctionName="crm", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com",
        **given)
    assert aws.authorization.may_invoke(FUNCTION, source_arn=asked) is may
    assert not aws.authorization.may_invoke("crm", principal="appflow.amazonaws.com", source_arn=asked)
    aws.admin("lambda").remove_permission(FunctionName="crm", StatementId="api")
    assert not aws.authorization.may_invoke(FUNCTION, source_arn=asked)
    aws.authorization.mode = "off"
    assert aws.authorization.may_invoke("crm", principal="appflow.amazonaws.com")


def test_each_qualifier_has_permissions_of_its_own(aws, write_handler):
    api = aws.admin("lambda")
    function(aws, write_handler)
    version = api.publish_version(FunctionName="crm")["Version"]
    api.add_permission(
        FunctionName="crm", Qualifier=version, StatementId="s", Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com")
    assert aws.authorization.may_invoke("crm", version)
    assert aws.authorization.may_invoke(f"{FUNCTION}:{version}")
    assert not aws.authorization.may_invoke("crm")


def test_a_function_that_does_not_exist_refuses_nobody(aws):
    assert aws.authorization.may_invoke("none")


def test_appflow_is_refused_by_a_function_that_does_not_let_it_in(aws, write_handler):
    arn = function(aws, write_handler)
    register, how = aws.admin("appflow").register_connector, {"lambda": {"lambdaArn": arn}}
    params = {"connectorLabel": "crm", "connectorProvisioningType": "LAMBDA", "connectorProvisioningConfig": how}
    who, action = "appflow.amazonaws.com", "lambda:InvokeFunction"
    said = refusal(register, **params)
    assert said == (
        "AccessDeniedException", 403, sentence(action, arn, implicit(action, "resource-based policy"), who))
    aws.admin("lambda").add_permission(
        FunctionName="crm", StatementId="appflow", Action=action, Principal=who, SourceAccount=A,
        SourceArn=f"arn:aws:appflow:us-east-1:{A}:*")
    assert refusal(register, **params)[0] == "ConnectorServerException"  # reached: it echoes


# --- whatever is asked ---

TARGETS = (
    ("secretsmanager", "x.GetSecretValue"), ("secretsmanager", "x.CreateSecret"), ("kms", "x.Decrypt"),
    ("dynamodb", "x.BatchGetItem"), ("sqs", "x.SendMessage"), ("events", "x.PutEvents"), ("kinesis", "x.PutRecord"),
)
IDS = st.sampled_from((
    "", "x", 1, None, [], {"a": [{}]}, True, "arn:", "arn:aws:s3:::", "arn:aws:secretsmanager:nowhere:1:secret:x",
    "arn:aws:kms:::key/", "arn:aws:kms:mars-1:1:alias/x", "alias/aws/secretsmanager", f"arn:aws:lambda:a:{A}:layer:l",
    "arn:aws:sqs:mars-1:1:q", "arn:aws:sns:mars-1:1:t", "arn:aws:iam::99:role/x", "ä\ud800",
))
MEMBERS = (
    "SecretId", "Name", "KmsKeyId", "KeyId", "CiphertextBlob", "TableName", "IndexName", "RequestItems", "QueueUrl",
    "StreamName", "Tags", "TagKeys", "Role",
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(TARGETS), st.dictionaries(st.sampled_from(MEMBERS), IDS, max_size=3))
def test_no_call_however_wrong_breaks_the_decision(aws, target, params):
    if not aws.iam.list_roles()["Roles"]:
        aws.role(document())
    from emulator.aws.wire import read

    held = aws.rig.keyring.issue(Session(f"arn:aws:sts::{A}:assumed-role/crm-role/crm"), 60)
    service, operation = target
    body, scope = json.dumps(params).encode(), f"{held.access_key}/20000101/us-east-1/{service}/aws4_request"
    request = read({
        "REQUEST_METHOD": "POST", "PATH_INFO": "/", "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_AMZ_TARGET": operation, "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={scope}",
    })
    refused = aws.authorization.refusal(aws.endpoint._call(request), request)
    assert refused is None or refused.code == "AccessDeniedException"


# --- asked by others ---


def test_decide_takes_a_resource_policy_that_only_the_asker_knows(aws):
    aws.role(document("execute-api:Invoke"))
    who = Session(f"arn:aws:sts::{A}:assumed-role/crm-role/crm")
    api = f"arn:aws:execute-api:us-east-1:{A}:a1b2c3/dev/GET/orders"
    assert aws.authorization.decide(who, "execute-api:Invoke", api).allowed
    closed = parse(document("execute-api:Invoke", effect="Deny", Principal="*"))
    decision = aws.authorization.decide(who, "execute-api:Invoke", api, {}, [closed])
    assert (decision.allowed, decision.explicit, decision.by.value) == (False, True, "resource")
    assert aws.authorization.decide(None, "execute-api:Invoke", api, {}, [closed]).allowed  # the rig's admin
