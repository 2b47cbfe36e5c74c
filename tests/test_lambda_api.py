"""The control plane through plain boto3, in AWS's words."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError
from lambda_fixtures import ROLE, create, invoke, zipped

from emulator.rig import Rig
from emulator.settings import Settings

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture(scope="module")
def rig():
    with Rig(Settings(engine="inline", manual_clock=True)) as made:
        yield made


@pytest.fixture(scope="module")
def api(rig):
    """A client that says nothing of its own about what is valid."""
    import boto3
    from botocore.config import Config

    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return boto3.client(
        "lambda", region_name="us-east-1", endpoint_url=rig.url, config=config,
        aws_access_key_id="AKIALAMBDARIGCLIENT0", aws_secret_access_key="x",
    )  # fmt: skip


def refusal(call, **params):
    """(code, status, message) of what AWS refuses."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def given(name, **changes):
    """CreateFunction's parameters."""
    base = {"FunctionName": name, "Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE,
            "Code": {"ZipFile": zipped({"app.py": ECHO})}}  # fmt: skip
    return {**base, **changes}


# --- create, get, list, delete ----------------------------------------------------------------------------


def test_what_create_answers(api):
    answer = api.create_function(**given("made"))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    expected = {
        "FunctionName": "made",
        "FunctionArn": f"{ARN}made",
        "Runtime": "python3.11",
        "Role": ROLE,
        "Handler": "app.handler",
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "Version": "$LATEST",
        "State": "Pending",
        "StateReason": "The function is being created.",
        "StateReasonCode": "Creating",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "TracingConfig": {"Mode": "PassThrough"},
        "EphemeralStorage": {"Size": 512},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/made"},
    }
    assert {key: answer[key] for key in expected} == expected
    assert len(answer["CodeSha256"]) == 44


def test_a_function_is_active_as_soon_as_it_is_asked_for(api):
    create(api, "active", ECHO)
    found = api.get_function(FunctionName="active")
    assert (found["Configuration"]["State"], found["Configuration"]["LastUpdateStatus"]) == ("Active", "Successful")
    api.get_waiter("function_active_v2").wait(FunctionName="active", WaiterConfig={"Delay": 0, "MaxAttempts": 1})


def test_a_name_is_given_once(api):
    create(api, "once", ECHO)
    words = refusal(api.create_function, **given("once"))
    assert words == ("ResourceConflictException", 409, "Function already exist: once")


def test_a_deleted_name_is_free_and_its_code_gone(rig, api):
    create(api, "again", "def handler(e, c):\n    return 'old'\n")
    assert invoke(api, "again")[0] == "old"
    api.delete_function(FunctionName="again")
    assert refusal(api.get_function, FunctionName="again")[0] == "ResourceNotFoundException"
    create(api, "again", "def handler(e, c):\n    return 'new'\n")
    assert invoke(api, "again")[0] == "new"


def test_a_namesake_does_not_get_the_environments_of_the_one_before(rig, api):
    """One that is busy while its function is deleted comes back later."""
    create(api, "namesake", "def handler(e, c):\n    return 'old'\n")
    old = rig.registry.entries["namesake"].latest.function
    api.delete_function(FunctionName="namesake")
    create(api, "namesake", "def handler(e, c):\n    return 'new'\n")
    assert rig.registry.entries["namesake"].latest.function.revision != old.revision


def test_list_functions_in_pages(api):
    for n in range(3):
        create(api, f"page-{n}", ECHO)
    first = api.list_functions(MaxItems=2)
    assert len(first["Functions"]) == 2
    names = [f["FunctionName"] for p in api.get_paginator("list_functions").paginate() for f in p["Functions"]]
    assert names == sorted(names)
    assert {"page-0", "page-1", "page-2"} <= set(names)
    assert refusal(api.list_functions, Marker="?")[0] == "InvalidParameterValueException"


MISSING = f"Function not found: {ARN}nobody"


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("get_function", {}, f"{MISSING}:$LATEST"),
        ("get_function_configuration", {"Qualifier": "1"}, f"{MISSING}:1"),
        ("update_function_configuration", {}, f"{MISSING}:$LATEST"),
        ("update_function_code", {"ZipFile": b"x"}, f"{MISSING}:$LATEST"),
        ("delete_function", {}, f"{MISSING}:$LATEST"),
        ("put_function_concurrency", {"ReservedConcurrentExecutions": 1}, MISSING),
        ("publish_version", {}, MISSING),
        ("list_versions_by_function", {}, MISSING),
        ("get_policy", {}, MISSING),
    ],
)
def test_a_missing_function(api, operation, params, message):
    words = refusal(getattr(api, operation), FunctionName="nobody", **params)
    assert words == ("ResourceNotFoundException", 404, message)


