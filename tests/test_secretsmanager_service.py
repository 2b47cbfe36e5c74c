import pytest
from botocore.exceptions import ClientError
from consistent_rig import GONE, ConsistentRig

DELETED = "You can't perform this operation on the secret because it was marked for deletion."

@pytest.fixture
def rig():
    with ConsistentRig() as made:
        yield made



def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize(
    "operation", ["get_secret_value", "describe_secret", "list_secret_version_ids", "get_resource_policy"]
)
def test_a_secret_that_is_not_there_is_a_400(rig, operation):
    assert refused(getattr(rig.admin, operation), SecretId="none") == ("ResourceNotFoundException", GONE, 400)


def test_a_stage_that_no_version_has_is_named(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    code, message, status = refused(rig.admin.get_secret_value, SecretId="db", VersionStage="AWSPREVIOUS")
    assert (code, status) == ("ResourceNotFoundException", 400)
    assert message == "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS"


def test_a_secret_marked_for_deletion_is_neither_read_nor_written(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.admin.delete_secret(SecretId="db")
    wanted = ("InvalidRequestException", DELETED, 400)
    assert refused(rig.admin.get_secret_value, SecretId="db") == wanted
    assert refused(rig.admin.put_secret_value, SecretId="db", SecretString="b") == wanted
    assert refused(rig.admin.update_secret, SecretId="db", SecretString="b") == wanted
    assert refused(rig.admin.tag_resource, SecretId="db", Tags=[{"Key": "k", "Value": "v"}]) == wanted
    code, message, _ = refused(rig.admin.create_secret, Name="db", SecretString="b")
    assert code == "InvalidRequestException"
    assert message.endswith("because a secret with this name is already scheduled for deletion.")


def test_the_current_version_is_the_one_with_the_label(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.admin.put_secret_value(SecretId="db", SecretString="b")
    stages = rig.admin.describe_secret(SecretId="db")["VersionIdsToStages"]
    version = {labels[0]: name for name, labels in stages.items()}
    rig.admin.update_secret_version_stage(
        SecretId="db", VersionStage="AWSCURRENT", MoveToVersionId=version["AWSPREVIOUS"],
        RemoveFromVersionId=version["AWSCURRENT"],
    )  # fmt: skip
    assert rig.admin.get_secret_value(SecretId="db")["SecretString"] == "a"


def test_a_list_of_versions_has_the_arn(rig):
    arn = rig.admin.create_secret(Name="db", SecretString="a")["ARN"]
    assert rig.admin.list_secret_version_ids(SecretId="db")["ARN"] == arn


@pytest.mark.parametrize("name", ["a b", "a#b", "ä", "a\n"])
def test_a_name_with_other_characters_is_refused(rig, name):
    assert refused(rig.admin.create_secret, Name=name, SecretString="a") == (
        "ValidationException",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!", 400,
    )
    assert rig.admin.create_secret(Name="appflow!1-crm_+=.@/x", SecretString="a")


@pytest.mark.parametrize("token", ["x", "-1", "9" * 4096])
def test_a_token_that_nobody_gave_out_is_refused(rig, token):
    for index in range(3):
        rig.admin.create_secret(Name=f"db{index}", SecretString="a")
    wanted = ("InvalidNextTokenException", "The NextToken value is invalid.", 400)
    assert refused(rig.admin.list_secrets, NextToken=token) == wanted
    assert refused(rig.admin.batch_get_secret_value, SecretIdList=["db1"], NextToken=token) == wanted
    pages = rig.admin.get_paginator("list_secrets").paginate(PaginationConfig={"PageSize": 2})
    assert [each["Name"] for page in pages for each in page["SecretList"]] == ["db0", "db1", "db2"]
