"""IAM at the endpoint, through boto3: who is decided, what decides, and AWS's sentence for each kind of policy."""

import json
import logging

import pytest
from authorization_rig import (
    DENIED,
    DENIED_XML,
    ROLE,
    WHO,
    A,
    document,
    implicit,
    refusal,
    sentence,
    trust,
)

pytest_plugins = ["authorization_rig"]  # fixture: aws

GET = "secretsmanager:GetSecretValue"
HANDLER = """
import boto3

def handler(event, context):
    return boto3.session.Session().client("secretsmanager").get_secret_value(SecretId="tok")["SecretString"]
"""


def read(client, name="tok"):
    return client.get_secret_value(SecretId=name)["SecretString"]


def denied(client, name="tok"):
    code, status, message = refusal(client.get_secret_value, SecretId=name)
    assert (code, status) == DENIED
    return message


# --- functions ---


def test_a_function_whose_role_may_not_read_a_secret_gets_the_guides_sentence(aws, write_handler):
    arn = aws.secret()
    aws.role()
    aws.admin("lambda").create_function(
        FunctionName="crm", Runtime="python3.11", Role=ROLE, Handler="handler.handler", Timeout=30,
        Code={"S3Bucket": "hot-reload", "S3Key": str(write_handler(HANDLER))},
    )

    def invoke():
        return json.loads(aws.admin("lambda").invoke(FunctionName="crm")["Payload"].read())

    said = invoke()
    assert said["errorType"] == "ClientError"
    assert said["errorMessage"] == (
        "An error occurred (AccessDeniedException) when calling the GetSecretValue operation: "
        f"User: {WHO} is not authorized to perform: {GET} on resource: {arn} because no identity-based policy allows "
        f"the {GET} action"
    )
    aws.allow(document(GET, arn))
    assert invoke() == "s3cret"


# --- who is decided ---


def test_the_admin_may_do_everything(aws):
    aws.role()
    aws.secret()
    assert read(aws.secrets) == "s3cret"


def test_a_service_acting_inside_the_rig_is_not_decided(aws):
    from emulator.aws import internal

    aws.secret()
    assert read(internal.client(aws.endpoint, "secretsmanager", "appflow.amazonaws.com")) == "s3cret"


def test_a_role_that_iam_does_not_have_decides_nothing_and_is_named_once(aws, caplog):
    aws.secret()
    with caplog.at_level(logging.WARNING):
        client = aws.session("secretsmanager")
        assert [read(client), read(client)] == ["s3cret", "s3cret"]
    assert [record.message for record in caplog.records] == ["IAM has no role crm-role: what it may do is not decided"]


def test_strict_refuses_a_role_that_iam_does_not_have(aws):
    arn = aws.secret()
    aws.authorization.mode = "strict"
    assert denied(aws.session("secretsmanager")) == sentence(GET, arn, implicit(GET))


def test_off_decides_nothing(aws):
    aws.secret()
    aws.role()
    aws.authorization.mode = "off"
    assert read(aws.session("secretsmanager")) == "s3cret"


def test_a_role_that_is_deleted_while_it_is_used_may_do_nothing(aws):
    aws.secret()
    aws.role(document())
    client = aws.session("secretsmanager")
    assert read(client) == "s3cret"
    aws.iam.delete_role_policy(RoleName="crm-role", PolicyName="p0")
    aws.iam.delete_role(RoleName="crm-role")
    assert implicit(GET) in denied(client)


def test_a_session_of_a_user_who_was_deleted_may_do_nothing(aws):
    arn = aws.secret()
    keys = aws.user("sts").get_session_token()["Credentials"]
    client = aws.holding("secretsmanager", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    for key in aws.iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]:
        aws.iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    aws.iam.delete_user(UserName="ann")
    assert denied(client) == sentence(GET, arn, implicit(GET), f"arn:aws:iam::{A}:user/ann")


def test_a_user_does_not_stand_for_a_role_of_the_same_name(aws):
    aws.secret()
    assert implicit(GET) in denied(aws.user("secretsmanager", "crm-role"))
    assert read(aws.session("secretsmanager")) == "s3cret"


