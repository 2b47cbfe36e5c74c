"""The execution log of a REST API: which lines, in which order, at which level."""

from __future__ import annotations

import json
import re

import pytest
from api_rig import ACCOUNT, REGION
from hypothesis import given
from hypothesis import strategies as st

from emulator.frontdoors.rest_execution_log import masked, printed
from emulator.model import Outcome

pytest_plugins = ["api_fixtures"]  # fixtures: shop, logged

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
URI = f"https://lambda.{REGION}.amazonaws.com/2015-03-31/functions/{ARN}/invocations"
FAILED = "Execution failed due to configuration error: "
RAISED = "Lambda execution failed with status 200 due to customer function error: "
KEYLESS = (
    "API Key  authorized because method 'GET /orders/{id}' does not require API Key. Request will not contribute to "
    "throttle or quota limits"
)
TIMED_OUT = "2026-01-01T00:00:00.000Z ID Task timed out after 3.00 seconds"
THROTTLED = '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}'


def shape(line):
    """A line without what differs from run to run."""
    line = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}", "ID", line)
    return re.sub(r"\d+ ms", "N ms", line)


def test_the_lines_of_a_success_are_aws_s_in_aws_s_order(logged):
    reply = logged.send("/dev/orders/7?a=1", headers={"X-Api-Key": "0123456789abcdefghij"})
    lines = logged.lines()
    request_id = reply.headers["x-amzn-RequestId"]
    starts = [
        f"Extended Request Id: {reply.headers['x-amz-apigw-id']}",
        f"Verifying Usage Plan for request: {request_id}. API Key:  API Stage: {logged.id}/dev",
        KEYLESS,
        f"Usage Plan check succeeded for API Key  and API Stage {logged.id}/dev",
        f"Starting execution for request: {request_id}",
        "HTTP Method: GET, Resource Path: /orders/7",
        "Method request path: {id=7}",
        "Method request query string: {a=1}",
        f"Method request headers: {{Accept-Encoding=identity, Host={logged.host}, User-Agent=python-urllib3/",
        "Method request body before transformations: ",
        f"Endpoint request URI: {URI}",
        f"Endpoint request headers: {{x-amzn-lambda-integration-tag={request_id}, Authorization=***",
        'Endpoint request body after transformations: {"resource":"/orders/{id}","path":"/orders/7","httpMethod":"GET"',
        f"Sending request to {URI}",
        "Received response. Status: 200, Integration latency: ",
        "Endpoint response headers: {Date=",
        'Endpoint response body before transformations: {"statusCode": 201,',
        'Method response body after transformations: {"cognitoIdentityPoolId": null',
        "Method response headers: {Content-Type=application/json, x-made=1, X-Amzn-Trace-Id=Root=1-",
        "Successfully completed execution",
        "Method completed with status: 201",
        "AWS Integration Endpoint RequestId : ",
        f"X-ray Tracing ID : {reply.headers['X-Amzn-Trace-Id'].removeprefix('Root=')}",
    ]
    assert [line[:len(start)] for line, start in zip(lines, starts, strict=True)] == starts


def test_every_line_begins_with_the_request_id(logged):
    reply = logged.send("/dev/orders/7")
    prefix = f"({reply.headers['x-amzn-RequestId']}) "
    assert all(message.startswith(prefix) for message in logged.events())


def test_lambdas_request_id_is_the_functions(logged):
    logged.send("/dev/orders/7")
    (line,) = [line for line in logged.lines() if line.startswith("AWS Integration Endpoint RequestId : ")]
    started = next(event for event in logged.events("/aws/lambda/orders") if event.startswith("START"))
    assert line.removeprefix("AWS Integration Endpoint RequestId : ") in started


def test_secrets_are_masked_but_for_six_characters(logged):
    logged.send("/dev/orders/7", headers={"Authorization": "Bearer 0123456789", "x-api-key": "0123456789abcdefghij"})
    (line,) = [line for line in logged.lines() if line.startswith("Method request headers")]
    assert "Authorization=***********456789," in line
    assert "x-api-key=**************efghij" in line


@pytest.mark.parametrize(("secret", "shown"), [("", ""), ("abc", "***"), ("abcdef", "******"), ("abcdefg", "*bcdefg")])
def test_what_a_masked_secret_shows(secret, shown):
    assert masked(secret) == shown


def test_a_line_is_cut_at_1024_characters(logged):
    logged.send("/dev/orders/7", headers={"X-Long": "x" * 2000})
    cut = [line for line in logged.lines() if line.endswith(" [TRUNCATED]")]
    assert {len(line) for line in cut} == {1024 + len(" [TRUNCATED]")}
    assert {line.split(":")[0] for line in cut} == {
        "Method request headers", "Endpoint request headers", "Endpoint request body after transformations",
    }


@given(st.text(max_size=3000))
def test_no_line_is_longer_than_its_limit(text):
    assert len(printed(text, "id")) <= len("(id) ") + 1024 + len(" [TRUNCATED]")
    assert printed(text, "id")[5:].removesuffix(" [TRUNCATED]") == text[:1024]


def test_without_data_trace_there_are_no_bodies_headers_and_parameters(shop):
    shop.make("GET /orders/{id}")
    shop.log(traced=False)
    shop.send("/dev/orders/7?a=1")
    assert [line.split(":")[0] for line in shop.lines()] == [
        "Extended Request Id", "Verifying Usage Plan for request", KEYLESS,
        f"Usage Plan check succeeded for API Key  and API Stage {shop.id}/dev", "Starting execution for request",
        "HTTP Method", "Successfully completed execution", "Method completed with status",
        "AWS Integration Endpoint RequestId ", "X-ray Tracing ID ",
    ]


