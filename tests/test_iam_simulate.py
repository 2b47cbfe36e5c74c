"""The simulator's answers, compared with AWS's where one is on record."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from emulator.aws.iam import Policies, parse
from emulator.aws.iam.simulate import (
    SimulationError,
    context_keys,
    simulate_custom_policy,
    simulate_principal_policy,
)

A, B = "123456789012", "444455556666"
USER, ROLE = f"arn:aws:iam::{A}:user/Bob", f"arn:aws:iam::{A}:role/R"
BUCKET, OBJECT = "arn:aws:s3:::bucket", "arn:aws:s3:::bucket/key"
PUT = json.dumps({"Version": "2012-10-17", "Statement": {
    "Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}})
AFTER_DATE = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":'
    '{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
)


def text(effect: str = "Allow", action: str = "s3:*", resource: str = "*", **more: Any) -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def custom(*policies: str, actions: Any = ("s3:PutObject",), generation: str = "current", **params: Any) -> list[Any]:
    asked = {"PolicyInputList": list(policies), "ActionNames": list(actions), **params}
    answer = simulate_custom_policy(asked, generation)
    _check_shape(answer)
    results: list[Any] = answer["EvaluationResults"]
    return results


def _check_shape(answer: dict[str, Any]) -> None:
    """Only members of botocore's shape, all of the right type."""
    shape = get_session().get_service_model("iam").operation_model("SimulateCustomPolicy").output_shape
    assert not ParamValidator().validate(answer, shape).has_errors()


def test_the_recorded_answer_of_2025() -> None:
    attached = Policies((parse(PUT, "policy"),), scps=((parse(text(action="*")),),))
    asked = {"PolicySourceArn": ROLE, "ActionNames": ["s3:PutObject", "s3:GetObjectVersion"], "ResourceArns": [BUCKET]}
    matched = [{"SourcePolicyId": "policy", "SourcePolicyType": "IAM Policy",
                "StartPosition": {"Line": 1, "Column": 41}, "EndPosition": {"Line": 1, "Column": 113}}]

    def result(action: str, decision: str, statements: list[Any]) -> dict[str, Any]:
        own = {"MatchedStatements": statements, "MissingContextValues": [], "EvalDecisionDetails": {}}
        return {
            "EvalActionName": action, "EvalResourceName": BUCKET, "EvalDecision": decision, **own,
            "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
            "ResourceSpecificResults": [{"EvalResourceName": BUCKET, "EvalResourceDecision": decision, **own}],
        }

    assert simulate_principal_policy(asked, attached, "2025") == {
        "EvaluationResults": [result("s3:PutObject", "allowed", matched),
                              result("s3:GetObjectVersion", "implicitDeny", [])],
        "IsTruncated": False,
    }


@pytest.mark.parametrize(("time", "decision", "statements"), [
    ("2019-04-25T11:00:00Z", "allowed", [(38, 167)]), ("2014-04-25T11:00:00Z", "implicitDeny", []),
])
def test_the_example_of_the_aws_cli(time: str, decision: str, statements: list[Any]) -> None:
    entry = {"ContextKeyName": "aws:CurrentTime", "ContextKeyValues": [time], "ContextKeyType": "date"}
    result, = custom(AFTER_DATE, actions=["dynamodb:CreateBackup"], ContextEntries=[entry])
    matched = [
        {"SourcePolicyId": "PolicyInputList.1", "SourcePolicyType": "IAM Policy",
         "StartPosition": {"Line": 1, "Column": start}, "EndPosition": {"Line": 1, "Column": end}}
        for start, end in statements
    ]
    assert result == {"EvalActionName": "dynamodb:CreateBackup", "EvalResourceName": "*", "EvalDecision": decision,
                      "MatchedStatements": matched, "MissingContextValues": []}


def test_today_there_is_one_result_for_each_action_with_the_most_restrictive_decision() -> None:
    good, bad = f"{BUCKET}/good", f"{BUCKET}/bad"
    result, = custom(text(), text("Deny", resource=bad), actions=["s3:GetObject"], ResourceArns=[good, bad])
    assert (result["EvalResourceName"], result["EvalDecision"]) == (
        "arn:${Partition}:s3:::${BucketName}/${KeyName}", "explicitDeny")
    assert [match["SourcePolicyId"] for match in result["MatchedStatements"]] == ["PolicyInputList.2"]
    assert [(each["EvalResourceName"], each["EvalResourceDecision"]) for each in result["ResourceSpecificResults"]] == [
        (good, "allowed"), (bad, "explicitDeny")]
    older = custom(text(), actions=["s3:GetObject"], ResourceArns=[good, bad], generation="2025")
    assert [each["EvalResourceName"] for each in older] == [good, bad]


def test_the_api_guides_check_says_allowed_with_its_policy_and_implicitdeny_without() -> None:
    asked = {"PolicySourceArn": ROLE, "ActionNames": ["execute-api:Invoke"],
             "ResourceArns": [f"arn:aws:execute-api:us-east-1:{A}:abc123/dev/GET/x"]}
    granted = parse(text(action="execute-api:Invoke", resource="arn:aws:execute-api:us-east-1:*:abc123/*"), "p")
    for policies, decision in ((Policies((granted,)), "allowed"), (Policies(), "implicitDeny")):
        result, = simulate_principal_policy(asked, policies)["EvaluationResults"]
        assert result["EvalDecision"] == decision
        assert result["ResourceSpecificResults"][0]["EvalResourceDecision"] == decision