def test_a_role_whose_policy_cannot_be_read_may_do_nothing_and_is_named(aws, caplog):
    statement = {"Effect": "Permit", "Action": "*", "Resource": "*"}
    policies = [{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}]
    role = {"RoleName": "crm-role", "AssumeRolePolicyDocument": json.loads(trust()), "Policies": policies}
    template = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}}
    aws.admin("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps(template))
    aws.secret()
    assert implicit(GET) in denied(aws.session("secretsmanager"))
    assert f"{WHO} may do nothing: Syntax errors in policy." in caplog.text
    code, status, _ = refusal(aws.iam.simulate_principal_policy, PolicySourceArn=ROLE, ActionNames=[GET])
    assert (code, status) == ("PolicyEvaluation", 500)


def test_a_reset_forgets_roles(aws):
    aws.role(document())
    aws.secret()
    assert read(aws.session("secretsmanager")) == "s3cret"
    aws.rig.reset()
    aws.secret()
    assert read(aws.session("secretsmanager")) == "s3cret"


def test_a_users_key_is_decided_by_user_and_groups(aws):
    arn = aws.secret()
    client = aws.user("secretsmanager")
    who = f"arn:aws:iam::{A}:user/ann"
    assert denied(client) == sentence(GET, arn, implicit(GET), who)
    aws.iam.create_group(GroupName="readers")
    aws.iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=document(GET))
    aws.iam.add_user_to_group(GroupName="readers", UserName="ann")
    assert read(client) == "s3cret"


# --- what the sentence names ---


def test_what_does_not_exist_is_named_as_typed_and_denied_before_it_is_missed(aws):
    aws.role(document(GET, f"arn:aws:secretsmanager:us-east-1:{A}:secret:other-*"))
    client = aws.session("secretsmanager")
    assert denied(client, "crm/profile") == sentence(GET, "crm/profile", implicit(GET))
    aws.allow(document(GET))
    code, _, _ = refusal(client.get_secret_value, SecretId="crm/profile")
    assert code == "ResourceNotFoundException"


def test_an_action_without_a_resource_is_named_without_one(aws):
    aws.role()
    action = "secretsmanager:ListSecrets"
    assert refusal(aws.session("secretsmanager").list_secrets)[2] == sentence(action, "", implicit(action))
    action = "lambda:ListFunctions"
    said = refusal(aws.session("lambda").list_functions)
    assert said == ("AccessDeniedException", 403, sentence(action, "*", implicit(action)))


def test_query_and_xml_protocols_say_access_denied_403(aws):
    aws.role()
    action = "iam:GetRole"
    said = refusal(aws.session("iam").get_role, RoleName="crm-role")
    assert said == (*DENIED_XML, sentence(action, ROLE, implicit(action)))
    action = "s3:GetObject"  # S3 alone quotes the resource
    said = refusal(aws.session("s3").get_object, Bucket="b", Key="k/1")
    assert said == (*DENIED_XML, sentence(action, '"arn:aws:s3:::b/k/1"', implicit(action)))


def test_sns_has_an_error_of_its_own(aws):
    aws.role()
    topic = aws.admin("sns").create_topic(Name="t")["TopicArn"]
    code, status, message = refusal(aws.session("sns").publish, TopicArn=topic, Message="m")
    assert (code, status) == ("AuthorizationError", 403)
    assert message == sentence("sns:Publish", topic, implicit("sns:Publish"))


def test_who_one_is_may_always_be_asked(aws):
    aws.role(document("sts:*", effect="Deny"))
    assert aws.session("sts").get_caller_identity()["Arn"] == WHO


# --- each kind of policy ---


def test_an_explicit_deny_of_an_identity_policy(aws):
    arn = aws.secret()
    aws.role(document(), document(GET, effect="Deny"))
    assert denied(aws.session("secretsmanager")) == sentence(
        GET, arn, "with an explicit deny in an identity-based policy")