@pytest.mark.parametrize("level", ["ERROR", "OFF"])
def test_a_success_is_not_logged_below_info(shop, level):
    shop.make("GET /orders/{id}")
    shop.log(level)
    shop.send("/dev/orders/7")
    assert shop.events() == []


FAILURES = [
    ("?do=raise", 502, [RAISED + "boom. Lambda request id: ID"]),
    ("?do=malformed", 502, ['Endpoint response body before transformations: "Bad response"',
                            FAILED + "Malformed Lambda proxy response"]),
]


@pytest.mark.parametrize(("query", "status", "said"), FAILURES)
@pytest.mark.parametrize("level", ["ERROR", "INFO"])
def test_a_failing_function_says_why(shop, level, query, status, said):
    shop.make("GET /orders/{id}")
    shop.log(level)
    assert shop.send(f"/dev/orders/7{query}").status == status
    lines = [shape(line) for line in shop.lines()]
    wanted = [*said, f"Method completed with status: {status}"]
    if level == "ERROR":
        assert lines == wanted
    else:
        assert lines[-2 - len(wanted):-2] == wanted
        assert "Successfully completed execution" not in lines


def test_a_missing_permission_is_told_in_the_log_only(shop):
    shop.make("GET /orders/{id}", permitted=False)
    shop.log()
    assert shop.send("/dev/orders/7").status == 500
    assert shop.lines()[-3:] == [
        f"Sending request to {URI}", FAILED + "Invalid permissions on Lambda function",
        "Method completed with status: 500",
    ]
    assert shop.events("/aws/lambda/orders") == []


def test_a_throttled_function(logged):
    logged.aws("lambda").put_function_concurrency(FunctionName="orders", ReservedConcurrentExecutions=0)
    assert logged.send("/dev/orders/7").status == 500
    lines = [shape(line) for line in logged.lines()]
    at = lines.index("Received response. Status: 429, Integration latency: N ms")
    assert lines[at + 2:-2] == [
        f"Endpoint response body before transformations: {THROTTLED}",
        "Lambda invocation failed with status: 429. Lambda request id: ID",
        FAILED + "Rate Exceeded.",
        "Method completed with status: 500",
    ]


def test_a_timeout_of_the_function_is_told_in_the_functions_own_words(logged, monkeypatch):
    payload = json.dumps({"errorMessage": TIMED_OUT}).encode()
    answer = Outcome("timeout", payload, "Unhandled", request_id="r-1", version="$LATEST")
    monkeypatch.setattr(logged.rig.functions, "invoke", lambda *_, **__: answer)
    assert logged.send("/dev/orders/7").status == 502
    assert f"{RAISED}{TIMED_OUT}. Lambda request id: r-1" in logged.lines()
    (headers,) = [line for line in logged.lines() if line.startswith("Endpoint response headers")]
    assert "x-amzn-RequestId=r-1, X-Amz-Function-Error=Unhandled" in headers


def test_an_answer_that_is_lost_on_the_way(logged, monkeypatch):
    monkeypatch.setattr(logged.rig.functions, "invoke", lambda *_, **__: Outcome("lost", b"", request_id="r-1"))
    assert logged.send("/dev/orders/7").status == 504
    assert logged.lines()[-3:] == [
        f"Sending request to {URI}", "Execution failed due to a network error communicating with endpoint",
        "Method completed with status: 504",
    ]


def test_an_integration_timeout(logged, monkeypatch):
    answer = Outcome("ok", b"{}", virtual_s=29.5)
    monkeypatch.setattr(logged.rig.functions, "invoke", lambda *_, **__: answer)
    assert logged.send("/dev/orders/7").status == 504
    assert logged.lines()[-3:] == [
        f"Sending request to {URI}", "Execution failed due to a timeout error", "Method completed with status: 504",
    ]


def test_a_missing_api_key(shop):
    shop.make("GET /orders/{id}", key=True)
    shop.log()
    assert shop.send("/dev/orders/7", headers={"x-api-key": "0123456789"}).status == 403
    why = (
        "API Key ****456789 not authorized because method 'GET /orders/{id}' requires API Key and API Key is not "
        f"associated with a Usage Plan for API Stage {shop.id}/dev: No Usage Plan found for key and API Stage"
    )
    assert [shape(line) for line in shop.lines()[1:]] == [
        f"Verifying Usage Plan for request: ID. API Key: ****456789 API Stage: {shop.id}/dev", why,
        "Method completed with status: 403",
    ]


def test_a_mock_integration_calls_nobody(shop):
    shop.make("GET /orders/{id}")
    at = {"restApiId": shop.id, "resourceId": shop.resources["/orders/{id}"], "httpMethod": "GET"}
    template = {"application/json": '{"statusCode": 200}'}
    shop.aws("apigateway").put_integration(**at, type="MOCK", requestTemplates=template)
    shop.aws("apigateway").put_integration_response(**at, statusCode="200", selectionPattern="")
    shop.deploy()
    shop.log()
    assert shop.send("/dev/orders/7").status == 200
    assert [line.split(":")[0] for line in shop.lines()][-5:] == [
        "Method request body before transformations", "Method response body after transformations",
        "Method response headers", "Successfully completed execution", "Method completed with status",
    ]
