import json
from datetime import datetime, timezone
from io import BytesIO

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.aws import internal, models, shapes
from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.modelled import ModelledService, ServiceError
from emulator.aws.wire import read
from emulator.clock import Clock
from emulator.injector import Injector
from emulator.timeline import Timeline

NOON = datetime(2026, 1, 2, 12, tzinfo=timezone.utc)


class Recording:
    """Remembers what it was given and answers with what it was told, or raises it."""

    def __init__(self):
        self.given, self.answer = {}, {}

    def __getattr__(self, operation):
        def answer(params, call):
            self.given = params
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        return answer


class Rig:
    def __init__(self, name, validation_code="ValidationException", implementation=None):
        self.implementation = implementation or Recording()
        clock = Clock(manual=True)
        service = ModelledService(name, self.implementation, validation_code)
        parts = Injector(clock, Timeline(clock)), Attribution(), Backend()
        self.endpoint = AwsEndpoint(*parts, {models.service_model(name).signing_name: service})
        self.client = internal.client(self.endpoint, name)

    def raised(self, method, **params):
        with pytest.raises(ClientError) as caught:
            getattr(self.client, method)(**params)
        return caught.value.response

    def raw(self, method, path, body=b"", target="", query="", service="lambda"):
        """(status, headers, body) of one signed request."""
        answered = []
        environ = {
            "REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "wsgi.input": BytesIO(body),
            "CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json", "HTTP_X_AMZ_TARGET": target,
            "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential=AKIAX/20260101/us-east-1/{service}/aws4_request, x",
        }  # fmt: skip
        chunks = self.endpoint(environ, lambda status, headers: answered.extend((int(status[:3]), dict(headers))))
        return *answered, b"".join(chunks)


@pytest.fixture(scope="module")
def function():
    return Rig("lambda")


@pytest.fixture(scope="module")
def flow():
    return Rig("appflow")


@pytest.fixture(scope="module")
def machine():
    return Rig("stepfunctions")


def lambda_params(**extra):
    return {"FunctionName": "f", "Role": "arn:aws:iam::123456789012:role/r", "Code": {"ZipFile": b"PK\0\xff"}, **extra}


def test_labels_query_headers_and_a_raw_payload_become_parameters(function):
    function.implementation.answer = {
        "StatusCode": 200,
        "Payload": b'{"ok": 1}',
        "ExecutedVersion": "$LATEST",
        "FunctionError": "Unhandled",
        "LogResult": "bG9n",
    }
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    answer = function.client.invoke(
        FunctionName=arn, Qualifier="live", InvocationType="RequestResponse", LogType="Tail", Payload=b"\x00raw"
    )
    assert function.implementation.given == {
        "FunctionName": arn,
        "Qualifier": "live",
        "LogType": "Tail",
        "InvocationType": "RequestResponse",
        "Payload": b"\x00raw",
    }
    assert answer["Payload"].read() == b'{"ok": 1}'
    assert (answer["StatusCode"], answer["ExecutedVersion"], answer["FunctionError"]) == (200, "$LATEST", "Unhandled")
    assert answer["LogResult"] == "bG9n"


def test_a_status_code_member_is_the_http_status(function):
    function.implementation.answer = {"StatusCode": 202}
    assert function.client.invoke(FunctionName="f", InvocationType="Event")["StatusCode"] == 202