def test_a_secrets_policy_lets_in_and_keeps_out(aws):
    arn = aws.secret()
    aws.role()
    client = aws.session("secretsmanager")
    aws.secrets.put_resource_policy(SecretId="tok", ResourcePolicy=document(GET, Principal={"AWS": ROLE}))
    assert read(client) == "s3cret"
    aws.allow(document())
    aws.secrets.put_resource_policy(SecretId="tok", ResourcePolicy=document(GET, effect="Deny", Principal="*"))
    assert denied(client) == sentence(GET, arn, "with an explicit deny in a resource-based policy")


@pytest.mark.parametrize(
    ("boundary", "end"),
    [(document("s3:*"), implicit(GET, "permissions boundary")),
     (document(GET, effect="Deny"), "with an explicit deny in a permissions boundary")],
)
def test_a_permissions_boundary_of_a_role_and_of_a_user(aws, boundary, end):
    arn = aws.secret()
    limit = aws.managed(boundary, "Limit")
    aws.role(document(), PermissionsBoundary=limit)
    assert denied(aws.session("secretsmanager")) == sentence(GET, arn, end)
    client = aws.user("secretsmanager", PermissionsBoundary=limit)
    aws.iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=document())
    assert denied(client) == sentence(GET, arn, end, f"arn:aws:iam::{A}:user/ann")
    aws.iam.delete_user_permissions_boundary(UserName="ann")
    assert read(client) == "s3cret"


@pytest.mark.parametrize(
    ("policy", "end"),
    [(document("s3:*"), implicit(GET, "session policy")),
     (document(GET, effect="Deny"), "with an explicit deny in a session policy")],
)
def test_a_session_policy(aws, policy, end):
    arn = aws.secret()
    aws.role(document())
    assert denied(aws.session("secretsmanager", policy)) == sentence(GET, arn, end)


