import json

import pytest
from botocore.exceptions import ClientError
from consistent_rig import ConsistentRig, read

from emulator.aws.services.secret_rotation import STEPS, Rotation
from emulator.aws.services.secretsmanager import SecretsManager
from emulator.model import Outcome
from faults.secret_stale import SecretStale

ARN = "arn:aws:lambda:us-east-1:123456789012:function:rotate"


class RotatingRig(ConsistentRig):
    """A rig whose rotation function is a method; `steps`: what it was invoked with. fails: the step that does."""

    def __init__(self):
        super().__init__()
        self.steps, self.fails, self.seen, self.allowed = [], "", [], True
        rotation = Rotation(
            self.backend, self, self.clock, self.consistency.writing, lambda arn: self.allowed and arn == ARN
        )
        self.endpoint.services = {"secretsmanager": SecretsManager(self.backend, rotation)}
        self.secret = self.admin.create_secret(Name="db", SecretString="old")

    def invoke(self, function, payload, origin, *, caller="", **_):
        event = json.loads(payload)
        self.steps.append((function, origin, caller, event))
        self.seen.append(read(self.admin))
        if event["Step"] == self.fails:
            return Outcome("error", b"{}", "Unhandled")
        getattr(self, event["Step"])(event["SecretId"], event["ClientRequestToken"])
        return Outcome("ok", b"null")

    def createSecret(self, arn, token):
        assert self.admin.describe_secret(SecretId=arn)["VersionIdsToStages"][token] == ["AWSPENDING"]
        if read(self.admin, VersionId=token) == "new":
            return  # an earlier rotation got this far
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            self.admin.get_secret_value(SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        self.admin.put_secret_value(
            SecretId=arn, ClientRequestToken=token, SecretString="new", VersionStages=["AWSPENDING"]
        )  # fmt: skip

    def setSecret(self, arn, token):
        assert read(self.admin, VersionStage="AWSPENDING") == "new"

    def testSecret(self, arn, token):
        assert read(self.admin, VersionId=token) in ("new", "old")

    def finishSecret(self, arn, token):
        stages = self.admin.describe_secret(SecretId=arn)["VersionIdsToStages"]
        current = next(name for name, labels in stages.items() if "AWSCURRENT" in labels)
        self.admin.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )  # fmt: skip

    def rotate(self, **more):
        return self.admin.rotate_secret(**{"SecretId": "db", "RotationLambdaARN": ARN, **more})

    def refused(self, **more):
        with pytest.raises(ClientError) as caught:
            self.rotate(**more)
        return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def rig():
    with RotatingRig() as made:
        yield made


def test_the_four_steps_are_invoked_with_arn_and_token(rig):
    answer = rig.rotate()
    assert [event["Step"] for *_, event in rig.steps] == list(STEPS)
    assert {(function, origin, caller) for function, origin, caller, _ in rig.steps} == {
        (ARN, "lambda", "secretsmanager.amazonaws.com")
    }
    assert {(event["SecretId"], event["ClientRequestToken"]) for *_, event in rig.steps} == {
        (rig.secret["ARN"], answer["VersionId"])
    }
    assert (answer["ARN"], answer["Name"]) == (rig.secret["ARN"], "db")


def test_the_new_value_is_current_only_when_it_is_through(rig):
    token = rig.rotate()["VersionId"]
    assert (rig.seen, read(rig.admin), read(rig.admin, VersionStage="AWSPREVIOUS")) == (["old"] * 4, "new", "old")
    described = rig.admin.describe_secret(SecretId="db")
    assert sorted(described["VersionIdsToStages"][token]) == ["AWSCURRENT", "AWSPENDING"]
    assert (described["RotationEnabled"], described["RotationLambdaARN"]) == (True, ARN)


def test_it_can_be_rotated_again_without_naming_the_function(rig):
    rig.rotate()
    rig.admin.rotate_secret(SecretId="db")
    assert len(rig.steps) == 8


