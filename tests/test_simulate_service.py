"""The policy simulator through boto3 and on the command line."""

import json
import re
import sys
from pathlib import Path

import pytest
from cli_rig import Home, Up
from identity_rig import ACCOUNT, LAMBDA_TRUST, IdentityRig, allow, document, refused

from emulator.cli import main
from emulator.cli.common import client

ROLE = f"arn:aws:iam::{ACCOUNT}:role/crm"
METHOD = f"arn:aws:execute-api:us-east-1:{ACCOUNT}:abc123/prod/GET/orders"
INVOKE = allow("execute-api:Invoke", "arn:aws:execute-api:us-east-1:*:abc123/*")
WHERE = f"1:41-1:{len(document(INVOKE)) - 1}"  # its one statement ends before `]}`


@pytest.fixture
def rig():
    made = IdentityRig()
    yield made
    made.backend.reset()


@pytest.fixture
def iam(rig):
    """With a role that may invoke one API."""
    rig.role("crm")
    rig.client("iam").put_role_policy(RoleName="crm", PolicyName="invoke", PolicyDocument=document(INVOKE))
    return rig.client("iam")


def decisions(answer):
    """{action: decision} of the one resource."""
    return {
        result["EvalActionName"]: result["ResourceSpecificResults"][0]["EvalResourceDecision"]
        for result in answer["EvaluationResults"]
    }


def simulated(iam, *actions, source=ROLE, **params):
    actions = actions or ("execute-api:Invoke",)
    asked = {"PolicySourceArn": source, "ActionNames": list(actions), "ResourceArns": [METHOD], **params}
    return iam.simulate_principal_policy(**asked)


def test_a_role_is_simulated_with_what_iam_has_of_it(iam):
    answer = simulated(iam, "execute-api:Invoke", "s3:GetObject")
    assert decisions(answer) == {"execute-api:Invoke": "allowed", "s3:GetObject": "implicitDeny"}
    matched = answer["EvaluationResults"][0]["MatchedStatements"]
    assert [each["SourcePolicyId"] for each in matched] == ["role_crm_invoke"]
    assert matched[0]["StartPosition"] == {"Line": 1, "Column": 41}
    iam.delete_role_policy(RoleName="crm", PolicyName="invoke")
    assert decisions(simulated(iam)) == {"execute-api:Invoke": "implicitDeny"}


def test_a_context_entry_without_a_name_and_a_number_of_any_length_are_taken(iam):
    entry = {"ContextKeyValues": ["x"], "ContextKeyType": "string"}
    assert decisions(simulated(iam, ContextEntries=[entry])) == {"execute-api:Invoke": "allowed"}
    long = document({**INVOKE, "Condition": {"NumericLessThan": {"aws:MultiFactorAuthAge": "LONG"}}})
    entry = {"ContextKeyName": "aws:MultiFactorAuthAge", "ContextKeyType": "numeric", "ContextKeyValues": ["1"]}
    answer = iam.simulate_custom_policy(
        PolicyInputList=[long.replace('"LONG"', "9" * 5000)], ActionNames=["execute-api:Invoke"],
        ResourceArns=[METHOD], ContextEntries=[entry])
    assert decisions(answer) == {"execute-api:Invoke": "allowed"}


def test_users_and_their_groups_are_simulated(iam):
    iam.create_user(UserName="bob")
    iam.create_group(GroupName="team")
    iam.put_group_policy(GroupName="team", PolicyName="invoke", PolicyDocument=document(INVOKE))
    bob, team = (f"arn:aws:iam::{ACCOUNT}:{who}" for who in ("user/bob", "group/team"))
    assert decisions(simulated(iam, source=bob)) == {"execute-api:Invoke": "implicitDeny"}
    iam.add_user_to_group(UserName="bob", GroupName="team")
    assert decisions(simulated(iam, source=bob)) == decisions(simulated(iam, source=team)) == {
        "execute-api:Invoke": "allowed"
    }


