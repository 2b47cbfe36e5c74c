"""AWS's words for each denial, policy type by policy type."""

from __future__ import annotations

import pytest

from emulator.aws.iam.policy import PolicyType
from emulator.aws.iam.sentence import masked, reason, sentence

BOB = "arn:aws:iam::123456789012:user/Bob"
GET = "secretsmanager:GetSecretValue"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf"


@pytest.mark.parametrize(("by", "allowing", "denying"), [
    (PolicyType.IDENTITY, "identity-based policy", "an identity-based policy"),
    (PolicyType.RESOURCE, "resource-based policy", "a resource-based policy"),
    (PolicyType.BOUNDARY, "permissions boundary", "a permissions boundary"),
    (PolicyType.SESSION, "session policy", "a session policy"),
    (PolicyType.ENDPOINT, "VPC endpoint policy", "a VPC endpoint policy"),
    (PolicyType.SCP, "service control policy", "a service control policy"),
    (PolicyType.TRUST, "role trust policy", "the role trust policy"),
])
def test_the_end_names_the_policy_type(by: PolicyType, allowing: str, denying: str) -> None:
    start = f"User: {BOB} is not authorized to perform: {GET} on resource: {SECRET}"
    assert sentence(by, False, GET, SECRET, BOB) == f"{start} because no {allowing} allows the {GET} action"
    assert sentence(by, True, GET, SECRET, BOB) == f"{start} with an explicit deny in {denying}"


def test_the_sentence_of_the_appflow_guide() -> None:
    caller = "arn:aws:sts::123456789012:assumed-role/connector-role/connector"
    assert sentence(PolicyType.IDENTITY, False, GET, "appflow!x", caller) == (
        "User: arn:aws:sts::123456789012:assumed-role/connector-role/connector is not authorized to perform: "
        "secretsmanager:GetSecretValue on resource: appflow!x because no identity-based policy allows the "
        "secretsmanager:GetSecretValue action"
    )


def test_an_action_without_resource_names_none() -> None:
    assert sentence(PolicyType.SCP, True, "codecommit:ListRepositories", "", BOB) == (
        f"User: {BOB} is not authorized to perform: codecommit:ListRepositories "
        "with an explicit deny in a service control policy"
    )


def test_older_texts_have_no_policy_type() -> None:
    start = f"User: {BOB} is not authorized to perform: a:b on resource: *"
    assert sentence(PolicyType.RESOURCE, True, "a:b", "*", BOB, typed=False) == f"{start} with an explicit deny"
    assert sentence(PolicyType.IDENTITY, False, "a:b", "*", BOB, typed=False) == start


def test_api_gateway_masks_the_resources_account_and_has_the_end_alone_for_authorizers() -> None:
    assert masked("arn:aws:execute-api:us-east-1:111122223333:abc/dev/GET/x") == (
        "arn:aws:execute-api:us-east-1:********3333:abc/dev/GET/x")
    assert masked("*") == "*"
    denied = reason(PolicyType.IDENTITY, True, "execute-api:Invoke")
    assert denied == "with an explicit deny in an identity-based policy"