@pytest.mark.parametrize(
    ("name", "code", "status", "message"),
    [
        ("arn:aws:lambda:eu-west-1:123456789012:function:f", "ResourceNotFoundException", 404,
         "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
        ("arn:aws:lambda:us-east-1:999999999999:function:f", "AccessDeniedException", 403, None),
        ("bad name", "ValidationException", 400, None),
        ("n" * 65, "ResourceNotFoundException", 404, None),
    ],
)  # fmt: skip
def test_names_that_lead_nowhere(api, name, code, status, message):
    words = refusal(api.get_function, FunctionName=name)
    assert words[:2] == (code, status)
    assert message in (None, words[2])


def test_the_qualifier_in_the_name_and_the_one_beside_it_must_agree(api):
    create(api, "agree", ECHO)
    words = refusal(api.get_function, FunctionName="agree:$LATEST", Qualifier="1")
    text = "The derived qualifier from the function name does not match the specified qualifier."
    assert words == ("InvalidParameterValueException", 400, text)


# --- what is refused --------------------------------------------------------------------------------------

KILOBYTES = {f"K{n}": "v" * 100 for n in range(40)}
NOT_UNZIPPED = "Could not unzip uploaded file. Please check your file, then try to upload again."


INVALID, VALIDATION = "InvalidParameterValueException", "ValidationException"
UNKNOWN_RUNTIME = "Value python9.9 at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: ["
NO_LEVEL = 'LogLevel is not supported when LogFormat is set to "Text".'
SIX = [f"arn:aws:lambda:us-east-1:123456789012:layer:l:{n}" for n in range(6)]


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, INVALID, NOT_UNZIPPED),
        ({"Code": {}}, INVALID, "Please provide a source for function code."),
        ({"Code": {"S3Bucket": "no-such-bucket", "S3Key": "k"}}, INVALID, "S3 Error Code: NoSuchBucket"),
        ({"Code": {"S3Bucket": "hot-reload", "S3Key": "/no/such/folder"}}, INVALID, "does not exist"),
        ({"Runtime": "python9.9"}, INVALID, UNKNOWN_RUNTIME),
        ({"Handler": None}, INVALID, "Handler is mandatory for functions created with deployment packages."),
        ({"Layers": SIX}, INVALID, "more than 5 layers"),
        ({"LoggingConfig": {"ApplicationLogLevel": "INFO"}}, INVALID, NO_LEVEL),
        ({"Environment": {"Variables": KILOBYTES}}, INVALID, 'exceeded the 4KB limit. String measured: {"K0":"v'),
        ({"Environment": {"Variables": {"AWS_REGION": "x", "LAMBDA_TASK_ROOT": "y"}}}, INVALID,
         "Reserved keys used in this request: AWS_REGION, LAMBDA_TASK_ROOT"),
        ({"Environment": {"Variables": {"A": "x"}}}, VALIDATION, "[a-zA-Z]([a-zA-Z0-9_])+"),
        ({"Timeout": 901}, VALIDATION, "Value '901' at 'timeout' failed to satisfy constraint: Member must have "),
        ({"Timeout": 0}, VALIDATION, "Member must have value greater than or equal to 1"),
        ({"MemorySize": 127}, VALIDATION, "Member must have value greater than or equal to 128"),
        ({"MemorySize": 10241}, VALIDATION, "Member must have value less than or equal to 10240"),
        ({"Role": "nobody"}, VALIDATION, "at 'role' failed to satisfy constraint"),
        ({"FunctionName": "n" * 65}, VALIDATION, "Member must have length less than or equal to 64"),
    ],
)  # fmt: skip
def test_what_create_refuses(api, changes, code, text):
    params = {key: value for key, value in given("refused", **changes).items() if value is not None}
    words = refusal(api.create_function, **params)
    assert words[:2] == (code, 400)
    assert text in words[2]
    assert refusal(api.get_function, FunctionName="refused")[0] == "ResourceNotFoundException"


def test_a_zip_past_50_mb_is_413(api):
    words = refusal(api.create_function, **given("large", Code={"ZipFile": bytes(52428801)}))
    assert words[:2] == ("RequestEntityTooLargeException", 413)


def test_a_request_past_70_mb_is_413(api):
    words = refusal(api.create_function, **given("huge", Code={"ZipFile": bytes(53_000_000)}))
    text = "Request must be smaller than 70167211 bytes for the CreateFunction operation"
    assert words == ("RequestEntityTooLargeException", 413, text)