def test_boundaries_contexts_and_more_policies_count(iam):
    boundary = document(allow("s3:*"))
    answer = simulated(iam, PermissionsBoundaryPolicyInputList=[boundary])
    assert decisions(answer) == {"execute-api:Invoke": "implicitDeny"}
    found = answer["EvaluationResults"][0]["PermissionsBoundaryDecisionDetail"]
    assert found == {"AllowedByPermissionsBoundary": False}
    condition = {"StringEquals": {"aws:SourceIp": "1.2.3.4"}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}
    entry = {"ContextKeyName": "aws:SourceIp", "ContextKeyType": "string"}
    for ip, decision in (("1.2.3.4", "explicitDeny"), ("1.2.3.5", "allowed")):
        given = [{**entry, "ContextKeyValues": [ip]}]
        answer = simulated(iam, PolicyInputList=[document(deny)], ContextEntries=given)
        assert decisions(answer) == {"execute-api:Invoke": decision}
    assert simulated(iam, PolicyInputList=[document(deny)])["EvaluationResults"][0]["MissingContextValues"] == [
        "aws:SourceIp"
    ]


def test_service_control_policies_count(rig, iam):
    organizations = rig.client("organizations")
    root = organizations.create_organization(FeatureSet="ALL")["Organization"]["MasterAccountId"]
    policy = organizations.create_policy(
        Type="SERVICE_CONTROL_POLICY", Name="no-api", Description="x",
        Content=document({"Effect": "Deny", "Action": "execute-api:*", "Resource": "*"}),
    )  # fmt: skip
    organizations.attach_policy(PolicyId=policy["Policy"]["PolicySummary"]["Id"], TargetId=root)
    answer = simulated(iam)
    assert decisions(answer) == {"execute-api:Invoke": "explicitDeny"}
    assert answer["EvaluationResults"][0]["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}


def test_policies_of_nobody_are_simulated(rig):
    iam = rig.client("iam")
    answer = iam.simulate_custom_policy(
        PolicyInputList=[document(INVOKE)], ActionNames=["execute-api:Invoke"], ResourceArns=[METHOD, "arn:aws:s3:::x"]
    )
    found = answer["EvaluationResults"][0]
    assert found["EvalDecision"] == "implicitDeny"
    assert [each["EvalResourceDecision"] for each in found["ResourceSpecificResults"]] == ["allowed", "implicitDeny"]


def test_many_actions_come_in_pages(rig):
    actions = [f"s3:Action{number}" for number in range(150)]
    pages = rig.client("iam").get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[document(allow("s3:*"))], ActionNames=actions
    )
    assert [found["EvalActionName"] for page in pages for found in page["EvaluationResults"]] == actions


def test_context_keys_are_those_of_conditions_and_variables(iam):
    condition = {"Bool": {"aws:SecureTransport": "true"}}
    asking = document(allow("s3:*", "arn:aws:s3:::b/${aws:username}/*", Condition=condition))
    keys = ["aws:SecureTransport", "aws:username"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[asking])["ContextKeyNames"] == keys
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=ROLE)["ContextKeyNames"] == []
    found = iam.get_context_keys_for_principal_policy(PolicySourceArn=ROLE, PolicyInputList=[asking])
    assert found["ContextKeyNames"] == keys


def test_what_aws_refuses(iam):
    assert refused(simulated, iam=iam, source=f"arn:aws:iam::{ACCOUNT}:role/nobody") == (
        "NoSuchEntity", "The role with name nobody cannot be found.", 404,
    )  # fmt: skip
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/crm/job"
    assert refused(simulated, iam=iam, source=session) == (
        "InvalidInput", f"Invalid Entity Arn: {session} does not clearly define entity type and name.", 400,
    )  # fmt: skip
    code, _, status = refused(simulated, iam=iam, PolicyInputList=["nonsense"])
    assert (code, status) == ("InvalidInput", 400)
    assert refused(iam.get_context_keys_for_custom_policy, PolicyInputList=["{}"])[0] == "InvalidInput"
    assert refused(iam.get_context_keys_for_principal_policy, PolicySourceArn=session)[0] == "InvalidInput"


def test_the_rest_of_iam_is_there(iam):
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["crm"]


