"""What belongs to functions (versions, permissions, layers, settings) through plain boto3, in AWS's words."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from lambda_api_rig import ARN, ECHO, given, plain_client, refusal
from lambda_fixtures import create, invoke, zipped

pytest_plugins = ["lambda_api_rig"]  # fixture: lambda_rig


@pytest.fixture(scope="module")
def api(lambda_rig):
    return plain_client(lambda_rig)


# --- versions and aliases ---------------------------------------------------------------------------------


def says(word):
    return f"def handler(e, c):\n    return ['{word}', c.function_version, c.invoked_function_arn]\n"


def test_versions_and_aliases_by_qualifier(api):
    create(api, "v", says("one"))
    assert api.publish_version(FunctionName="v")["Version"] == "1"
    assert api.publish_version(FunctionName="v")["Version"] == "1", "nothing changed since"
    api.update_function_code(FunctionName="v", ZipFile=zipped({"app.py": says("two")}), Publish=True)
    api.create_alias(FunctionName="v", Name="live", FunctionVersion="1")
    assert invoke(api, "v")[0] == ["two", "$LATEST", f"{ARN}v"]
    assert invoke(api, "v", Qualifier="1")[0] == ["one", "1", f"{ARN}v:1"]
    assert invoke(api, "v:live")[0] == ["one", "1", f"{ARN}v:live"]
    api.update_alias(FunctionName="v", Name="live", FunctionVersion="2")
    assert invoke(api, f"{ARN}v:live")[0] == ["two", "2", f"{ARN}v:live"]
    versions = api.list_versions_by_function(FunctionName="v")["Versions"]
    assert [row["Version"] for row in versions] == ["$LATEST", "1", "2"]
    assert [row["FunctionArn"].rpartition(":")[2] for row in versions] == ["$LATEST", "1", "2"]


def test_a_published_version_stays_warm_while_latest_changes(lambda_rig, api):
    create(api, "stay", says("one"), Publish=True)
    assert invoke(api, "stay:1")[0][0] == "one"
    invoke(api, "stay")
    api.update_function_configuration(FunctionName="stay", Timeout=9)
    warm = [e.function.version for e, _ in lambda_rig.pool.environments() if e.function.name == "stay"]
    assert warm == ["1"]


@pytest.mark.parametrize(
    ("operation", "params", "words"),
    [
        ("get_alias", {"Name": "no"}, ("ResourceNotFoundException", 404, f"Cannot find alias arn: {ARN}al:no")),
        ("create_alias", {"Name": "x", "FunctionVersion": "9"},
         ("ResourceNotFoundException", 404, f"Function not found: {ARN}al:9")),
        ("create_alias", {"Name": "live", "FunctionVersion": "1"},
         ("ResourceConflictException", 409, f"Alias already exists: {ARN}al:live")),
        ("delete_function", {"Qualifier": "$LATEST"}, ("InvalidParameterValueException", 400,
         "$LATEST version cannot be deleted without deleting the function.")),
    ],
)  # fmt: skip
def test_what_versions_and_aliases_refuse(api, operation, params, words):
    if "al" not in [f["FunctionName"] for f in api.list_functions()["Functions"]]:
        create(api, "al", ECHO, Publish=True)
        api.create_alias(FunctionName="al", Name="live", FunctionVersion="1")
    assert refusal(getattr(api, operation), FunctionName="al", **params) == words


def test_one_version_can_be_deleted(api):
    create(api, "dv", ECHO, Publish=True)
    api.delete_function(FunctionName="dv", Qualifier="1")
    assert refusal(api.get_function, FunctionName="dv:1")[0] == "ResourceNotFoundException"
    assert api.get_function(FunctionName="dv")["Configuration"]["Version"] == "$LATEST"


# --- permissions ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(api):
    create(api, "perm", ECHO)
    return {"FunctionName": "perm", "Action": "lambda:InvokeFunction"}


def test_a_statement_as_aws_writes_it(api, guarded):
    answer = api.add_permission(
        StatementId="s1", Principal="apigateway.amazonaws.com", SourceAccount="123456789012",
        SourceArn="arn:aws:execute-api:us-east-1:123456789012:abc/*", **guarded,
    )  # fmt: skip
    statement = {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": {"Service": "apigateway.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": f"{ARN}perm",
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "123456789012"},
            "ArnLike": {"AWS:SourceArn": "arn:aws:execute-api:us-east-1:123456789012:abc/*"},
        },
    }
    assert json.loads(answer["Statement"]) == statement
    policy = json.loads(api.get_policy(FunctionName="perm")["Policy"])
    assert policy == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    text = "The statement id (s1) provided already exists. Please provide a new statement id, or remove the existing statement."  # noqa: E501
    words = refusal(api.add_permission, StatementId="s1", Principal="*", **guarded)
    assert words == ("ResourceConflictException", 409, text)
    words = refusal(api.remove_permission, FunctionName="perm", StatementId="s9")
    assert words == ("ResourceNotFoundException", 404, "Statement s9 is not found in resource policy.")
    api.remove_permission(FunctionName="perm", StatementId="s1")
    words = refusal(api.get_policy, FunctionName="perm")
    assert words == ("ResourceNotFoundException", 404, "The resource you requested does not exist.")
    words = refusal(api.remove_permission, FunctionName="perm", StatementId="s1")
    assert words == ("ResourceNotFoundException", 404, "No policy is associated with the given resource.")


@pytest.mark.parametrize(
    ("principal", "written"),
    [
        ("*", "*"),
        ("123456789012", {"AWS": "arn:aws:iam::123456789012:root"}),
        ("arn:aws:iam::123456789012:role/r", {"AWS": "arn:aws:iam::123456789012:role/r"}),
        ("appflow.amazonaws.com", {"Service": "appflow.amazonaws.com"}),
    ],
)
def test_principals(api, guarded, principal, written):
    sid = f"p{len(principal)}"
    answer = api.add_permission(StatementId=sid, Principal=principal, **guarded)
    api.remove_permission(FunctionName="perm", StatementId=sid)
    assert json.loads(answer["Statement"])["Principal"] == written


def test_a_principal_that_is_none(api, guarded):
    words = refusal(api.add_permission, StatementId="s2", Principal="nobody", **guarded)
    text = "The provided principal was invalid. Please check the principal and try again."
    assert words == ("InvalidParameterValueException", 400, text)


# --- layers -----------------------------------------------------------------------------------------------


def test_layers(api):
    made = api.publish_layer_version(
        LayerName="l", Content={"ZipFile": zipped({"python/own.py": "X = 1\n"})}, CompatibleRuntimes=["python3.11"]
    )
    assert made["LayerVersionArn"] == "arn:aws:lambda:us-east-1:123456789012:layer:l:1"
    api.publish_layer_version(LayerName="l", Content={"ZipFile": zipped({"python/own.py": "X = 2\n"})})
    assert [row["Version"] for row in api.list_layer_versions(LayerName="l")["LayerVersions"]] == [2, 1]
    api.delete_layer_version(LayerName="l", VersionNumber=2)
    assert api.list_layers()["Layers"][-1]["LatestMatchingVersion"]["Version"] == 1
    third = api.publish_layer_version(LayerName="l", Content={"ZipFile": zipped({"python/own.py": "X = 3\n"})})
    assert third["Version"] == 3, "the number of a deleted version is not given again"
    assert api.get_layer_version(LayerName="l", VersionNumber=1)["Content"]["CodeSize"] > 0


def test_a_layer_that_is_not_there(api):
    arn = "arn:aws:lambda:us-east-1:123456789012:layer:none:1"
    words = refusal(api.create_function, **given("layered", Layers=[arn]))
    assert words == ("ResourceNotFoundException", 404, f"Layer version {arn} does not exist.")


# --- settings ---------------------------------------------------------------------------------------------


def test_reserved_concurrency(api):
    create(api, "reserved", ECHO)
    assert "ReservedConcurrentExecutions" not in api.get_function_concurrency(FunctionName="reserved")
    api.put_function_concurrency(FunctionName="reserved", ReservedConcurrentExecutions=4)
    assert api.get_function(FunctionName="reserved")["Concurrency"] == {"ReservedConcurrentExecutions": 4}
    limit = api.get_account_settings()["AccountLimit"]
    assert limit["ConcurrentExecutions"] - limit["UnreservedConcurrentExecutions"] == 4
    words = refusal(api.put_function_concurrency, FunctionName="reserved", ReservedConcurrentExecutions=101)
    assert words[0] == "InvalidParameterValueException"
    api.delete_function_concurrency(FunctionName="reserved")
    assert "Concurrency" not in api.get_function(FunctionName="reserved")


def test_event_invoke_configuration(api):
    create(api, "evented", ECHO)
    words = refusal(api.get_function_event_invoke_config, FunctionName="evented")
    text = f"The function {ARN}evented:$LATEST doesn't have an EventInvokeConfig"
    assert words == ("ResourceNotFoundException", 404, text)
    put = api.put_function_event_invoke_config(FunctionName="evented", MaximumRetryAttempts=0)
    assert (put["FunctionArn"], put["MaximumRetryAttempts"]) == (f"{ARN}evented:$LATEST", 0)
    update = api.update_function_event_invoke_config(
        FunctionName="evented", Qualifier="$LATEST", MaximumEventAgeInSeconds=60
    )
    assert (update["MaximumRetryAttempts"], update["MaximumEventAgeInSeconds"]) == (0, 60)
    assert len(api.list_function_event_invoke_configs(FunctionName="evented")["FunctionEventInvokeConfigs"]) == 1
    api.delete_function_event_invoke_config(FunctionName="evented")
    assert refusal(api.get_function_event_invoke_config, FunctionName="evented")[1] == 404
    for wrong in ({"MaximumRetryAttempts": 3}, {"MaximumEventAgeInSeconds": 59}):
        words = refusal(api.put_function_event_invoke_config, FunctionName="evented", **wrong)
        assert words[1] == 400


def test_tags(api):
    create(api, "tagged", ECHO, Tags={"a": "1"})
    arn = f"{ARN}tagged"
    api.tag_resource(Resource=arn, Tags={"b": "2"})
    assert api.list_tags(Resource=arn)["Tags"] == {"a": "1", "b": "2"}
    api.untag_resource(Resource=arn, TagKeys=["a"])
    assert api.get_function(FunctionName="tagged")["Tags"] == {"b": "2"}


def test_an_operation_that_is_not_served_says_so(api):
    words = refusal(api.list_code_signing_configs)
    assert words[0] == "UnsupportedOperationException"
    assert "lambdarig does not serve lambda.ListCodeSigningConfigs" in words[2]


@pytest.mark.parametrize("texts", ["current", "2023", "2020", "2018"])
def test_the_generation_of_log_texts_is_the_rigs_or_the_functions_own(texts, inline_rig, write_handler):
    folder = write_handler("import threading\ndef handler(event, context):\n    threading.Event().wait(5)\n")
    inline_rig.function("slow", folder, "handler.handler", timeout=1, texts=texts)
    result = inline_rig.invoke("slow")
    assert ("Task timed out" in result.log) == (texts != "current")
    assert ("errorType" in result.payload) == (texts == "current")


def test_an_unknown_generation_is_refused_by_name(inline_rig):
    with pytest.raises(ClientError, match="names no generation of log texts: '1999'; choose current"):
        inline_rig.client("lambda").create_function(
            FunctionName="f", Runtime="python3.11", Handler="h.h", Role="arn:aws:iam::123456789012:role/r",
            Code={"ZipFile": b"x"}, Tags={"lambdarig:texts": "1999"})
