"""What is read of moto's IAM: its own backend objects, filled through boto3 in process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.iam import PolicyError, Principal, Request, decide, parse
from emulator.aws.iam.principals import NoSuchEntity, gather, trust_policy
from emulator.clock import Clock
from emulator.injector import Injector
from emulator.timeline import Timeline

A = "123456789012"
TRUST = {"Version": "2012-10-17", "Statement": {
    "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}}


def text(action: str, effect: str = "Allow") -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": "*"}})


@pytest.fixture
def aws() -> Iterator[SimpleNamespace]:
    """Clients and the backends behind them."""
    clock, backend = Clock(manual=True), Backend()
    endpoint = AwsEndpoint(Injector(clock, Timeline(clock)), Attribution(), backend, {})
    with backend.entered():
        yield SimpleNamespace(
            iam=internal.client(endpoint, "iam"),
            kept=backend.models("iam", "us-east-1"),
        )
    backend.close()


def ids(gathered: Any) -> set[str]:
    return {policy.id for policy in gathered.policies.identity}


def test_a_role_brings_inline_and_managed_policies_boundary_tags_and_user_id(aws: SimpleNamespace) -> None:
    managed = aws.iam.create_policy(PolicyName="Managed", PolicyDocument=text("s3:*"))["Policy"]["Arn"]
    limit = aws.iam.create_policy(PolicyName="Limit", PolicyDocument=text("s3:Get*"))["Policy"]["Arn"]
    role = aws.iam.create_role(
        RoleName="R", Path="/service/", AssumeRolePolicyDocument=json.dumps(TRUST), PermissionsBoundary=limit,
        Tags=[{"Key": "team", "Value": "x"}],
    )["Role"]
    aws.iam.put_role_policy(RoleName="R", PolicyName="Inline", PolicyDocument=text("sqs:*"))
    aws.iam.attach_role_policy(RoleName="R", PolicyArn=managed)
    session = f"arn:aws:sts::{A}:assumed-role/R/fn"
    found = gather(aws.kept, session)
    assert found.principal == Principal(session, role=role["Arn"])
    assert ids(found) == {"role_R_Inline", "Managed"}
    assert found.policies.boundary == parse(text("s3:Get*"), "Limit")
    assert found.context == {"aws:userid": f"{role['RoleId']}:fn", "aws:PrincipalTag/team": "x"}
    assert decide(Request(found.principal, "s3:GetObject", context=found.context), found.policies).allowed
    assert not decide(Request(found.principal, "sqs:SendMessage"), found.policies).allowed
    assert gather(aws.kept, role["Arn"]).policies == found.policies


def test_a_user_brings_its_groups_policies(aws: SimpleNamespace) -> None:
    user = aws.iam.create_user(UserName="Bob", Tags=[{"Key": "team", "Value": "x"}])["User"]
    shared = aws.iam.create_policy(PolicyName="Shared", PolicyDocument=text("s3:*"))["Policy"]["Arn"]
    for group in ("G", "Others"):
        aws.iam.create_group(GroupName=group)
        aws.iam.put_group_policy(GroupName=group, PolicyName="Inline", PolicyDocument=text("sqs:*"))
    aws.iam.add_user_to_group(GroupName="G", UserName="Bob")
    aws.iam.attach_group_policy(GroupName="G", PolicyArn=shared)
    aws.iam.put_user_policy(UserName="Bob", PolicyName="Own", PolicyDocument=text("sns:*"))
    found = gather(aws.kept, user["Arn"])
    assert ids(found) == {"user_Bob_Own", "group_G_Inline", "Shared"}
    assert found.context == {"aws:userid": user["UserId"], "aws:PrincipalTag/team": "x"}
    assert ids(gather(aws.kept, f"arn:aws:iam::{A}:group/G")) == {"group_G_Inline", "Shared"}


def test_the_default_version_of_a_managed_policy_counts(aws: SimpleNamespace) -> None:
    arn = aws.iam.create_policy(PolicyName="P", PolicyDocument=text("s3:*"))["Policy"]["Arn"]
    aws.iam.create_policy_version(PolicyArn=arn, PolicyDocument=text("sqs:*"), SetAsDefault=True)
    aws.iam.create_policy_version(PolicyArn=arn, PolicyDocument=text("sns:*"))
    aws.iam.create_user(UserName="Bob")
    aws.iam.attach_user_policy(UserName="Bob", PolicyArn=arn)
    policy, = gather(aws.kept, f"arn:aws:iam::{A}:user/Bob").policies.identity
    assert policy.statements[0].actions.values == ("sqs:*",)


def test_a_change_is_seen_at_once(aws: SimpleNamespace) -> None:
    aws.iam.create_user(UserName="Bob")
    for action in ("s3:*", "sqs:*"):
        aws.iam.put_user_policy(UserName="Bob", PolicyName="Own", PolicyDocument=text(action))
        policy, = gather(aws.kept, f"arn:aws:iam::{A}:user/Bob").policies.identity
        assert policy.statements[0].actions.values == (action,)


def test_session_policies_are_passed_on_and_root_has_none(aws: SimpleNamespace) -> None:
    aws.iam.create_role(RoleName="R", AssumeRolePolicyDocument=json.dumps(TRUST))
    limit = parse(text("s3:*"))
    assert gather(aws.kept, f"arn:aws:sts::{A}:assumed-role/R/s", [limit]).policies.session == (limit,)
    root = gather(aws.kept, f"arn:aws:iam::{A}:root")
    assert decide(Request(root.principal, "s3:GetObject"), root.policies).allowed


def test_a_boundary_whose_policy_is_gone_allows_nothing() -> None:
    role = SimpleNamespace(name="R", id="AROA", arn=f"arn:aws:iam::{A}:role/R", tags=None, managed_policies={},
                           policies={"P": json.loads(text("*"))}, permissions_boundary_arn="arn:aws:iam::1:policy/gone")
    found = gather(SimpleNamespace(roles={"AROA": role}, managed_policies={}), role.arn)
    assert not decide(Request(found.principal, "s3:GetObject"), found.policies).allowed


@pytest.mark.parametrize(("arn", "kind"), [
    (f"arn:aws:iam::{A}:user/path/No", "user"), (f"arn:aws:iam::{A}:role/No", "role"),
    (f"arn:aws:sts::{A}:assumed-role/No/s", "role"), (f"arn:aws:iam::{A}:group/No", "group"),
])
def test_who_is_not_there_is_said_in_awss_words(aws: SimpleNamespace, arn: str, kind: str) -> None:
    with pytest.raises(NoSuchEntity, match=f"^The {kind} with name No cannot be found.$") as missing:
        gather(aws.kept, arn)
    assert (missing.value.answer.code, missing.value.answer.status) == ("NoSuchEntity", 404)


def test_a_stored_document_that_is_no_policy_is_an_error() -> None:
    user = SimpleNamespace(name="Bob", policies={"P": "{"}, managed_policies={}, id="AIDA", tags=None, arn="x")
    with pytest.raises(PolicyError):
        gather(SimpleNamespace(users={"Bob": user}, groups={}), f"arn:aws:iam::{A}:user/Bob")


def test_a_federated_user_has_the_policies_of_the_session(aws: SimpleNamespace) -> None:
    session = (parse(text("s3:Get*"), "SessionPolicy"),)
    found = gather(aws.kept, f"arn:aws:sts::{A}:federated-user/fed", session)
    assert (found.principal.kind, found.policies.identity, found.policies.session) == ("federated-user", session, ())


def test_a_roles_trust_policy(aws: SimpleNamespace) -> None:
    role = aws.iam.create_role(RoleName="R", Path="/p/", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    assert trust_policy(aws.kept, role).statements[0].actions.values == ("sts:AssumeRole",)