# --- lambdarig simulate-policy ---


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """cli(ARGUMENT...) -> (exit status, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAMBDARIG_PORT", raising=False)
    (tmp_path / "invoke.json").write_text(document(INVOKE))
    (tmp_path / "s3-only.json").write_text(document(allow("s3:*")))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lambdarig", "simulate-policy", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "a mistake of lambdarig itself" not in err
        return end.value.code, out, err

    return call


INVOKING = ("execute-api:Invoke", "--resource", METHOD)


def test_files_need_no_rig(cli):
    status, out, err = cli(*INVOKING, "--policy", "invoke.json")
    assert (status, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["action", "resource", "decision", "statement"]
    assert lines[2][:3] == ["execute-api:Invoke", METHOD, "allowed"]
    assert lines[2][3:] == ["invoke.json", WHERE]


def test_the_page_shows_what_is_printed(cli, tmp_path):
    text = (Path(__file__).parent.parent / "docs" / "iam.md").read_text()
    (policy,) = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (session,) = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "api.json").write_text(policy)
    runs = session.split("$ lambdarig simulate-policy ")[1:]
    assert len(runs) == 2
    for run in runs:
        command, _, printed = run.partition("\n")
        status, out, err = cli(*command.split())
        assert (status, out + err) == (1, printed)


def test_a_denial_is_exit_1(cli):
    status, out, err = cli(*INVOKING, "s3:GetObject", "--policy", "invoke.json")
    assert (status, err) == (1, "lambdarig: 1 of 2 denied\n")
    assert out.splitlines()[-1].split() == ["s3:GetObject", METHOD, "implicitDeny", "none", "matches"]


def test_a_boundary_is_named(cli):
    status, out, _ = cli(*INVOKING, "--policy", "invoke.json", "--boundary", "s3-only.json")
    assert status == 1
    assert out.splitlines()[-1].endswith("permissions boundary")


def test_json_says_it_all(cli):
    status, out, _ = cli(*INVOKING, "--policy", "invoke.json", "--json")
    assert status == 0
    assert json.loads(out) == [{
        "action": "execute-api:Invoke", "resource": METHOD, "decision": "allowed",
        "statements": [f"invoke.json {WHERE}"], "because": "", "missing_context": [],
    }]  # fmt: skip


def test_a_key_that_a_condition_asks_for_is_named_until_it_is_given(cli, tmp_path):
    asking = allow("s3:*", Condition={"StringEquals": {"aws:SourceIp": ["1.2.3.4", "1.2.3.5"]}})
    (tmp_path / "asking.json").write_text(document(asking))
    ask = ("s3:GetObject", "--policy", "asking.json")
    status, _, err = cli(*ask)
    assert status == 1
    assert "a condition asks for aws:SourceIp, which was not given: --context aws:SourceIp=VALUE" in err
    assert cli(*ask, "--context", "aws:SourceIp=1.2.3.5")[0::2] == (0, "")
    assert cli(*ask, "--context", "aws:SourceIp=9.9.9.9")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "Missing argument 'ACTION...'"),
        (("s3:GetObject",), "whose policies? give --role, --user or --policy FILE"),
        (("s3:GetObject", "--role", "a", "--user", "b"), "give --role or --user, not both"),
        (("s3:*", "--policy", "invoke.json"), "Invalid action name: s3:*"),
        (("s3:GetObject", "--policy", "none.json"), "none.json: cannot be read: No such file or directory"),
        (("s3:GetObject", "--policy", "bad.json"), "bad.json: This policy contains invalid Json"),
        (("s3:GetObject", "--policy", "invoke.json", "--context", "x"), "--context 'x': write KEY=VALUE"),
    ],
)  # fmt: skip
def test_wrong_use_is_exit_2(cli, tmp_path, arguments, said):
    (tmp_path / "bad.json").write_text("nonsense")
    status, out, err = cli(*arguments)
    assert (status, out) == (2, "")
    assert said in err


def test_a_rig_is_asked_for_its_roles(cli, tmp_path):
    up = Up(Home(tmp_path / "home"), "--engine", "inline")
    try:
        ask = (*INVOKING, "--port", up.port)
        status, out, err = cli(*ask, "--role", "crm")
        assert (status, out, err) == (2, "", "lambdarig: NoSuchEntity: The role with name crm cannot be found.\n")
        iam = client(int(up.port), "iam")
        iam.create_role(RoleName="crm", AssumeRolePolicyDocument=document(LAMBDA_TRUST))
        status, out, _ = cli(*ask, "--role", "crm")
        assert (status, out.splitlines()[-1].split()[2]) == (1, "implicitDeny")
        iam.put_role_policy(RoleName="crm", PolicyName="invoke", PolicyDocument=document(INVOKE))
        status, out, _ = cli(*ask, "--role", ROLE)
        assert (status, out.splitlines()[-1].split()[2:]) == (0, ["allowed", "role_crm_invoke", WHERE])
    finally:
        up.end()
