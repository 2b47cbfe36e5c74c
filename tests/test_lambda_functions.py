"""Functions of the control plane through plain boto3, in AWS's words."""

from __future__ import annotations

import io
import zipfile

import pytest
from lambda_api_rig import ARN, ECHO, given, plain_client, refusal
from lambda_fixtures import ROLE, create, invoke, zipped

pytest_plugins = ["lambda_api_rig"]  # fixture: lambda_rig


@pytest.fixture(scope="module")
def api(lambda_rig):
    return plain_client(lambda_rig)


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


def test_a_deleted_name_is_free_and_its_code_gone(lambda_rig, api):
    create(api, "again", "def handler(e, c):\n    return 'old'\n")
    assert invoke(api, "again")[0] == "old"
    api.delete_function(FunctionName="again")
    assert refusal(api.get_function, FunctionName="again")[0] == "ResourceNotFoundException"
    create(api, "again", "def handler(e, c):\n    return 'new'\n")
    assert invoke(api, "again")[0] == "new"


def test_a_namesake_does_not_get_the_environments_of_the_one_before(lambda_rig, api):
    """One that is busy while its function is deleted comes back later."""
    create(api, "namesake", "def handler(e, c):\n    return 'old'\n")
    old = lambda_rig.registry.entries["namesake"].latest.function
    api.delete_function(FunctionName="namesake")
    create(api, "namesake", "def handler(e, c):\n    return 'new'\n")
    assert lambda_rig.registry.entries["namesake"].latest.function.revision != old.revision


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


def test_code_from_s3(lambda_rig, api):
    s3 = lambda_rig.client("s3")
    s3.create_bucket(Bucket="packages")
    s3.put_object(Bucket="packages", Key="a.zip", Body=zipped({"app.py": "def handler(e, c):\n    return 's3'\n"}))
    api.create_function(**given("from-s3", Code={"S3Bucket": "packages", "S3Key": "a.zip"}))
    assert invoke(api, "from-s3")[0] == "s3"
