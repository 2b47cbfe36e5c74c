"""What a REST API answers when it does not serve a request: statuses, error types and bodies."""

from __future__ import annotations

import base64
import hashlib

import pytest
from rest_gateway import ARN, REGION

from emulator.frontdoors import refusals
from emulator.model import Outcome

pytest_plugins = ["rest_gateway"]  # fixtures: mended, gateway, orders

INTERNAL = b'{"message": "Internal server error"}'
DIGEST = base64.b64encode(hashlib.sha256(b"Bearer x").digest()).decode()


@pytest.mark.parametrize(("path", "headers", "error", "body"), [
    ("/nope/orders/7", {}, "ForbiddenException", b'{"message":"Forbidden"}'),
    ("/", {}, "ForbiddenException", b'{"message":"Forbidden"}'),
    ("/dev/nope", {}, "MissingAuthenticationTokenException", b'{"message":"Missing Authentication Token"}'),
    ("/dev/nope", {"Authorization": "AWS4-HMAC-SHA256 Credential=x"}, "MissingAuthenticationTokenException",
     b'{"message":"Missing Authentication Token"}'),
    ("/dev/nope", {"Authorization": "Bearer x"}, "IncompleteSignatureException",
     b'{"message":"Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and '
     b"encoded with Base64): '" + DIGEST.encode() + b"'.\"}"),
])
def test_a_request_without_a_route_is_403(orders, path, headers, error, body):
    reply = orders.send(path, headers=headers)
    assert (reply.status_code, reply.headers["x-amzn-ErrorType"], reply.data) == (403, error, body)
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["x-amzn-RequestId"]
    assert orders.invoker.calls == []


def test_the_bodies_are_as_long_as_users_pasted_them(orders):
    assert len(orders.send("/nope").data) == 23
    assert len(orders.send("/dev/nope").data) == 42
    assert (len(INTERNAL), len(refusals.TIMED_OUT.body), len(refusals.EVENT_TOO_LONG.body)) == (36, 41, 31)
    assert len(refusals.BODY_TOO_LONG.body) == 44


def test_an_unknown_api_is_403_as_through_a_wrong_host(orders):
    reply = orders.send("/dev/orders/7", host=f"zzzzzzzzzz.execute-api.{REGION}.localhost")
    assert (reply.status_code, reply.data) == (403, b'{"message":"Forbidden"}')


def test_a_refused_request_is_in_the_timeline(orders):
    orders.send("/dev/nope?q=1")
    event = orders.injector.timeline.events()[-1]
    assert (event.subject, event.point, event.outcome, event.detail) == (
        "apigateway/req-1", "request", "403", "GET /dev/nope",
    )


@pytest.mark.parametrize(("status", "http"), [
    ("error", 502), ("timeout", 502), ("crash", 502), ("oom", 502), ("init_error", 502), ("too_large", 502),
    ("throttled", 500),
])
def test_a_failed_invocation_is_an_internal_server_error(orders, status, http):
    orders.invoker.answer = Outcome(status, b'{"errorMessage": "x"}', function_error="Unhandled")
    reply = orders.send("/dev/orders/7")
    assert (reply.status_code, reply.data) == (http, INTERNAL)
    assert reply.headers["x-amzn-ErrorType"] == "InternalServerErrorException"
    assert "X-Amzn-Trace-Id" not in reply.headers
    assert len(orders.invoker.calls) == 1


def test_a_malformed_answer_is_502(orders):
    orders.invoker.answer = Outcome("ok", b'{"statusCode": 200, "extra": 1}')
    assert orders.send("/dev/orders/7").status_code == 502


def test_a_missing_function_is_500(orders):
    def missing():
        raise LookupError(ARN)

    orders.invoker.answer = missing
    reply = orders.send("/dev/orders/7")
    assert (reply.status_code, reply.data) == (500, INTERNAL)


def test_a_function_whose_timeout_cannot_be_found_is_500(orders):
    reply = orders.send("/dev/orders/7", app=orders.served(timeout_of={}.__getitem__))
    assert reply.status_code == 500
    assert orders.invoker.calls == []


def test_an_integration_method_other_than_post_is_500(gateway):
    gateway.route("GET", "/", integrationHttpMethod="GET")
    gateway.deploy()
    reply = gateway.send("/dev")
    assert (reply.status_code, reply.data) == (500, INTERNAL)
    assert gateway.invoker.calls == []


def test_a_body_over_10_mb_is_413_from_before_the_gateway(gateway):
    gateway.route("POST", "/")
    gateway.deploy()
    reply = gateway.send("/dev", "POST", data=b"x" * 10_485_761)
    assert (reply.status_code, reply.data) == (413, b"HTTP content length exceeded 10485760 bytes.")
    assert "x-amzn-RequestId" not in reply.headers


def test_an_event_over_6_mb_is_413(gateway):
    gateway.route("POST", "/")
    gateway.deploy()
    reply = gateway.send("/dev", "POST", data=b"x" * 6_291_456)
    assert (reply.status_code, reply.data) == (413, b'{"message": "Request Too Long"}')
    assert gateway.invoker.calls == []


@pytest.mark.parametrize(("integration", "says"), [
    ({"type": "HTTP_PROXY", "uri": "https://a.test", "integrationHttpMethod": "GET"}, "integration type HTTP_PROXY"),
    ({"type": "AWS"}, "integration type AWS"),
    ({"authorization": "CUSTOM"}, "authorization CUSTOM"),
])
def test_what_is_not_served_yet_says_so(gateway, integration, says):
    gateway.route("GET", "/", **integration)
    gateway.deploy()
    reply = gateway.send("/dev")
    assert (reply.status_code, reply.headers["x-lambdarig-error"]) == (500, f"not served yet: {says}")
