"""Addresses, the call, faults and API keys of a served REST API."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest
from rest_gateway import ARN, REGION, URI, Gateway

from emulator.clock import Clock
from emulator.fault import Fault, Rule
from emulator.frontdoors.apigateway import ApiGateway, make_ids
from emulator.model import HttpReply
from emulator.scope import Match

pytest_plugins = ["rest_gateway"]  # fixtures: mended, gateway, orders


@pytest.mark.parametrize("suffix", ["localhost:4566", "amazonaws.com", "localhost.localstack.cloud:4566"])
def test_a_stage_is_served_at_its_host(orders, suffix):
    reply = orders.send("/dev/orders/7", host=f"{orders.api}.execute-api.{REGION}.{suffix}")
    assert (reply.status_code, reply.data) == (200, b"hi")
    assert orders.invoker.event["requestContext"]["domainName"] == (
        f"{orders.api}.execute-api.{REGION}.{suffix.split(':')[0]}"
    )


def test_a_stage_is_served_at_a_path_of_any_host(orders):
    reply = orders.send(f"/_aws/execute-api/{orders.api}/dev/orders/a%2Fb?q=1", host="127.0.0.1:4566")
    assert reply.status_code == 200
    event = orders.invoker.event
    assert (event["path"], event["pathParameters"]) == ("/orders/a%2Fb", {"id": "a%2Fb"})
    assert event["requestContext"]["path"] == "/dev/orders/a%2Fb"
    assert event["requestContext"]["domainName"] == f"{orders.api}.execute-api.{REGION}.amazonaws.com"


@pytest.mark.parametrize(("sent", "path", "full"), [
    ("//dev/orders/7", "/orders/7", "/dev/orders/7"),
    ("/dev//orders/7", "/orders/7", "/dev//orders/7"),
    ("/dev/orders/7/", "/orders/7/", "/dev/orders/7/"),
])
def test_slashes_are_kept_and_dropped_as_recorded(orders, sent, path, full):
    environ = {"REQUEST_URI": sent}
    assert orders.send("/ignored", environ_overrides=environ).status_code == 200
    event = orders.invoker.event
    assert (event["path"], event["requestContext"]["path"]) == (path, full)
    assert event["pathParameters"] == {"id": "7"}


@pytest.mark.parametrize(("environ", "handled"), [
    ({"HTTP_HOST": "a.execute-api.us-east-1.localhost:4566", "PATH_INFO": "/x"}, True),
    ({"HTTP_HOST": "localhost", "PATH_INFO": "/_aws/execute-api/a/dev"}, True),
    ({"HTTP_HOST": "localhost", "PATH_INFO": "/_rig/health"}, False),
    ({"HTTP_HOST": "a.s3.localhost", "PATH_INFO": "/"}, False),
    ({}, False),
])
def test_it_takes_its_own_addresses_only(environ, handled):
    assert ApiGateway.handles(environ) is handled


def test_the_function_is_invoked_by_its_arn_as_apigateway(orders):
    orders.send("/dev/orders/7")
    call = orders.invoker.calls[0]
    assert (call["function"], call["qualifier"], call["origin"]) == (ARN, "", "apigateway")
    assert call["caller"] == "apigateway.amazonaws.com"
    assert call["trace_id"] == call["event"]["headers"]["X-Amzn-Trace-Id"]


def test_stage_variables_name_the_function_and_its_alias(gateway):
    gateway.route("GET", "/", uri=URI.replace(":orders/", ":${stageVariables.fn}:${stageVariables.alias}/"))
    gateway.deploy(variables={"fn": "billing", "alias": "live"})
    gateway.send("/dev")
    call = gateway.invoker.calls[0]
    assert (call["function"].rsplit(":", 1)[1], call["qualifier"]) == ("billing", "live")
    assert call["event"]["stageVariables"] == {"fn": "billing", "alias": "live"}


def test_a_body_reaches_the_function(gateway):
    gateway.route("ANY", "/{proxy+}")
    gateway.deploy()
    gateway.send("/dev/a/b", "POST", data=b'{"a": 1}', content_type="application/json")
    event = gateway.invoker.event
    assert (event["httpMethod"], event["body"], event["pathParameters"]) == ("POST", '{"a": 1}', {"proxy": "a/b"})
    assert event["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize("patched", [False, True])
def test_binary_media_types_make_a_body_base64(mended, patched):
    gateway = Gateway(**({} if patched else {"binaryMediaTypes": ["image/png"]}))
    if patched:
        add = [{"op": "add", "path": "/binaryMediaTypes/image~1png"}]
        assert gateway.aws.update_rest_api(restApiId=gateway.api, patchOperations=add)["binaryMediaTypes"]
    gateway.route("POST", "/")
    gateway.deploy()
    gateway.send("/dev/", "POST", data=b"\x89PNG", content_type="image/png")
    assert gateway.invoker.event["isBase64Encoded"] is True


def test_an_answer_carries_the_gateways_headers(orders):
    reply = orders.send("/dev/orders/7")
    context = orders.invoker.event["requestContext"]
    assert reply.headers["x-amzn-RequestId"] == context["requestId"]
    assert reply.headers["x-amz-apigw-id"] == context["extendedRequestId"]
    assert reply.headers["X-Amzn-Trace-Id"] == orders.invoker.event["headers"]["X-Amzn-Trace-Id"]
    assert reply.headers["Content-Length"] == "2"
    assert "x-amzn-ErrorType" not in reply.headers


def test_ids_are_those_of_the_seed_and_the_call():
    at = Clock().utc()
    assert make_ids(1, "apigateway/req-1", at) == make_ids(1, "apigateway/req-1", at)
    assert len({make_ids(seed, call, at).request for seed in (1, 2) for call in ("a/req-1", "a/req-2")}) == 4
    assert len(base64.b64decode(make_ids(1, "a/req-1", at).extended)) == 11


def test_requests_are_numbered_from_one_again_after_a_reset(orders):
    first = orders.send("/dev/orders/7").headers["x-amzn-RequestId"]
    assert orders.send("/dev/orders/7").headers["x-amzn-RequestId"] != first
    orders.app.reset()
    assert orders.send("/dev/orders/7").headers["x-amzn-RequestId"] == first


def test_head_gets_no_body(gateway):
    gateway.route("ANY", "/")
    gateway.deploy()
    reply = gateway.send("/dev", "HEAD")
    assert (reply.data, reply.headers["Content-Length"]) == (b"", "2")


@pytest.fixture
def keyed(gateway):
    gateway.route("GET", "/", key=True)
    gateway.deploy()
    key = gateway.aws.create_api_key(name="k", value="0123456789abcdefghij", enabled=True)
    gateway.key_id = key["id"]
    plan = gateway.aws.create_usage_plan(name="p", apiStages=[{"apiId": gateway.api, "stage": "dev"}])
    gateway.aws.create_usage_plan_key(usagePlanId=plan["id"], keyId=key["id"], keyType="API_KEY")
    return gateway


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "wrong"}])
def test_a_missing_or_wrong_api_key_is_403(keyed, headers):
    reply = keyed.send("/dev", headers=headers)
    assert (reply.status_code, reply.headers["x-amzn-ErrorType"]) == (403, "ForbiddenException")
    assert keyed.invoker.calls == []


def test_a_key_on_the_stages_plan_is_let_in_and_named_in_the_event(keyed):
    assert keyed.send("/dev", headers={"x-api-key": "0123456789abcdefghij"}).status_code == 200
    identity = keyed.invoker.event["requestContext"]["identity"]
    assert (identity["apiKeyId"], identity["apiKey"]) == (keyed.key_id, "0123456789abcdefghij")


def test_a_disabled_key_is_403(keyed):
    off = [{"op": "replace", "path": "/enabled", "value": "false"}]
    keyed.aws.update_api_key(apiKey=keyed.key_id, patchOperations=off)
    assert keyed.send("/dev", headers={"x-api-key": "0123456789abcdefghij"}).status_code == 403


def test_a_key_on_another_stages_plan_is_403(keyed):
    keyed.deploy("prod")
    assert keyed.send("/prod", headers={"x-api-key": "0123456789abcdefghij"}).status_code == 403


@dataclass(frozen=True)
class Unavailable(Fault):
    name = "unavailable"

    def on_request(self, subject, proceed, ctx):
        return HttpReply(503, body=b'{"message":"Service Unavailable"}')


@dataclass(frozen=True)
class Late(Fault):
    name = "late"

    def on_request(self, subject, proceed, ctx):
        ctx.delay(1.5)
        return proceed()


def test_a_fault_at_the_route_answers_instead_of_the_function(orders):
    orders.injector.arm([Rule(Unavailable(), Match(route="GET /orders/{id}", function="orders", origin="apigateway"))])
    reply = orders.send("/dev/orders/7")
    assert (reply.status_code, orders.invoker.calls) == (503, [])
    assert reply.headers["x-amzn-RequestId"]
    assert [e.rule for e in orders.injector.timeline.strikes()] == ["unavailable"]


def test_a_fault_at_another_route_does_not_strike(orders):
    orders.injector.arm([Rule(Unavailable(), Match(route="POST *"))])
    assert orders.send("/dev/orders/7").status_code == 200
    assert orders.injector.never_struck() == ["unavailable"]


def test_a_virtual_delay_is_told_to_the_client_in_a_header(orders):
    orders.injector.arm([Rule(Late())])
    assert orders.send("/dev/orders/7").headers["x-lambdarig-virtual-delay"] == "1.500"
