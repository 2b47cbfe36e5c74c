"""A rig whose IAM decides, and boto3 clients of whoever is decided: one rig a process, emptied for every test."""

import functools
import json

import pytest
from botocore.exceptions import ClientError

from emulator.aws import internal
from emulator.aws.iam import parse
from emulator.aws.iam.principals import Session
from emulator.rig import Rig
from emulator.settings import Settings

A = "123456789012"
ROLE = f"arn:aws:iam::{A}:role/crm-role"
WHO = f"arn:aws:sts::{A}:assumed-role/crm-role/crm"
DENIED = ("AccessDeniedException", 400)
DENIED_XML = ("AccessDenied", 403)


def document(action="*", resource="*", effect="Allow", **more):
    """A policy of one statement, as text."""
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal=None, action="sts:AssumeRole", effect="Allow"):
    statement = {"Effect": effect, "Principal": principal or {"Service": "lambda.amazonaws.com"}, "Action": action}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Decided:
    """The rig, its admin's clients, and those of roles and users."""

    def __init__(self):
        self.rig = Rig(Settings(engine="inline", manual_clock=True))
        self.endpoint, self.authorization = self.rig.endpoint, self.rig.authorization
        self.iam, self.secrets = self.admin("iam"), self.admin("secretsmanager")

    def fresh(self):
        self.rig.reset()
        self.authorization.mode = "enforce"
        return self

    @functools.cache  # noqa: B019 - one for the process
    def admin(self, service):
        return internal.client(self.endpoint, service)

    def role(self, *documents, name="crm-role", **more):
        """A role with inline policies; gives its ARN."""
        given = {"AssumeRolePolicyDocument": trust(), **more}
        arn = self.iam.create_role(RoleName=name, **given)["Role"]["Arn"]
        for number, text in enumerate(documents):
            self.allow(text, f"p{number}", name)
        return arn

    def allow(self, text, policy="more", name="crm-role"):
        self.iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=text)

    def session(self, service, *session_policies, name="crm-role"):
        """A client of a session of the role."""
        policies = tuple(parse(text, "SessionPolicy") for text in session_policies)
        held = self.rig.keyring.issue(Session(f"arn:aws:sts::{A}:assumed-role/{name}/crm", policies), 3600)
        return self.holding(service, held.access_key, held.secret_key, held.session_token)

    def user(self, service, name="ann", **more):
        """A client of an IAM user, made if need be."""
        if name not in [user["UserName"] for user in self.iam.list_users()["Users"]]:
            self.iam.create_user(UserName=name, **more)
        key = self.iam.create_access_key(UserName=name)["AccessKey"]
        return self.holding(service, key["AccessKeyId"], key["SecretAccessKey"])

    def holding(self, service, key, secret, token=None):
        keys = {"aws_access_key_id": key, "aws_secret_access_key": secret, "aws_session_token": token or None}
        return internal.client(self.endpoint, service, keys=keys)

    def secret(self, name="tok", **more):
        return self.secrets.create_secret(Name=name, SecretString="s3cret", **more)["ARN"]

    def managed(self, text, name="Managed"):
        return self.iam.create_policy(PolicyName=name, PolicyDocument=text)["Policy"]["Arn"]


@functools.cache
def the_rig():
    return Decided()


@pytest.fixture(scope="session", autouse=True)
def _no_rig_left():
    """The rig of all these tests ends with them."""
    yield
    if the_rig.cache_info().currsize:
        the_rig().rig.close()
        the_rig.cache_clear()


@pytest.fixture
def aws():
    yield the_rig().fresh()
    the_rig().fresh()


def refusal(act, **params):
    """(code, status, message) of a call that is refused."""
    with pytest.raises(ClientError) as caught:
        act(**params)
    said = caught.value.response
    return said["Error"]["Code"], said["ResponseMetadata"]["HTTPStatusCode"], said["Error"]["Message"]


def sentence(action, resource, end, who=WHO):
    on = f" on resource: {resource}" if resource else ""
    return f"User: {who} is not authorized to perform: {action}{on} {end}"


def implicit(action, kind="identity-based policy"):
    return f"because no {kind} allows the {action} action"