def test_blobs_in_json_are_bytes_and_the_models_status_is_used(function):
    function.implementation.answer = {"FunctionName": "f", "MemorySize": 128, "Layers": [{"Arn": "a", "CodeSize": 1}]}
    answer = function.client.create_function(
        **lambda_params(Runtime="python3.11", Handler="m.h", Timeout=3, Environment={"Variables": {"NAME": "1"}})
    )
    assert function.implementation.given["Code"] == {"ZipFile": b"PK\0\xff"}
    assert function.implementation.given["Environment"] == {"Variables": {"NAME": "1"}}
    assert (answer["MemorySize"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (128, 201)
    assert answer["Layers"] == [{"Arn": "a", "CodeSize": 1}]


def test_an_empty_answer_with_204_has_no_body(function):
    function.implementation.answer = {}
    answer = function.client.delete_function_concurrency(FunctionName="f")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204


def test_query_lists_numbers_and_booleans_are_typed(function):
    function.implementation.answer = {"Functions": [], "NextMarker": "m"}
    assert function.client.list_functions(MaxItems=5, Marker="x")["NextMarker"] == "m"
    assert function.implementation.given == {"MaxItems": 5, "Marker": "x"}
    function.implementation.answer = {}
    arn = "arn:aws:lambda:us-east-1:123456789012:function:f"
    function.client.untag_resource(Resource=arn, TagKeys=["a", "b"])
    assert function.implementation.given == {"Resource": arn, "TagKeys": ["a", "b"]}


def test_timestamps_are_written_as_the_protocol_says(flow, machine):
    flow.implementation.answer = {"flows": [{"flowName": "f", "createdAt": NOON, "flowStatus": "Active"}]}
    assert flow.client.list_flows()["flows"][0]["createdAt"] == NOON
    machine.implementation.answer = {"stateMachineArn": "arn:aws:states:x", "creationDate": NOON.timestamp()}
    answer = machine.client.create_state_machine(name="m", definition="{}", roleArn="arn:aws:iam::1:role/r")
    assert answer["creationDate"] == NOON


def test_timestamps_are_read_as_datetimes():
    shape = models.service_model("appflow").shape_for("ScheduledTriggerProperties").members["scheduleStartTime"]
    assert shapes.decode_json(shape, NOON.timestamp()) == NOON
    assert shapes.decode_json(shape, "2026-01-02T12:00:00Z") == NOON
    for wrong in (True, "yesterday", {}, 1e300):
        with pytest.raises(shapes.Malformed):
            shapes.decode_json(shape, wrong)


def test_the_json_protocol_round_trips(machine):
    machine.implementation.answer = {"executionArn": "arn:x", "startDate": NOON}
    assert machine.client.start_execution(stateMachineArn="arn:m", name="n", input="{}")["executionArn"] == "arn:x"
    assert machine.implementation.given == {"stateMachineArn": "arn:m", "name": "n", "input": "{}"}


def test_a_modelled_error_has_its_status_members_and_headers(function):
    function.implementation.answer = ServiceError(
        "TooManyRequestsException",
        "Rate Exceeded.",
        Type="User",
        Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
        retryAfterSeconds="3",
    )
    response = function.raised("invoke", FunctionName="f")
    assert response["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "3"
    assert (response["Type"], response["Reason"]) == ("User", "ReservedFunctionConcurrentInvocationLimitExceeded")
    _, headers, body = function.raw("POST", "/2015-03-31/functions/f/invocations")
    assert json.loads(body)["message"] == "Rate Exceeded."
    assert headers["x-amzn-errortype"] == "TooManyRequestsException"


def test_the_message_member_is_spelt_as_in_the_model(function):
    function.implementation.answer = ServiceError("ResourceNotFoundException", "Function not found: x", Type="User")
    status, _, body = function.raw("POST", "/2015-03-31/functions/f/invocations")
    assert (status, json.loads(body)) == (404, {"Type": "User", "Message": "Function not found: x"})


def test_an_error_outside_the_model_takes_the_given_status(function):
    function.implementation.answer = ServiceError("RequestEntityTooLargeException", "too large", status=413)
    response = function.raised("invoke", FunctionName="f")
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == (
        "RequestEntityTooLargeException",
        413,
    )


def test_a_json_protocol_error_is_read_by_botocore(machine):
    machine.implementation.answer = ServiceError("StateMachineDoesNotExist", "no such machine")
    response = machine.raised("describe_state_machine", stateMachineArn="arn:x")
    assert response["Error"] == {"Code": "StateMachineDoesNotExist", "Message": "no such machine"}


def violation(path, body, method="POST", rig=None, query=""):
    status, headers, answer = rig.raw(method, path, json.dumps(body).encode() if body is not None else b"", query=query)
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    document = json.loads(answer)
    return document.get("message") or document.get("Message")


CREATE = "/2015-03-31/functions"
ROLE = "arn:aws:iam::123456789012:role/r"


def said(value, path, constraint):
    return f"Value {value} at '{path}' failed to satisfy constraint: Member must {constraint}"


VIOLATIONS = [
    ({"FunctionName": None}, [said("null", "functionName", "not be null")]),
    ({"FunctionName": None, "Role": None},
     [said("null", "functionName", "not be null"), said("null", "role", "not be null")]),
    ({"Timeout": 0}, [said("'0'", "timeout", "have value greater than or equal to 1")]),
    ({"PackageType": "Tar"}, [said("'Tar'", "packageType", "satisfy enum value set: [Zip, Image]")]),
    ({"Description": "x" * 257}, [said(f"'{'x' * 257}'", "description", "have length less than or equal to 256")]),
    ({"Architectures": ["x86_64", "mips"]},
     [said("'[x86_64, mips]'", "architectures", "have length less than or equal to 1"),
      said("'mips'", "architectures.2.member", "satisfy enum value set: [x86_64, arm64]")]),
    ({"Environment": {"Variables": {"1A": "x"}}},
     [said("'1A'", "environment.variables.key", "satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), VIOLATIONS)
def test_violations_are_in_awss_words(function, body, expected):
    count = "1 validation error" if len(expected) == 1 else f"{len(expected)} validation errors"
    message = violation(CREATE, {"FunctionName": "f", "Role": ROLE, "Code": {}} | body, rig=function)
    assert message == f"{count} detected: " + "; ".join(expected)


def test_a_bad_label_breaks_its_pattern(function):
    message = violation("/2015-03-31/functions/a b/configuration", None, "GET", function)
    assert message.startswith(
        "1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: (arn:"
    )


def test_the_validation_code_can_be_the_services_own():
    rig = Rig("lambda", "InvalidParameterValueException")
    status, headers, _ = rig.raw("POST", CREATE, b"{}")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidParameterValueException")


@pytest.mark.parametrize(
    "body",
    [
        b'{"Timeout": "3"}',
        b'{"FunctionName": 3}',
        b'{"Code": []}',
        b'{"Code": {"ZipFile": "*"}}',
        b'{"Layers": {}}',
        b'{"Publish": "yes"}',
        b'{"Environment": {"Variables": {"A": 1}}}',
    ],
)
def test_wrong_types_are_a_serialization_exception(function, body):
    status, headers, _ = function.raw("POST", CREATE, body)
    assert (status, headers["x-amzn-errortype"]) == (400, "SerializationException")


def test_a_query_value_of_the_wrong_type_is_a_serialization_exception(function):
    status, headers, _ = function.raw("GET", "/2015-03-31/functions/", query="MaxItems=many")
    assert (status, headers["x-amzn-errortype"]) == (400, "SerializationException")


def test_an_operation_without_implementation_says_so():
    rig = Rig("appflow", implementation=object())
    response = rig.raised("list_flows")
    assert response["Error"] == {
        "Code": "UnsupportedOperationException",
        "Message": "lambdarig does not serve appflow.ListFlows yet",
    }


def test_unknown_members_and_nulls_are_ignored(function):
    function.implementation.answer = {}
    body = {"FunctionName": "f", "Role": ROLE, "Code": {}, "Description": None, "FromTheFuture": {"a": [1]}}
    assert function.raw("POST", CREATE, json.dumps(body).encode())[0] == 201
    assert function.implementation.given == {"FunctionName": "f", "Role": ROLE, "Code": {}}


def test_an_answer_with_an_unknown_member_is_the_services_bug(function):
    function.implementation.answer = {"FunktionName": "typo"}
    status, headers, body = function.raw(
        "POST", CREATE, json.dumps({"FunctionName": "f", "Role": ROLE, "Code": {}}).encode()
    )
    assert (status, headers["x-lambdarig-error"]) == (500, "InternalFailure")
    assert b"FunktionName" in body


@pytest.mark.parametrize(("java", "good", "bad"), [
    (r"[\p{Alnum}_]+-\p{Digit}", "a_b-1", "a-b"), (r"\p{L}+", "ünï", "a b"), (r"[\p{L}\p{Z}.@-]*", "a b.@-", "a/b"),
    (r"[\u0020-\uD7FF\uD800\uDC00-\uDBFF\uDFFF]*", "a 😀", "\n"), (r"a\[[b\]]", "a[]", "a[c"),
])  # fmt: skip
def test_javas_character_classes_are_understood(java, good, bad):
    assert shapes._pattern(java).fullmatch(good)
    assert not shapes._pattern(java).fullmatch(bad)


@pytest.mark.parametrize("name", ["lambda", "appflow"])
def test_every_pattern_of_our_own_services_can_be_checked(name):
    for shape_name in models.description(name)["shapes"]:
        pattern = models.service_model(name).shape_for(shape_name).metadata.get("pattern")
        assert pattern is None or shapes._pattern(pattern) is not None, pattern


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
members = st.sampled_from(
    [
        "FunctionName",
        "Code",
        "Role",
        "Timeout",
        "Environment",
        "Layers",
        "Publish",
        "flowName",
        "triggerConfig",
        "tasks",
        "sourceFlowConfig",
        "tags",
    ]
)


@settings(deadline=None, max_examples=200)
@given(
    path=st.sampled_from([CREATE, "/create-flow", "/list-flows", "/x"]) | st.text(max_size=20),
    service=st.sampled_from(["lambda", "appflow"]),
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    body=st.dictionaries(members, json_values, max_size=4),
)
def test_no_json_is_a_server_error(function, flow, path, service, method, body):
    rig = function if service == "lambda" else flow
    rig.implementation.answer = {}
    status, _, answer = rig.raw(
        method,
        "/" + path.encode("utf-8", "replace").decode("latin-1").lstrip("/"),
        json.dumps(body).encode(),
        service=service,
    )
    assert status < 500, answer


@settings(deadline=None)
@given(st.text(min_size=1, max_size=40).filter(lambda name: name not in (".", "..")))
def test_any_label_comes_back_as_it_was_sent(name):
    from urllib.parse import quote

    request = read({"REQUEST_METHOD": "GET", "QUERY_STRING": "", "CONTENT_LENGTH": "0", "wsgi.input": BytesIO(),
                    "RAW_URI": f"/2015-03-31/functions/{quote(name, safe='')}/configuration",
                    "HTTP_AUTHORIZATION": "AWS4 Credential=A/20260101/us-east-1/lambda/aws4_request"})  # fmt: skip
    assert (request.operation, request.labels) == ("GetFunctionConfiguration", {"FunctionName": name})