def test_250_mb_unzipped_is_refused(api):
    packed = io.BytesIO()
    archive = zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open("sparse", "w") as sparse:
        for _ in range(251):
            sparse.write(bytes(1 << 20))
    words = refusal(api.create_function, **given("sparse", Code={"ZipFile": packed.getvalue()}))
    assert words == ("InvalidParameterValueException", 400, "Unzipped size must be smaller than 262144000 bytes")


# --- update -----------------------------------------------------------------------------------------------


def test_update_code_and_configuration(api):
    create(api, "changing", "def handler(e, c):\n    return 1\n")
    assert invoke(api, "changing")[0] == 1
    before = api.get_function_configuration(FunctionName="changing")
    source = "import os\ndef handler(e, c):\n    return os.environ.get('AA')\n"
    after = api.update_function_code(FunctionName="changing", ZipFile=zipped({"app.py": source}))
    assert after["CodeSha256"] != before["CodeSha256"]
    assert after["RevisionId"] != before["RevisionId"]
    assert invoke(api, "changing")[0] is None
    api.update_function_configuration(
        FunctionName="changing", Environment={"Variables": {"AA": "a"}}, Timeout=7, MemorySize=512, Description="d"
    )
    found = api.get_function_configuration(FunctionName="changing")
    assert (found["Timeout"], found["MemorySize"], found["Description"]) == (7, 512, "d")
    assert found["CodeSha256"] == after["CodeSha256"]
    assert invoke(api, "changing")[0] == "a"


def test_what_is_not_given_stays_and_what_is_given_empty_goes(api):
    layer = api.publish_layer_version(LayerName="empty", Content={"ZipFile": zipped({"python/a.py": ""})})
    create(api, "partial", ECHO, Environment={"Variables": {"AA": "a"}}, Layers=[layer["LayerVersionArn"]])
    kept = api.update_function_configuration(FunctionName="partial", Timeout=9)
    assert kept["Environment"] == {"Variables": {"AA": "a"}}
    assert [one["Arn"] for one in kept["Layers"]] == [layer["LayerVersionArn"]]
    gone = api.update_function_configuration(FunctionName="partial", Environment={}, Layers=[])
    assert {"Environment", "Layers"}.isdisjoint(gone)


def test_logging_configuration(api):
    create(api, "logging", ECHO, LoggingConfig={"LogFormat": "JSON", "SystemLogLevel": "WARN"})
    found = api.get_function_configuration(FunctionName="logging")["LoggingConfig"]
    expected = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "WARN",
                "LogGroup": "/aws/lambda/logging"}  # fmt: skip
    assert found == expected
    moved = api.update_function_configuration(FunctionName="logging", LoggingConfig={"LogGroup": "/own"})
    assert moved["LoggingConfig"] == {**expected, "LogGroup": "/own"}
    back = api.update_function_configuration(FunctionName="logging", LoggingConfig={"LogFormat": "Text"})
    assert back["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": "/own"}


def test_a_revision_id_guards_an_update(api):
    create(api, "guarded", ECHO)
    words = refusal(api.update_function_configuration, FunctionName="guarded", Timeout=5, RevisionId="other")
    assert words[:2] == ("PreconditionFailedException", 412)
    now = api.get_function_configuration(FunctionName="guarded")["RevisionId"]
    api.update_function_configuration(FunctionName="guarded", Timeout=5, RevisionId=now)


def test_a_dry_run_changes_nothing(api):
    before = create(api, "dry", ECHO)
    after = api.update_function_code(FunctionName="dry", ZipFile=zipped({"app.py": "x"}), DryRun=True)
    assert after["CodeSha256"] != before["CodeSha256"]
    assert api.get_function_configuration(FunctionName="dry")["CodeSha256"] == before["CodeSha256"]


def test_code_from_s3(rig, api):
    s3 = rig.client("s3")
    s3.create_bucket(Bucket="packages")
    s3.put_object(Bucket="packages", Key="a.zip", Body=zipped({"app.py": "def handler(e, c):\n    return 's3'\n"}))
    api.create_function(**given("from-s3", Code={"S3Bucket": "packages", "S3Key": "a.zip"}))
    assert invoke(api, "from-s3")[0] == "s3"


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


def test_a_published_version_stays_warm_while_latest_changes(rig, api):
    create(api, "stay", says("one"), Publish=True)
    assert invoke(api, "stay:1")[0][0] == "one"
    invoke(api, "stay")
    api.update_function_configuration(FunctionName="stay", Timeout=9)
    warm = [e.function.version for e, _ in rig.pool.environments() if e.function.name == "stay"]
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
