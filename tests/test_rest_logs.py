"""What a REST API logs: which failures are logged where, and the settings of its stage."""

from __future__ import annotations

import re

import pytest
from api_rig import ACCOUNT, ANY_EXECUTE, REGION, document
from botocore.exceptions import ClientError

from emulator.frontdoors.rest_api import Logging, method_key
from emulator.frontdoors.rest_moto_stage import NO_ROLE

pytest_plugins = ["api_fixtures"]  # fixtures: shop, logged
FORMAT = "$context.requestId $context.status"


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
