"""Invoke through plain boto3 and plain HTTP: statuses, headers and bodies as recorded on AWS."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from lambda_fixtures import create, invoke, until

from emulator.errors import EngineError
from emulator.rig import Rig
from emulator.settings import Settings

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
SCOPE = "AWS4-HMAC-SHA256 Credential=AKIALAMBDARIGCLIENT0/20261121/us-east-1/lambda/aws4_request, SignedHeaders=host"
CODE = """
import os, threading

def handler(event, context):
    if event == {"do": "raise"}:
        raise ValueError("wrong")
    if event == {"do": "none"}:
        return None
    if event == {"do": "print"}:
        print("x" * 10000)
    if event == {"do": "big"}:
        return "x" * 7000000
    if event == {"do": "context"}:
        return [context.aws_request_id, context.invoked_function_arn, context.function_version]
    return event
"""


@pytest.fixture(scope="module")
def rig():
    with Rig(Settings(engine="inline", manual_clock=True, account_limit=5)) as made:
        made.api = made.client("lambda")
        create(made.api, "f", CODE, Publish=True)
        made.api.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        yield made


def post(rig, name, body=b"", qualifier="", **headers):
    """(status, headers with lower-case names, body) of a bare request."""
    connection = http.client.HTTPConnection(rig.url.removeprefix("http://"), timeout=30)
    path = f"/2015-03-31/functions/{quote(name, safe='')}/invocations"
    try:
        names = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(
            "POST", path + (f"?Qualifier={quote(qualifier)}" if qualifier else ""), body,
            {"Authorization": SCOPE, **names},
        )  # fmt: skip
        answer = connection.getresponse()
        return answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def test_a_success(rig):
    status, headers, body = post(rig, "f", b'{"a": [1, 2.50]}')
    assert (status, body) == (200, b'{"a": [1, 2.5]}')
    assert headers["x-amz-executed-version"] == "$LATEST"
    assert headers["content-type"] == "application/json"
    assert "x-amz-function-error" not in headers
    assert "x-amz-log-result" not in headers


def test_the_request_id_is_the_one_the_handler_sees(rig):
    _, headers, body = post(rig, "f", b'{"do": "context"}')
    assert headers["x-amzn-requestid"] == json.loads(body)[0]


def test_the_callers_trace_is_kept_and_told(rig):
    root = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
    _, headers, _ = post(rig, "f", b"{}", X_Amzn_Trace_Id=root)
    assert headers["x-amzn-trace-id"] == root


def test_none_is_null(rig):
    assert post(rig, "f", b'{"do": "none"}')[2] == b"null"


def test_no_payload_is_an_empty_object(rig):
    assert post(rig, "f")[2] == b"{}"


def test_an_error_of_the_function_is_200_unhandled(rig):
    status, headers, body = post(rig, "f", b'{"do": "raise"}')
    assert (status, headers["x-amz-function-error"]) == (200, "Unhandled")
    assert headers["x-amz-executed-version"] == "$LATEST"
    error = json.loads(body)
    assert (error["errorMessage"], error["errorType"]) == ("wrong", "ValueError")
    assert error["requestId"] == headers["x-amzn-requestid"]


def test_a_response_past_6_mb_is_an_error_and_the_function_goes_on(rig):
    for _ in range(2):
        status, headers, body = post(rig, "f", b'{"do": "big"}')
        assert (status, headers["x-amz-function-error"]) == (200, "Unhandled")
        text = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
        assert body.decode() == f'{{"errorMessage":"{text}","errorType":"Function.ResponseSizeTooLarge"}}'
    assert post(rig, "f")[0] == 200


@pytest.mark.parametrize(
    ("qualifier", "version", "seen"), [("", "$LATEST", "f"), ("1", "1", "f:1"), ("live", "1", "f:live")]
)
def test_the_executed_version_and_the_invoked_arn(rig, qualifier, version, seen):
    _, headers, body = post(rig, "f", b'{"do": "context"}', qualifier)
    assert headers["x-amz-executed-version"] == version
    assert json.loads(body)[1:] == [f"{ARN}{seen}", version]


def test_tail_is_the_last_4_kb_of_the_log(rig):
    _, headers, _ = post(rig, "f", b'{"do": "print"}', X_Amz_Log_Type="Tail")
    log = base64.b64decode(headers["x-amz-log-result"])
    assert len(log) == 4096
    assert log.startswith(b"xxx")
    assert b"\nEND RequestId: " in log
    assert log.endswith(b"\t\n")


def test_tail_of_a_short_log_has_all_of_it(rig):
    _, headers, _ = post(rig, "f", b"{}", X_Amz_Log_Type="Tail")
    lines = base64.b64decode(headers["x-amz-log-result"]).decode().splitlines()
    assert [line.split(" ")[0] for line in lines][-3:] == ["START", "END", "REPORT"]


def test_a_dry_run_is_204_and_counts_for_nothing(rig):
    before = rig.registry.invocations["f"]
    status, _, body = post(rig, "f", b"{}", X_Amz_Invocation_Type="DryRun")
    assert (status, body) == (204, b"")
    assert rig.registry.invocations["f"] == before


def test_an_event_is_202_and_runs(rig):
    status, headers, body = post(rig, "f", b'{"an": "event"}', X_Amz_Invocation_Type="Event")
    assert (status, body) == (202, b"")
    assert "x-amz-executed-version" not in headers
    until(rig.timeline, "Success")


def test_the_old_invoke_async(rig):
    assert rig.api.invoke_async(FunctionName="f", InvokeArgs=b"{}")["Status"] == 202


PATTERN = r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"  # noqa: E501
MISMATCH = "The derived qualifier from the function name does not match the specified qualifier."


@pytest.mark.parametrize(
    ("name", "qualifier", "status", "code", "body"),
    [
        ("nobody", "", 404, "ResourceNotFoundException",
         {"Type": "User", "Message": f"Function not found: {ARN}nobody:$LATEST"}),
        ("nobody", "live", 404, "ResourceNotFoundException",
         {"Type": "User", "Message": f"Function not found: {ARN}nobody:live"}),
        ("f", "9", 404, "ResourceNotFoundException", {"Type": "User", "Message": f"Function not found: {ARN}f:9"}),
        ("n" * 65, "", 404, "ResourceNotFoundException",
         {"Type": "User", "Message": f"Function not found: {ARN}{'n' * 65}:$LATEST"}),
        (ARN.replace("us-east-1", "eu-west-1") + "f", "", 404, "ResourceNotFoundException",
         {"Type": "User", "Message": "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"}),
        ("bad name", "", 400, "ValidationException",
         {"message": "1 validation error detected: Value 'bad name' at 'functionName' failed to satisfy constraint: "
                     f"Member must satisfy regular expression pattern: {PATTERN}"}),
        ("f:live", "1", 400, "InvalidParameterValueException", {"Type": "User", "message": MISMATCH}),
    ],
)  # fmt: skip
def test_what_leads_nowhere(rig, name, qualifier, status, code, body):
    found = post(rig, name, b"{}", qualifier)
    assert (found[0], found[1]["x-amzn-errortype"], json.loads(found[2])) == (status, code, body)
    assert found[1]["content-type"] == "application/json"


def test_another_accounts_function(rig):
    status, headers, _ = post(rig, ARN.replace("123456789012", "999999999999") + "f", b"{}")
    assert (status, headers["x-amzn-errortype"]) == (403, "AccessDeniedException")


@pytest.mark.parametrize("payload", [b"no", b"{", b"\xff\xfe", b"NaN", b"[1,]", b"{'a': 1}", b'"', b"[" * 100000])
def test_a_payload_that_is_not_json(rig, payload):
    status, headers, body = post(rig, "f", payload)
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")
    error = json.loads(body)
    assert error["Type"] == "User"
    head = "Could not parse request body into json: Could not parse payload into json: "
    assert error["message"].startswith(head)
    where = "\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: "
    assert where in error["message"]


@pytest.mark.parametrize(("kind", "limit"), [("RequestResponse", 6291456), ("DryRun", 6291456), ("Event", 1048576)])
def test_payload_limits(rig, kind, limit):
    fits, too_much = (b'"' + b"x" * (size - 2) + b'"' for size in (limit, limit + 1))
    assert post(rig, "f", fits, X_Amz_Invocation_Type=kind)[0] in (200, 202, 204)
    status, headers, body = post(rig, "f", too_much, X_Amz_Invocation_Type=kind)
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestEntityTooLargeException")
    text = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    assert json.loads(body) == {"Message": text}


@pytest.mark.parametrize(
    ("header", "value", "text"),
    [
        ("X_Amz_Invocation_Type", "Later", "'invocationType' {} [Event, RequestResponse, DryRun]"),
        ("X_Amz_Log_Type", "Head", "'logType' {} [None, Tail]"),
    ],
)
def test_headers_of_no_such_value(rig, header, value, text):
    status, headers, body = post(rig, "f", b"{}", **{header: value})
    assert (status, headers["x-amzn-errortype"]) == (400, "ValidationException")
    rule = text.format("failed to satisfy constraint: Member must satisfy enum value set:")
    assert json.loads(body) == {"message": f"1 validation error detected: Value '{value}' at {rule}"}


@pytest.mark.parametrize("context", ["not base64!", base64.b64encode(b"not json").decode(), "A" * 3584])
def test_a_client_context_that_is_none(rig, context):
    status, headers, _ = post(rig, "f", b"{}", X_Amz_Client_Context=context)
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")


# --- limits -----------------------------------------------------------------------------------------------


def test_reserved_concurrency_zero_is_429(rig):
    create(rig.api, "none", CODE)
    rig.api.put_function_concurrency(FunctionName="none", ReservedConcurrentExecutions=0)
    status, headers, body = post(rig, "none", b"{}")
    assert (status, headers["x-amzn-errortype"]) == (429, "TooManyRequestsException")
    reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert body.decode() == f'{{"Reason":"{reason}","Type":"User","message":"Rate Exceeded."}}'


@pytest.fixture
def held(rig, request):
    """(name, semaphore, event) of a function of which every invocation prints, counts, and waits to be let go."""
    inside, leave, name = threading.Semaphore(0), threading.Event(), request.node.name[-60:]

    def handler(event, context):
        print("early")
        inside.release()
        leave.wait(10)

    rig.engine._handlers[name] = handler
    create(rig.api, name, CODE)
    yield name, inside, leave
    leave.set()
    rig.api.delete_function(FunctionName=name)


def test_the_accounts_limit_is_429(rig, held):
    name, inside, leave = held
    with ThreadPoolExecutor(5) as threads:
        running = [threads.submit(post, rig, name, b"{}") for _ in range(5)]
        assert all(inside.acquire(timeout=10) for _ in range(5))
        status, _, body = post(rig, "f", b"{}")
        leave.set()
        assert [one.result()[0] for one in running] == [200] * 5
    assert status == 429
    assert json.loads(body)["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert json.loads(body)["message"] == "Rate Exceeded."


def test_an_engine_that_fails_is_500_and_costs_no_slot(rig, monkeypatch):
    def start(spec):
        raise EngineError("there is no image python3.11 on this machine", "lambdarig images build")

    create(rig.api, "imageless", CODE)
    with monkeypatch.context() as patch:
        patch.setattr(rig.engine, "start", start)
        for _ in range(6):
            status, headers, body = post(rig, "imageless", b"{}")
            assert status == 500
            assert headers["x-lambdarig-error"]
            assert b"there is no image python3.11 on this machine" in body
    assert rig.pool._busy.total() == 0
    assert post(rig, "imageless", b"{}")[0] == 200


# --- the log ----------------------------------------------------------------------------------------------


def test_the_log_is_in_cloudwatch(rig):
    create(rig.api, "logged", CODE)
    _, _, tail = invoke(rig.api, "logged", {"do": "print"})
    logs = rig.client("logs")
    (stream,) = logs.describe_log_streams(logGroupName="/aws/lambda/logged")["logStreams"]
    assert stream["logStreamName"].startswith(f"{rig.clock.utc():%Y/%m/%d}/[$LATEST]")
    events = logs.get_log_events(logGroupName="/aws/lambda/logged", logStreamName=stream["logStreamName"],
                                 startFromHead=True)["events"]  # fmt: skip
    messages = [event["message"] for event in events]
    words = [message.split(" ")[0] for message in messages]
    assert words == ["INIT_START", "START", "x" * 10000 + "\n", "END", "REPORT"]
    assert "".join(messages)[-4096:] == tail
    times = [event["timestamp"] for event in events]
    assert times == sorted(times)


def test_lines_are_in_cloudwatch_while_the_handler_works(rig, held, monkeypatch):
    name, _, leave = held
    logs, appended, append = rig.client("logs"), threading.Event(), rig.logs.append
    monkeypatch.setattr(rig.logs, "append", lambda *given: (append(*given), appended.set()))
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(post, rig, name, b"{}")
        assert appended.wait(10)
        messages = [e["message"] for e in logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]]
        assert not running.done()
        leave.set()
        running.result()
    assert [message.split(" ")[0] for message in messages] == ["INIT_START", "START", "early\n"]


def test_a_group_of_ones_own_and_json(rig):
    create(rig.api, "jsonic", CODE, LoggingConfig={"LogFormat": "JSON", "LogGroup": "/own/group"})
    invoke(rig.api, "jsonic")
    events = rig.client("logs").filter_log_events(logGroupName="/own/group")["events"]
    assert [json.loads(event["message"])["type"] for event in events] == [
        "platform.initStart", "platform.start", "platform.report",
    ]  # fmt: skip
    assert "/jsonic[$LATEST]" in events[0]["logStreamName"]
