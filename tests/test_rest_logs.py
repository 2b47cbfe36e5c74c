"""The execution log of a REST API: which lines, in which order, at which level; and which failures are logged where."""

from __future__ import annotations

import json
import re

import pytest
from api_rig import ACCOUNT, ANY_EXECUTE, REGION, document
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulator.frontdoors.rest_api import Logging, method_key
from emulator.frontdoors.rest_execution_log import masked, printed
from emulator.frontdoors.rest_moto_stage import NO_ROLE
from emulator.model import Outcome

pytest_plugins = ["api_fixtures"]  # fixtures: shop

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
URI = f"https://lambda.{REGION}.amazonaws.com/2015-03-31/functions/{ARN}/invocations"
FORMAT = "$context.requestId $context.status"
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


@pytest.fixture
def logged(shop):
    """GET /orders/{id} with everything in the execution log."""
    shop.make("GET /orders/{id}")
    shop.log()
    return shop


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


# --- which failures are logged where ---


@pytest.mark.parametrize(("routes", "path", "execution", "access"), [
    (("GET /orders/{id}",), "/nope/orders/7", False, ""),
    (("GET /orders/{id}",), "/dev/nope", False, "403"),
    (("AWS_IAM GET /orders/{id}",), "/dev/orders/7", False, "403"),
    (("GET /orders/{id}",), "/dev/orders/7?do=raise", True, "502"),
    (("GET /orders/{id}",), "/dev/orders/7?do=malformed", True, "502"),
    (("GET /orders/{id}",), "/dev/orders/7", True, "201"),
])
def test_which_failures_are_logged_where(shop, routes, path, execution, access):
    shop.make(*routes)
    shop.log(format=FORMAT)
    reply = shop.send(path)
    assert bool(shop.events()) is execution
    assert shop.events("access") == ([f"{reply.headers['x-amzn-RequestId']} {access}"] if access else [])


def test_an_unknown_api_is_logged_nowhere(shop):
    shop.make()
    shop.log(format=FORMAT)
    shop.send("/dev/orders/7", host=f"abcde12345.execute-api.{REGION}.amazonaws.com")
    shop.send("/dev/orders/7", host=f"{shop.id}.execute-api.eu-west-1.amazonaws.com")
    assert shop.events() == shop.events("access") == []


def test_a_denial_by_iam_is_in_the_access_log_only(shop):
    shop.make("AWS_IAM GET /orders/{id}")
    shop.log(format="$context.requestId $context.authorize.status $context.authorize.error")
    held = shop.session("caller")
    assert shop.signed("/dev/orders/7", held).status == 403
    assert shop.events() == []
    (line,) = shop.events("access")
    assert " 403 User: arn:aws:sts::" in line
    shop.aws("iam").put_role_policy(RoleName="caller", PolicyName="p", PolicyDocument=document(ANY_EXECUTE))
    assert shop.signed("/dev/orders/7", held).status == 201
    assert shop.lines()[-4] == "Successfully completed execution"


def test_the_access_line_is_written_before_the_execution_lines(shop, monkeypatch):
    shop.make()
    shop.log(format=FORMAT)
    written = []
    monkeypatch.setattr(shop.rig.gateway._rest._logs, "_append", lambda group, *_: written.append(group))
    shop.send("/dev/orders/7")
    assert written == ["access", shop.group]


# --- what a stage logs ---


def test_the_group_is_there_as_soon_as_the_stage_logs(shop):
    shop.make()
    assert shop.aws("logs").describe_log_groups(logGroupNamePrefix="API-Gateway")["logGroups"] == []
    shop.log("ERROR")
    (group,) = shop.aws("logs").describe_log_groups(logGroupNamePrefix="API-Gateway")["logGroups"]
    assert group["logGroupName"] == shop.group
    assert shop.aws("logs").filter_log_events(logGroupName=shop.group)["events"] == []