def test_keys_that_were_asked_for_and_not_given_are_listed() -> None:
    strings = {"aws:PrincipalTag/team": "x", "s3:prefix": "${aws:userid}"}
    condition = {"StringEquals": strings, "Bool": {"S3:Prefix": "1"}}
    asking = text(Condition=condition)
    missing = ["aws:PrincipalTag/team", "s3:prefix", "aws:userid"]
    assert custom(asking)[0]["MissingContextValues"] == missing
    entry = {"ContextKeyName": "AWS:principaltag/TEAM", "ContextKeyValues": ["x"], "ContextKeyType": "string"}
    result, = custom(asking, ContextEntries=[entry], ResourceArns=[OBJECT])
    assert result["ResourceSpecificResults"][0]["MissingContextValues"] == missing[1:]
    assert custom(text(action="sqs:*", Condition=condition))[0]["MissingContextValues"] == []
    assert context_keys([parse(asking), parse(asking)]) == missing


def test_boundary_and_organization_say_what_they_decided() -> None:
    scps = [{"ServiceControlPolicyInputList": [text(action=action)]} for action in ("*", "s3:G*")]
    boundary = [text(action="s3:*Object")]
    results = custom(
        text(), actions=["s3:PutObject", "s3:GetBucketAcl", "s3:GetObject"],
        OrderedOrganizationPolicyInputList=scps, PermissionsBoundaryPolicyInputList=boundary,
    )
    found = [
        (result["EvalDecision"], result["OrganizationsDecisionDetail"]["AllowedByOrganizations"],
         result["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"]) for result in results
    ]
    assert found == [("implicitDeny", False, True), ("implicitDeny", True, False), ("allowed", True, True)]
    assert results[0]["MatchedStatements"] == []


def test_a_resource_policy_counts_for_a_user_and_is_refused_for_a_role() -> None:
    policy = text("Deny", "s3:DeleteObject", f"{BUCKET}/*", Principal="*")
    params = {"actions": ["s3:DeleteObject"], "ResourceArns": [OBJECT], "ResourcePolicy": policy}
    result, = custom(text(), CallerArn=USER, **params)
    assert result["EvalDecision"] == "explicitDeny"
    assert [(match["SourcePolicyId"], match["SourcePolicyType"]) for match in result["MatchedStatements"]] == [
        ("ResourcePolicy", "Resource Policy")]
    with pytest.raises(SimulationError) as refused:
        custom(text(), CallerArn=ROLE, **params)
    assert refused.value.answer.message == "Invalid caller - Caller must be an IAM user in this context."
    assert (refused.value.answer.code, refused.value.answer.status) == ("InvalidInput", 400)


def test_resource_policies_are_ignored_when_a_role_is_assumed() -> None:
    trust = text("Deny", "sts:AssumeRole", Principal="*")
    result, = custom(text(action="sts:*"), actions=["sts:AssumeRole"], ResourcePolicy=trust, CallerArn=USER,
                     ResourceArns=[ROLE])
    assert result["EvalDecision"] == "allowed"


@pytest.mark.parametrize("owner", [B, f"arn:aws:iam::{B}:root"])
def test_across_accounts_each_side_is_told(owner: str) -> None:
    params = {"CallerArn": USER, "ResourceArns": [OBJECT], "ResourceOwner": owner}
    alone, = custom(text(), **params)
    assert alone["EvalDecision"] == "implicitDeny"
    assert alone["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "implicitDeny"}
    both, = custom(text(), ResourcePolicy=text(Principal={"AWS": A}), **params)
    assert both["EvalDecision"] == "allowed"
    assert both["ResourceSpecificResults"][0]["EvalDecisionDetails"] == {"IAM Policy": "allowed",
                                                                        "Resource Policy": "allowed"}


def test_pages_join_to_the_whole() -> None:
    actions = [f"s3:Get{number}" for number in range(5)]
    asked = {"PolicyInputList": [text()], "ActionNames": actions, "MaxItems": 2}
    seen, marker = [], ""
    while True:
        answer = simulate_custom_policy({**asked, "Marker": marker})
        seen += [result["EvalActionName"] for result in answer["EvaluationResults"]]
        if not answer["IsTruncated"]:
            break
        marker = answer["Marker"]
    assert seen == actions
    assert "Marker" not in answer
    assert len(simulate_custom_policy({**asked, "MaxItems": None})["EvaluationResults"]) == 5


@pytest.mark.parametrize("params", [
    {"ActionNames": ["s3"]}, {"ActionNames": ["s3:*"]}, {"PolicyInputList": ["{"]}, {"Marker": "?"}, {"Marker": "eA=="},
    {"PermissionsBoundaryPolicyInputList": ["[]"]},
])
def test_what_cannot_be_simulated_is_invalid_input(params: dict[str, Any]) -> None:
    with pytest.raises(SimulationError):
        simulate_custom_policy({"PolicyInputList": [text()], "ActionNames": ["s3:GetObject"], **params})


def test_an_unknown_generation_lists_the_choices() -> None:
    with pytest.raises(ValueError, match="current, 2025"):
        custom(text(), generation="2030")
