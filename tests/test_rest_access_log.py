"""The access log of a REST API: one line a request, made of `$context` variables."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone

import pytest
from api_rig import ACCOUNT, ANY_EXECUTE, REGION
from hypothesis import given
from hypothesis import strategies as st

from emulator.frontdoors import refusals
from emulator.frontdoors.rest_access_log import line
from emulator.frontdoors.rest_api import RestApi, Route, Stage
from emulator.frontdoors.rest_event import Arrived, Ids, Request, Routed
from emulator.frontdoors.rest_router import Router
from emulator.frontdoors.rest_trail import Check, Endpoint, Trail
from emulator.model import HttpReply, Outcome

pytest_plugins = ["api_fixtures"]  # fixtures: shop

AT = datetime(2019, 2, 26, 15, 29, 33, 250_000, tzinfo=timezone.utc)
IDS = Ids("6a7c9b1e-0000-4000-8000-000000000001", "Vts2pH6ArPEFcuQ=", "1-5c755b9d-aaaaaaaaaaaaaaaaaaaaaaaa")
HOST = "abc123.execute-api.us-east-1.amazonaws.com"
UNSET = (  # variables that a plain request to a Lambda proxy does not have
    "authenticate.error", "authenticate.latency", "authenticate.status", "authorize.error", "authorize.latency",
    "authorize.status", "authorizer.claims.sub", "authorizer.error", "authorizer.integrationLatency",
    "authorizer.integrationStatus", "authorizer.latency", "authorizer.principalId", "authorizer.requestId",
    "authorizer.status", "customDomain.basePathMatched", "error.message", "error.messageString", "error.responseType",
    "error.validationErrorString", "identity.accountId", "identity.apiKey", "identity.apiKeyId", "identity.caller",
    "identity.cognitoAuthenticationProvider", "identity.cognitoAuthenticationType", "identity.cognitoIdentityId",
    "identity.cognitoIdentityPoolId", "identity.clientCert.subjectDN", "identity.principalOrgId", "identity.user",
    "identity.userArn", "integration.error", "integrationErrorMessage", "waf.error", "waf.latency", "waf.status",
    "wafResponseCode", "webaclArn", "nonsense",
)
REQUEST = {
    "accountId": ACCOUNT, "apiId": "abc123", "deploymentId": "dep1", "domainName": HOST, "domainPrefix": "abc123",
    "extendedRequestId": IDS.extended, "httpMethod": "GET", "identity.sourceIp": "203.0.113.9",
    "identity.userAgent": "curl/8", "path": "/dev/orders/7", "protocol": "HTTP/1.1", "requestId": IDS.request,
    "requestTime": "26/Feb/2019:15:29:33 +0000", "requestTimeEpoch": "1551194973250", "stage": "dev",
    "xrayTraceId": IDS.root,
}
SERVED = {
    **REQUEST, "resourceId": "res1", "resourcePath": "/orders/{id}", "status": "201", "responseLength": "2",
    "responseLatency": "57", "awsEndpointRequestId": "l-1", "integration.integrationStatus": "200",
    "integration.latency": "40", "integration.requestId": "l-1", "integration.status": "201",
    "integrationLatency": "40", "integrationStatus": "200",
}


def trail(routed=True, **more):
    headers = (("User-Agent", "curl/8"),)
    request = Request("GET", HOST, "/dev/orders/7", "", headers, b"", "203.0.113.9", "https", "443")
    api = RestApi("abc123", REGION, "dep1", (), "HEADER", Router())
    arrived = (request, Stage("dev", {}, api), "/orders/7", "/dev/orders/7", HOST, IDS, AT)
    if not routed:
        return Trail(Arrived(*arrived), 0.0)
    route = Route("res1", "/orders/{id}", "GET", "NONE", False, "", None)
    made = Trail(Arrived(*arrived), 0.0, Routed(*arrived, route, {"id": "7"}))
    for name, value in more.items():
        setattr(made, name, value)
    return made


def called(outcome, latency_ms=40):
    return Endpoint("arn", b"{}", 0.0, 0.0, latency_ms, outcome)


OK = called(Outcome("ok", b"{}", request_id="l-1"))


def shown(variable, reply=None, **more):
    return line(f"$context.{variable}", trail(**more), reply or HttpReply(201, body=b"{}"), ACCOUNT, 57)


@pytest.mark.parametrize(("variable", "value"), SERVED.items())
def test_a_variable_of_a_served_request(variable, value):
    assert shown(variable, endpoint=OK) == value


@pytest.mark.parametrize("variable", UNSET)
def test_an_unset_variable_is_a_dash(variable):
    assert shown(variable, endpoint=OK) == "-"


@pytest.mark.parametrize("variable", ["resourceId", "resourcePath", "integrationStatus", "integration.latency"])
def test_an_unknown_path_has_neither_resource_nor_integration(variable):
    assert shown(variable, refusals.MISSING_TOKEN, routed=False) == "-"


@pytest.mark.parametrize(("variable", "value"), REQUEST.items())
def test_an_unknown_path_is_still_a_request(variable, value):
    assert shown(variable, refusals.MISSING_TOKEN, routed=False) == value


@pytest.mark.parametrize(("reply", "message", "kind"), [
    (refusals.MISSING_TOKEN, "Missing Authentication Token", "MISSING_AUTHENTICATION_TOKEN"),
    (refusals.access_denied("User: x"), "User: x", "ACCESS_DENIED"),
    (refusals.bad_signature("InvalidSignatureException", "no"), "no", "INVALID_SIGNATURE"),
    (refusals.bad_signature("ExpiredTokenException", "old"), "old", "EXPIRED_TOKEN"),
    (refusals.bad_signature("UnrecognizedClientException", "who"), "who", "ACCESS_DENIED"),
    (refusals.API_KEY_REQUIRED, "Forbidden", "INVALID_API_KEY"),
    (refusals.TIMED_OUT, "Endpoint request timed out", "INTEGRATION_TIMEOUT"),
    (refusals.UNREACHED, "Network error communicating with endpoint", "INTEGRATION_FAILURE"),
    (refusals.NOT_PERMITTED, "Internal server error", "API_CONFIGURATION_ERROR"),
    (refusals.MALFORMED, "Internal server error", "DEFAULT_5XX"),
])
def test_a_refusal_has_a_message_and_a_gateway_response_type(reply, message, kind):
    assert shown("error.message", reply) == message
    assert shown("error.messageString", reply) == f'"{message}"'
    assert shown("error.responseType", reply) == kind


@pytest.mark.parametrize(("outcome", "reply", "error", "integration", "handler"), [
    (None, refusals.TIMED_OUT, "Execution failed due to a timeout error", "-", "-"),
    (None, refusals.NOT_PERMITTED,
     "Execution failed due to configuration error: Invalid permissions on Lambda function", "-", "-"),
    (None, refusals.UNREACHED, "Execution failed due to a network error communicating with endpoint", "-", "-"),
    (Outcome("throttled", b""), refusals.throttled("l-1"),
     "Execution failed due to configuration error: Rate Exceeded.", "429", "-"),
    (Outcome("ok", b'"x"'), refusals.MALFORMED,
     "Execution failed due to configuration error: Malformed Lambda proxy response", "200", "-"),
    (Outcome("ok", b"{}"), HttpReply(404), "-", "200", "404"),
])
def test_a_failed_integration(outcome, reply, error, integration, handler):
    more = {"reply": reply, "endpoint": called(outcome)}
    assert shown("integration.error", **more) == shown("integrationErrorMessage", **more) == error
    assert shown("integrationStatus", **more) == shown("integration.integrationStatus", **more) == integration
    assert shown("integration.status", **more) == handler


def test_both_checks_of_a_caller():
    more = {"authenticate": Check(200, 1), "authorize": Check(403, 2, "User: x")}
    format = " ".join(f"$context.{check}.{what}" for check in more for what in ("status", "latency", "error"))
    assert line(format, trail(**more), refusals.FORBIDDEN, ACCOUNT, 1) == "200 1 - 403 2 User: x"


@pytest.mark.parametrize(("format", "written"), [
    ("$context.status.", "201."), ("$context.status,$context.stage", "201,dev"),
    ('{"s":"$context.status"}', '{"s":"201"}'),
    ("$context.statusx", "-"), ("$context", "$context"), ("$input.body", "$input.body"), ("$context.status\n", "201"),
    ("$context.requestId-$context.stage", f"{IDS.request}-dev"),
])
def test_where_a_variable_ends(format, written):
    assert line(format, trail(), HttpReply(201), ACCOUNT, 1) == written


@given(st.text(max_size=200))
def test_no_format_breaks_the_line(format):
    line(format, trail(), HttpReply(200), ACCOUNT, 1)


# --- through a rig ---

CLF = (
    "$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime]"
    '"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength '
    "$context.requestId $context.extendedRequestId"
)


def test_the_common_log_format(shop):
    shop.make()
    shop.log("OFF", format=CLF)
    reply = shop.send("/dev/orders/7")
    (written,) = shop.events("access")
    ids = f"{reply.headers['x-amzn-RequestId']} {reply.headers['x-amz-apigw-id']}"
    assert re.fullmatch(
        r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:[\d:]{8} \+0000\]"GET /orders/{id} HTTP/1\.1" 201 '
        + re.escape(f"{len(reply.data)} {ids}"), written,
    )
    assert shop.events() == []


def test_a_signed_request_names_its_caller(shop):
    shop.make("AWS_IAM GET /orders/{id}")
    names = ("requestId", "identity.userArn", "identity.caller", "identity.accountId", "authorize.status")
    shop.log("OFF", format=json.dumps({name: f"$context.{name}" for name in names}))
    shop.signed("/dev/orders/7", shop.session("caller", ANY_EXECUTE))
    (written,) = shop.events("access")
    told = json.loads(written)
    assert told["identity.userArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/caller/web"
    assert re.fullmatch("AROA[A-Z0-9]+:web", told["identity.caller"])
    assert (told["identity.accountId"], told["authorize.status"]) == (ACCOUNT, "200")


def test_the_group_may_be_in_another_region(shop):
    shop.make()
    shop.log("OFF", format="$context.requestId")
    shop.patch(("/accessLogSettings/destinationArn", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:far"))
    reply = shop.send("/dev/orders/7")
    (event,) = shop.aws("logs", "eu-west-1").filter_log_events(logGroupName="far")["events"]
    assert event["message"] == reply.headers["x-amzn-RequestId"]


def test_what_would_go_to_firehose_is_told_in_the_rigs_own_log(shop, caplog):
    shop.make()
    shop.log("OFF", format="$context.requestId")
    stream = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/amazon-apigateway-x"
    shop.patch(("/accessLogSettings/destinationArn", stream))
    assert shop.send("/dev/orders/7").status == 201
    assert stream in caplog.text