def test_streams_are_32_hexadecimal_digits(logged):
    logged.send("/dev/orders/7")
    (stream,) = logged.aws("logs").describe_log_streams(logGroupName=logged.group)["logStreams"]
    assert re.fullmatch("[0-9a-f]{32}", stream["logStreamName"])


@pytest.mark.parametrize("path", ["/~1orders~1{id}/GET", "/orders~1{id}/GET", "/orders/{id}/GET"])
def test_a_methods_own_settings_come_before_the_stages(shop, path):
    shop.make("GET /orders/{id}", "GET /other")
    shop.log("INFO", traced=True)
    shop.patch((f"{path}/logging/loglevel", "OFF"))
    shop.send("/dev/orders/7")
    assert shop.events() == []
    shop.send("/dev/other")
    assert shop.events()
    shop.patch((path, ""), op="remove")
    shop.send("/dev/orders/7")
    assert any("GET /orders/{id}" in line for line in shop.events())


def test_a_method_has_one_set_of_settings_however_its_path_is_written(shop):
    shop.make()
    shop.log_role()
    shop.patch(("/orders/{id}/GET/logging/loglevel", "INFO"))
    shop.patch(("/~1orders~1{id}/GET/logging/loglevel", "OFF"))
    assert len(shop.aws("apigateway").get_stage(restApiId=shop.id, stageName="dev")["methodSettings"]) == 1
    shop.send("/dev/orders/7")
    assert shop.events() == []


@pytest.mark.parametrize(("key", "method"), [
    ("orders~1{id}/GET", ("/orders/{id}", "GET")), ("~1orders/ANY", ("/orders", "ANY")), ("~1/GET", ("/", "GET")),
    ("*/*", ("/*", "*")),
])
def test_keys_of_method_settings(key, method):
    assert method_key(key) == method


def test_a_stage_without_settings_logs_nothing():
    assert Logging({}).executions is False
    assert Logging({"*/*": {"loggingLevel": "OFF"}, "a/GET": {"loggingLevel": "ERROR"}}).executions is True


def test_a_stage_keeps_its_logs_when_it_is_deployed_again(logged):
    logged.deploy()
    logged.send("/dev/orders/7")
    assert logged.events()
    stage = logged.aws("apigateway").get_stage(restApiId=logged.id, stageName="dev")
    assert stage["methodSettings"]["*/*"] == {
        "metricsEnabled": False, "loggingLevel": "INFO", "dataTraceEnabled": True, "throttlingBurstLimit": 5000,
        "throttlingRateLimit": 10000.0, "cachingEnabled": False, "cacheTtlInSeconds": 300, "cacheDataEncrypted": False,
        "requireAuthorizationForCacheControl": True,
        "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
    }