@pytest.mark.parametrize("managed", [False, True])
def test_a_session_is_limited_by_the_policies_it_was_assumed_with(aws, managed):
    arn = aws.secret()
    aws.role(document())
    limit = document("s3:*")
    given = {"PolicyArns": [{"arn": aws.managed(limit)}]} if managed else {"Policy": limit}
    keys = aws.admin("sts").assume_role(RoleArn=ROLE, RoleSessionName="crm", **given)["Credentials"]
    client = aws.holding("secretsmanager", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert denied(client) == sentence(GET, arn, implicit(GET, "session policy"))


@pytest.mark.parametrize(
    ("effect", "end"),
    [("Allow", implicit(GET, "service control policy")), ("Deny", "with an explicit deny in a service control policy")],
)
def test_service_control_policies_of_the_account(aws, effect, end):
    arn = aws.secret()
    aws.role(document())
    organizations = aws.admin("organizations")
    organizations.create_organization(FeatureSet="ALL")
    client = aws.session("secretsmanager")
    assert read(client) == "s3cret"
    text = document("s3:*") if effect == "Allow" else document(GET, effect="Deny")
    policy = organizations.create_policy(
        Name="limit", Description="", Type="SERVICE_CONTROL_POLICY", Content=text)["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy, TargetId=A)
    if effect == "Allow":
        organizations.detach_policy(PolicyId="p-FullAWSAccess", TargetId=A)
    assert denied(client) == sentence(GET, arn, end)
    organizations.attach_policy(PolicyId="p-FullAWSAccess", TargetId=A)
    organizations.detach_policy(PolicyId=policy, TargetId=A)
    assert read(client) == "s3cret"


def test_an_aws_managed_policy_decides(aws):
    aws.role()
    lambda_basic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    aws.iam.attach_role_policy(RoleName="crm-role", PolicyArn=lambda_basic)
    logs = aws.session("logs")
    logs.create_log_group(logGroupName="/aws/lambda/crm")
    assert refusal(logs.describe_log_groups)[:2] == DENIED
    attached = aws.iam.list_attached_role_policies(RoleName="crm-role")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": lambda_basic}]


def test_a_malformed_document_is_refused_where_it_is_written(aws):
    aws.role()
    code, _, message = refusal(
        aws.iam.put_role_policy, RoleName="crm-role", PolicyName="p", PolicyDocument="{")
    assert (code, message) == ("MalformedPolicyDocument", "This policy contains invalid Json")
    assert refusal(aws.iam.update_assume_role_policy, RoleName="crm-role", PolicyDocument="{}")[0] == code


# --- roles ---


@pytest.mark.parametrize(
    ("trusts", "may", "end"),
    [
        ({"AWS": ROLE}, "sts:AssumeRole", ""),
        ({"AWS": f"arn:aws:iam::{A}:root"}, "sts:AssumeRole", ""),
        ({"AWS": f"arn:aws:iam::{A}:root"}, "s3:*", implicit("sts:AssumeRole")),
        ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole", implicit("sts:AssumeRole", "role trust policy")),
    ],
)
def test_to_assume_a_role_both_sides_must_allow(aws, trusts, may, end):
    aws.role(document(may))
    target = aws.role(name="target", AssumeRolePolicyDocument=trust(trusts))
    assume = aws.session("sts").assume_role
    params = {"RoleArn": target, "RoleSessionName": "s1"}
    if end:
        assert refusal(assume, **params) == (*DENIED_XML, sentence("sts:AssumeRole", target, end))
    else:
        assert assume(**params)["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{A}:assumed-role/target/s1"


def test_a_trust_policy_can_deny(aws):
    aws.role(document())
    target = aws.role(name="target", AssumeRolePolicyDocument=trust({"AWS": ROLE}, effect="Deny"))
    message = refusal(aws.session("sts").assume_role, RoleArn=target, RoleSessionName="s1")[2]
    assert message == sentence("sts:AssumeRole", target, "with an explicit deny in the role trust policy")


def test_a_role_that_is_not_there_cannot_be_assumed(aws):
    aws.role(document())
    target = f"arn:aws:iam::{A}:role/none"
    assert refusal(aws.session("sts").assume_role, RoleArn=target, RoleSessionName="s1")[:2] == DENIED_XML


def test_a_role_under_another_path_is_not_there(aws):
    aws.role(document())
    aws.role(name="target", AssumeRolePolicyDocument=trust({"AWS": ROLE}))
    target = f"arn:aws:iam::{A}:role/other/target"
    assert refusal(aws.session("sts").assume_role, RoleArn=target, RoleSessionName="s1")[:2] == DENIED_XML


@pytest.mark.parametrize(
    ("given", "action"),
    [({"Tags": [{"Key": "team", "Value": "crm"}]}, "sts:TagSession"),
     ({"SourceIdentity": "ann"}, "sts:SetSourceIdentity")],
)
def test_tags_and_a_source_identity_of_a_session_take_permissions_of_their_own(aws, given, action):
    aws.role(document("sts:*"))
    target = aws.role(name="target", AssumeRolePolicyDocument=trust({"AWS": ROLE}))
    params = {"RoleArn": target, "RoleSessionName": "s1", **given}
    said = refusal(aws.session("sts").assume_role, **params)
    assert said == (*DENIED_XML, sentence(action, target, implicit(action, "role trust policy")))
    both = trust({"AWS": ROLE}, ["sts:AssumeRole", action])
    aws.iam.update_assume_role_policy(RoleName="target", PolicyDocument=both)
    assert aws.session("sts").assume_role(**params)["Credentials"]


def test_to_give_a_function_a_role_takes_pass_role(aws):
    aws.role(document("lambda:*"))
    client, action = aws.session("lambda"), "iam:PassRole"
    params = {"FunctionName": "f", "Runtime": "python3.11", "Role": ROLE, "Handler": "h.h", "Code": {"ZipFile": b"x"}}
    said = refusal(client.create_function, **params)
    assert said == ("AccessDeniedException", 403, sentence(action, ROLE, implicit(action)))
    aws.allow(document(action, Condition={"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}))
    assert refusal(client.create_function, **params)[0] == "InvalidParameterValueException"  # b"x" is no zip