def test_every_change_of_a_label_is_a_version_that_readers_may_see_late(rig):
    rig.clock.advance(60)
    readers = rig.function()
    rig.rotate()
    rig.arm(SecretStale(seconds=10), operation="*")
    assert (read(readers), len(readers.describe_secret(SecretId="db")["VersionIdsToStages"])) == ("old", 1)
    rig.clock.advance(10)
    assert (read(readers), len(readers.describe_secret(SecretId="db")["VersionIdsToStages"])) == ("new", 2)
    rig.injector.disarm()
    assert [write.what for write in rig.versions()][1:] == [
        "CreateSecret", "RotateSecret", "PutSecretValue", "UpdateSecretVersionStage", "RotateSecret",
    ]  # fmt: skip


def test_a_failing_step_ends_it_and_the_label_stays(rig):
    rig.fails = "testSecret"
    token = rig.rotate()["VersionId"]
    assert [event["Step"] for *_, event in rig.steps] == ["createSecret", "setSecret", "testSecret"]
    assert (read(rig.admin), read(rig.admin, VersionStage="AWSPENDING")) == ("old", "new")
    unfinished = "A previous rotation isn't complete. That rotation will be reattempted."
    assert rig.refused() == ("InvalidRequestException", unfinished)
    rig.fails = ""
    rig.rotate(ClientRequestToken=token)
    assert read(rig.admin) == "new"


def test_a_rotation_for_later_only_tests_the_function(rig):
    rig.rotate(RotateImmediately=False, RotationRules={"AutomaticallyAfterDays": 30})
    assert [event["Step"] for *_, event in rig.steps] == ["testSecret"]
    described = rig.admin.describe_secret(SecretId="db")
    assert (len(described["VersionIdsToStages"]), described["RotationRules"]["AutomaticallyAfterDays"]) == (1, 30)


def test_what_cannot_be_rotated_is_refused(rig):
    assert rig.refused(SecretId="none")[1] == "Secrets Manager can't find the specified secret."
    with pytest.raises(ClientError, match="No Lambda rotation function ARN is associated with this secret"):
        rig.admin.rotate_secret(SecretId="db")
    rig.allowed = False
    code, message = rig.refused()
    assert (code, message.split(".")[0]) == (
        "AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function"
    )  # fmt: skip
    rig.admin.delete_secret(SecretId="db")
    assert rig.refused()[1].endswith("because it was marked for deletion.")
    assert rig.steps == []


def test_a_function_of_the_rig_rotates(inline_rig, write_handler):
    folder = write_handler(ROTATE)
    inline_rig.function("rotate", folder, "handler.handler")
    aws = inline_rig.client("lambda")
    sm = inline_rig.client("secretsmanager")
    sm.create_secret(Name="db", SecretString="old")
    with pytest.raises(ClientError, match="cannot invoke the specified Lambda function"):
        sm.rotate_secret(SecretId="db", RotationLambdaARN=ARN)
    aws.add_permission(
        FunctionName="rotate", StatementId="s", Action="lambda:InvokeFunction", Principal="secretsmanager.amazonaws.com"
    )  # fmt: skip
    sm.rotate_secret(SecretId="db", RotationLambdaARN=ARN)
    assert sm.get_secret_value(SecretId="db")["SecretString"] == "new"
    steps = [event for event in inline_rig.timeline.events() if event.point == "invoke"]
    assert len(steps) == 4


def test_without_a_rotation_it_is_motos_business():
    with ConsistentRig() as one:
        one.admin.create_secret(Name="db", SecretString="a")
        assert one.admin.rotate_secret(SecretId="db")["Name"] == "db"


ROTATE = '''
import os
import boto3

def handler(event, context):
    sm = boto3.client(
        "secretsmanager", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1",
        aws_access_key_id=os.environ["AWS_ACCESS_KEY_ID"], aws_session_token=os.environ["AWS_SESSION_TOKEN"],
        aws_secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    )
    arn, token = event["SecretId"], event["ClientRequestToken"]
    if event["Step"] == "createSecret":
        sm.put_secret_value(SecretId=arn, ClientRequestToken=token, SecretString="new", VersionStages=["AWSPENDING"])
    if event["Step"] == "finishSecret":
        stages = sm.describe_secret(SecretId=arn)["VersionIdsToStages"]
        current = next(name for name, labels in stages.items() if "AWSCURRENT" in labels)
        sm.update_secret_version_stage(
            SecretId=arn, VersionStage="AWSCURRENT", MoveToVersionId=token, RemoveFromVersionId=current
        )
'''