def test_logs_end_with_the_accounts_role(logged):
    no_role = {"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}
    logged.aws("apigateway").update_account(patchOperations=[no_role])
    logged.send("/dev/orders/7")
    assert logged.events() == []


def refusal(call, *arguments, **more):
    with pytest.raises(ClientError) as caught:
        call(*arguments, **more)
    error = caught.value.response["Error"]
    assert error["Code"] == "BadRequestException"
    return error["Message"]


GROUP = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:access"


@pytest.mark.parametrize(("path", "value"), [
    ("/*/*/logging/loglevel", "INFO"), ("/*/*/logging/loglevel", "ERROR"), ("/~1orders/GET/logging/loglevel", "INFO"),
    ("/accessLogSettings/destinationArn", GROUP), ("/accessLogSettings/format", FORMAT),
])
def test_nothing_is_logged_before_the_account_has_a_role(shop, path, value):
    shop.make()
    assert refusal(shop.patch, (path, value)) == NO_ROLE
    stage = shop.aws("apigateway").get_stage(restApiId=shop.id, stageName="dev")
    assert (stage["methodSettings"], stage.get("accessLogSettings")) == ({}, None)


def test_off_needs_no_role(shop):
    shop.make()
    shop.patch(("/*/*/logging/loglevel", "OFF"))


SETTINGS = (
    ".../metrics/enabled, .../logging/dataTrace, .../logging/loglevel,.../throttling/burstLimit, "
    ".../throttling/rateLimit, .../caching/ttlInSeconds, .../caching/enabled, .../caching/dataEncrypted, "
    ".../caching/requireAuthorizationForCacheControl, .../caching/unauthorizedCacheControlHeaderStrategy"
)
NO_ARN = (
    "Invalid ARN specified in the request. ARNs must start with 'arn:' and contain at least 6 elements separated by "
    "colons (:)."
)
LINES = "Access Log format must be single line, new line character is allowed only at end of the format: "
CHARACTERS = "Access Log destination must only contain characters a-z, A-Z, 0-9, '_', '-', '/', '.': "


@pytest.mark.parametrize(("path", "value", "says"), [
    ("/*/*/accessLogSettings/format", "test",
     f"Invalid method setting path: accessLogSettings/format. Must be one of: [{SETTINGS}]"),
    ("/*/*/logging/loglevel", "DEBUG", "Invalid logging level 'DEBUG'. Must be one of: [OFF, ERROR, INFO]"),
    ("/accessLogSettings/destinationArn", f"{GROUP}:*", f"{CHARACTERS}'log-group:access:*'"),
    ("/accessLogSettings/destinationArn", "access", NO_ARN),
    ("/accessLogSettings/destinationArn", GROUP.replace(REGION, "mars-1"),
     "Invalid ARN specified in the request. There is no region 'mars-1'."),
    ("/*/*/throttling/rateLimit", "many", "Invalid value 'many' for throttling/rateLimit: it must be a number"),
    ("/accessLogSettings/format", "$context.requestId\n$context.status",
     f"{LINES}'$context.requestId\n$context.status'"),
    ("/accessLogSettings/format", "$context.status $context.requestIdentity",
     "Access Log format must include at least $context.requestId or $context.extendedRequestId"),
])
def test_settings_that_aws_refuses(shop, path, value, says):
    shop.make()
    shop.log_role()
    assert refusal(shop.patch, (path, value)) == says


@pytest.mark.parametrize("missing", ["op", "path", "value"])
def test_a_patch_that_is_not_whole_is_refused(shop, missing):
    shop.make()
    whole = {"op": "replace", "path": "/cloudwatchRoleArn", "value": "x"}
    patch = {key: value for key, value in whole.items() if key != missing}
    says = refusal(shop.aws("apigateway").update_account, patchOperations=[patch])
    assert says == "A patch operation needs op and path, and add and replace a value"


@pytest.mark.parametrize("op", ["add", "replace"])
def test_an_access_log_is_set_and_removed(shop, op):
    shop.make()
    shop.log_role()
    shop.patch(("/accessLogSettings/destinationArn", GROUP), ("/accessLogSettings/format", FORMAT), op=op)
    kept = shop.aws("apigateway").get_stage(restApiId=shop.id, stageName="dev")["accessLogSettings"]
    assert kept == {"destinationArn": GROUP, "format": FORMAT}
    shop.patch(("/accessLogSettings", ""), op="remove")
    shop.send("/dev/orders/7")
    assert shop.events("access") == []


TRUST = {"Effect": "Allow", "Principal": {"Service": "apigateway.amazonaws.com"}, "Action": "sts:AssumeRole"}
PUSH = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}


@pytest.mark.parametrize(("trust", "policy", "taken"), [
    (TRUST, PUSH, True),
    ({**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}}, PUSH, False),
    (TRUST, {**PUSH, "Action": "logs:PutLogEvents"}, False),
])
def test_the_role_is_tried(shop, trust, policy, taken):
    iam = shop.aws("iam")
    iam.create_role(RoleName="logs", AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName="logs", PolicyName="p", PolicyDocument=document(policy))
    if taken:
        shop.log_role()
        assert shop.events("/aws/apigateway/welcome") == ["Cloudwatch logs enabled for API Gateway"]
    else:
        assert refusal(shop.log_role).startswith("The role ARN does not have required permissions configured.")
