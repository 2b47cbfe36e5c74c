"""What AppFlow may do with a bucket: its policy says so, and where it has none, the mode."""

import json
import logging

import pytest
from appflow_rig import CONFIGURATION
from authorization_rig import DENIED_XML, A, refusal
from botocore.exceptions import ClientError
from flow_rig import DEFINITION, flow

from emulator.aws import internal

pytest_plugins = ["authorization_rig"]  # fixture: aws
APPFLOW = "appflow.amazonaws.com"
# Amazon AppFlow user guide, bucket policies for Amazon AppFlow
TO = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads",
      "s3:GetBucketAcl", "s3:PutObjectAcl"]
FROM = ["s3:ListBucket", "s3:GetObject"]
BOTH = ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]


def policy(action, resource=None, principal=APPFLOW, **more):
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": action, "Resource": resource or BOTH}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})


@pytest.fixture
def s3(aws):
    """(the admin's client, AppFlow's in a run of the flow contacts), in front of an empty bucket."""
    admin = aws.admin("s3")
    admin.create_bucket(Bucket="lake")
    return admin, internal.client(aws.endpoint, "s3", APPFLOW, place="contacts/run-1")


def test_a_bucket_without_a_policy_is_not_decided_and_named_once(s3, caplog):
    _, appflow = s3
    with caplog.at_level(logging.WARNING):
        for key in ("a", "b"):
            appflow.put_object(Bucket="lake", Key=key, Body=b"x")
    assert [record.message for record in caplog.records] == [
        "arn:aws:s3:::lake has no policy: what AppFlow may do with it is not decided"
    ]


def test_a_bucket_without_a_policy_grants_nothing_in_strict_mode_and_everything_when_off(s3, aws):
    _, appflow = s3
    aws.authorization.mode = "strict"
    code, status, message = refusal(appflow.put_object, Bucket="lake", Key="a", Body=b"x")
    assert (code, status) == DENIED_XML
    assert message == (f'User: {APPFLOW} is not authorized to perform: s3:PutObject on resource: "arn:aws:s3:::lake/a" '
                       "because no resource-based policy allows the s3:PutObject action")
    aws.authorization.mode = "off"
    appflow.put_object(Bucket="lake", Key="a", Body=b"x")


def test_the_guides_policy_for_a_destination_lets_appflow_write(s3):
    admin, appflow = s3
    admin.put_bucket_policy(Bucket="lake", Policy=policy(TO))
    appflow.get_bucket_acl(Bucket="lake")
    appflow.put_object(Bucket="lake", Key="a", Body=b"x")
    upload = appflow.create_multipart_upload(Bucket="lake", Key="b")["UploadId"]
    part = appflow.upload_part(Bucket="lake", Key="b", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    appflow.complete_multipart_upload(Bucket="lake", Key="b", UploadId=upload, MultipartUpload=parts)
    assert refusal(appflow.get_object, Bucket="lake", Key="a")[:2] == DENIED_XML
    assert refusal(appflow.list_objects_v2, Bucket="lake")[:2] == DENIED_XML


def test_the_guides_policy_for_a_source_lets_appflow_read(s3):
    admin, appflow = s3
    admin.put_object(Bucket="lake", Key="a", Body=b"x")
    admin.put_bucket_policy(Bucket="lake", Policy=policy(FROM))
    assert appflow.list_objects_v2(Bucket="lake")["KeyCount"] == 1
    assert appflow.get_object(Bucket="lake", Key="a")["Body"].read() == b"x"
    assert refusal(appflow.put_object, Bucket="lake", Key="b", Body=b"x")[:2] == DENIED_XML


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (policy(TO, principal="lambda.amazonaws.com"), False),
        (policy(TO, resource="arn:aws:s3:::lake/raw/*"), False),
        (policy("s3:*", Effect="Deny"), False),
        (policy(TO, Condition={"StringEquals": {"aws:SourceAccount": A}}), True),
        (policy(TO, Condition={"StringEquals": {"aws:SourceAccount": "210987654321"}}), False),
        (policy(TO, Condition={"ArnLike": {"aws:SourceArn": f"arn:aws:appflow:us-east-1:{A}:*"}}), True),
        (policy(TO, Condition={"ArnEquals": {"aws:SourceArn": f"arn:aws:appflow:us-east-1:{A}:flow/contacts"}}), True),
        (policy(TO, Condition={"ArnEquals": {"aws:SourceArn": f"arn:aws:appflow:us-east-1:{A}:flow/other"}}), False),
    ],
)
def test_a_bucket_that_has_a_policy_is_decided_by_it(s3, given, allowed):
    admin, appflow = s3
    admin.put_bucket_policy(Bucket="lake", Policy=given)
    if allowed:
        appflow.put_object(Bucket="lake", Key="a", Body=b"x")
    else:
        assert refusal(appflow.put_object, Bucket="lake", Key="a", Body=b"x")[:2] == DENIED_XML


def test_other_services_are_not_decided_by_a_buckets_policy(s3, aws):
    admin, _ = s3
    admin.put_object(Bucket="lake", Key="code.zip", Body=b"x")
    admin.put_bucket_policy(Bucket="lake", Policy=policy(FROM))
    internal.client(aws.endpoint, "s3", "lambda.amazonaws.com").get_object(Bucket="lake", Key="code.zip")


CONNECTOR = f"""
ANSWERS = {{"DescribeConnectorConfiguration": {{**{CONFIGURATION!r}, "authenticationConfig": None}},
           "DescribeEntity": {DEFINITION!r}, "QueryData": {{"isSuccess": True, "records": ['{{"Id": "1"}}']}}}}

def handler(event, context):
    return ANSWERS.get(event["type"].removesuffix("Request"), {{"isSuccess": True}})
"""


def test_a_flow_is_made_and_runs_when_its_bucket_lets_appflow_in(inline_rig, write_handler):
    appflow, s3 = internal.client(inline_rig.endpoint, "appflow"), internal.client(inline_rig.endpoint, "s3")
    s3.create_bucket(Bucket="lake")
    arn = inline_rig.function("crm", write_handler(CONNECTOR), "handler.handler")
    appflow.register_connector(connectorLabel="crm", connectorProvisioningConfig={"lambda": {"lambdaArn": arn}})
    appflow.create_connector_profile(
        connectorProfileName="acme", connectorType="CustomConnector", connectorLabel="crm", connectionMode="Public",
        connectorProfileConfig={"connectorProfileProperties": {"CustomConnector": {}}},
    )
    s3.put_bucket_policy(Bucket="lake", Policy=policy(FROM))
    with pytest.raises(ClientError) as caught:
        appflow.create_flow(**flow())
    said = caught.value.response["Error"]
    assert (said["Code"], said["Message"]) == (
        "ValidationException",
        "Create Flow request failed: [The bucket lake cannot be reached by Amazon AppFlow: AccessDenied]",
    )
    s3.put_bucket_policy(Bucket="lake", Policy=policy(TO))
    appflow.create_flow(**flow())
    s3.put_bucket_policy(Bucket="lake", Policy=policy("s3:GetBucketAcl"))
    assert status(inline_rig, appflow) == "Error"
    s3.put_bucket_policy(Bucket="lake", Policy=policy(TO))
    assert status(inline_rig, appflow) == "Successful"


def status(rig, appflow):
    appflow.start_flow(flowName="contacts")
    rig.settle()
    return appflow.describe_flow_execution_records(flowName="contacts")["flowExecutions"][0]["executionStatus"]
