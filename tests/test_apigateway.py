"""REST APIs made with plain boto3 on moto, served to a WSGI client; the function behind them is a fake."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import threading
from dataclasses import dataclass

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from werkzeug.test import Client

from emulator.clock import Clock
from emulator.fault import Fault, Rule
from emulator.frontdoors import refusals
from emulator.frontdoors.apigateway import ApiGateway, make_ids
from emulator.frontdoors.rest_moto import mend_moto
from emulator.injector import Injector
from emulator.model import HttpReply, Outcome
from emulator.scope import Match
from emulator.timeline import Timeline

ACCOUNT, REGION = "123456789012", "us-east-1"
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:orders"
URI = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{ARN}/invocations"


class FakeInvoker:
    """Answers each invocation with `answer`, an Outcome or a callable, and keeps what it was called with."""

    def __init__(self) -> None:
        self.calls = []
        self.answer = Outcome("ok", b'{"statusCode": 200, "body": "hi"}')

    def invoke(self, function, payload, origin, **rest):
        self.calls.append({"function": function, "event": json.loads(payload), "origin": origin, **rest})
        return self.answer() if callable(self.answer) else self.answer

    @property
    def event(self):
        return self.calls[-1]["event"]


class Gateway:
    """An API under construction and a client for it."""

    def __init__(self, **options) -> None:
        self.aws = boto3.client("apigateway", REGION, aws_access_key_id="x", aws_secret_access_key="x")
        self.api = self.aws.create_rest_api(name="shop", **options)["id"]
        self.paths = {"/": self.aws.get_resources(restApiId=self.api)["items"][0]["id"]}
        self.clock, self.invoker = Clock(manual=True), FakeInvoker()
        self.injector = Injector(self.clock, Timeline(self.clock))
        self.app = self.served(timeout_of=lambda arn: 3.0)

    def served(self, **options) -> ApiGateway:
        models = get_backend("apigateway")[ACCOUNT]
        return ApiGateway(lambda service, region: models[region], self.invoker, self.injector, self.clock, **options)

    def route(self, method: str, path: str, *, key=False, authorization="NONE", **integration) -> None:
        at = {"restApiId": self.api, "resourceId": self._resource(path), "httpMethod": method}
        self.aws.put_method(**at, authorizationType=authorization, apiKeyRequired=key)
        given = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": URI} | integration
        self.aws.put_integration(**at, **{name: value for name, value in given.items() if value is not None})

    def _resource(self, path: str) -> str:
        if path not in self.paths:
            parent, _, part = path.rpartition("/")
            made = self.aws.create_resource(restApiId=self.api, parentId=self._resource(parent or "/"), pathPart=part)
            self.paths[path] = made["id"]
        return self.paths[path]

    def deploy(self, stage="dev", **more) -> str:
        return self.aws.create_deployment(restApiId=self.api, stageName=stage, **more)["id"]

    def send(self, path: str, method="GET", host="", app=None, **request):
        host = host or f"{self.api}.execute-api.{REGION}.localhost:4566"
        return Client(app or self.app).open(path, method=method, base_url=f"http://{host}", **request)


@pytest.fixture
def mended():
    with mock_aws():
        mend_moto()
        yield


@pytest.fixture
def gateway(mended):
    return Gateway()


@pytest.fixture
def orders(gateway):
    gateway.route("GET", "/orders/{id}")
    gateway.deploy()
    return gateway


# --- addresses ----------------------------------------------------------------------------------------


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


# --- the call -----------------------------------------------------------------------------------------


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


# --- deployments --------------------------------------------------------------------------------------


def test_what_is_changed_after_a_deployment_waits_for_the_next(orders):
    orders.route("DELETE", "/orders/{id}")
    orders.route("GET", "/orders/{id}", type="MOCK", uri=None, integrationHttpMethod=None)
    assert orders.send("/dev/orders/7", "DELETE").status_code == 403
    assert orders.send("/dev/orders/7").status_code == 200
    orders.deploy()
    assert orders.send("/dev/orders/7", "DELETE").status_code == 200
    assert orders.send("/dev/orders/7").status_code == 500


def test_a_stage_serves_the_deployment_it_points_to(orders):
    first = orders.aws.get_stage(restApiId=orders.api, stageName="dev")["deploymentId"]
    orders.route("GET", "/new")
    second = orders.deploy()
    assert orders.send("/dev/new").status_code == 200
    assert orders.invoker.event["requestContext"]["deploymentId"] == second
    back = [{"op": "replace", "path": "/deploymentId", "value": first}]
    orders.aws.update_stage(restApiId=orders.api, stageName="dev", patchOperations=back)
    assert orders.send("/dev/new").status_code == 403


def test_deploying_again_keeps_the_stages_variables(gateway):
    gateway.route("GET", "/")
    gateway.deploy(variables={"table": "orders"})
    gateway.deploy()
    gateway.send("/dev")
    assert gateway.invoker.event["stageVariables"] == {"table": "orders"}


def test_stage_variables_change_without_a_deployment(orders):
    patch = [{"op": "replace", "path": "/variables/table", "value": "other"}]
    orders.aws.update_stage(restApiId=orders.api, stageName="dev", patchOperations=patch)
    orders.send("/dev/orders/7")
    assert orders.invoker.event["stageVariables"] == {"table": "other"}


def test_a_deployment_and_a_stage_can_be_made_apart(gateway):
    gateway.route("GET", "/")
    deployment = gateway.aws.create_deployment(restApiId=gateway.api)["id"]
    gateway.aws.create_stage(restApiId=gateway.api, stageName="prod", deploymentId=deployment, variables={"a": "b"})
    assert gateway.send("/prod").status_code == 200
    assert gateway.invoker.event["stageVariables"] == {"a": "b"}


# --- refusals -----------------------------------------------------------------------------------------

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


def test_an_unsigned_request_to_an_iam_method_is_403(gateway):
    gateway.route("GET", "/", authorization="AWS_IAM")
    gateway.deploy()
    assert gateway.send("/dev").headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert gateway.send("/dev", headers={"Authorization": "AWS4-HMAC-SHA256 x"}).status_code == 500


# --- API keys -----------------------------------------------------------------------------------------


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


# --- the integration's time limit ---------------------------------------------------------------------


def test_virtual_seconds_count_towards_the_limit(orders):
    orders.invoker.answer = Outcome("ok", b"{}", virtual_s=29.5)
    reply = orders.send("/dev/orders/7")
    assert (reply.status_code, reply.data) == (504, b'{"message": "Endpoint request timed out"}')
    assert reply.headers["x-amzn-ErrorType"] == "InternalServerErrorException"


def test_just_under_the_limit_is_served(orders):
    orders.invoker.answer = Outcome("ok", b"{}", virtual_s=28.5)
    assert orders.send("/dev/orders/7").status_code == 200


def slow(gateway, timeout_of):
    """A gateway with a 50 ms limit before a function that ends when told to."""
    gateway.route("GET", "/", timeoutInMillis=50)
    gateway.deploy()
    go, ended = threading.Event(), threading.Event()

    def answer():
        go.wait(30)
        ended.set()
        return Outcome("ok", b"{}")

    gateway.invoker.answer = answer
    return gateway.served(timeout_of=timeout_of), go, ended


@pytest.mark.parametrize("timeout_of", [lambda arn: 60.0, None])
def test_the_client_hears_of_the_timeout_while_the_function_runs_on(gateway, timeout_of):
    app, go, ended = slow(gateway, timeout_of)
    assert gateway.send("/dev", app=app).status_code == 504
    assert not ended.is_set()
    go.set()
    assert ended.wait(30)


def test_what_a_late_invocation_raises_is_logged(gateway, caplog):
    gateway.route("GET", "/", timeoutInMillis=50)
    gateway.deploy()
    go, logged = threading.Event(), threading.Event()

    class Listener(logging.Handler):
        def emit(self, record):
            logged.set()

    def answer():
        go.wait(30)
        raise RuntimeError("the engine went away")

    logger, listener = logging.getLogger("emulator.frontdoors.rest_lambda"), Listener()
    logger.addHandler(listener)
    gateway.invoker.answer = answer
    assert gateway.send("/dev", app=gateway.served()).status_code == 504
    go.set()
    assert logged.wait(30)
    logger.removeHandler(listener)
    assert "the engine went away" in caplog.text


def test_a_function_that_cannot_outlive_the_limit_is_invoked_in_the_serving_thread(orders):
    orders.invoker.answer = lambda: Outcome("ok", json.dumps({"body": threading.current_thread().name}).encode())
    assert orders.send("/dev/orders/7").text == threading.current_thread().name
    watched = orders.served(timeout_of=lambda arn: 29.0)
    assert orders.send("/dev/orders/7", app=watched).text == "apigateway-integration"


# --- faults -------------------------------------------------------------------------------------------


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


# --- MOCK ---------------------------------------------------------------------------------------------


def preflight(gateway, template='{"statusCode": 200}', origin="'*'", body=None):
    gateway.route("OPTIONS", "/", type="MOCK", uri=None, integrationHttpMethod=None,
                  requestTemplates={"application/json": template})
    at = {"restApiId": gateway.api, "resourceId": gateway.paths["/"], "httpMethod": "OPTIONS", "statusCode": "204"}
    header = "method.response.header.Access-Control-Allow-Origin"
    gateway.aws.put_method_response(**at, responseParameters={header: True})
    gateway.aws.put_integration_response(
        **at, responseParameters={header: origin}, responseTemplates={"application/json": body or ""},
    )
    gateway.deploy()
    return gateway.send("/dev", "OPTIONS")


def test_a_preflight_is_answered_by_a_mock(gateway):
    reply = preflight(gateway)
    assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (204, "*")
    assert gateway.invoker.calls == []


def test_a_mock_without_a_status_code_is_500(gateway):
    assert preflight(gateway, template="{}").status_code == 500


@pytest.mark.parametrize("broken", [
    {"template": '#set($x = 1){"statusCode": 200}'}, {"origin": "context.requestId"}, {"body": "$context.requestId"},
])
def test_a_mock_that_has_to_be_evaluated_says_so(gateway, broken):
    assert "MOCK" in preflight(gateway, **broken).headers["x-lambdarig-error"]
