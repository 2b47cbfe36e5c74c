"""A REST API made with plain boto3 on moto, a fake function behind it, and a WSGI client in front."""

from __future__ import annotations

import json

import boto3
import pytest
from moto import mock_aws
from moto.backends import get_backend
from werkzeug.test import Client

from emulator.aws.worlds import World, install
from emulator.clock import Clock
from emulator.frontdoors.apigateway import ApiGateway
from emulator.frontdoors.rest_moto import mend_moto
from emulator.injector import Injector
from emulator.model import Outcome
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
    install()
    world = World()
    with mock_aws(), world.entered():
        mend_moto()
        yield
    world.end()


@pytest.fixture
def gateway(mended):
    return Gateway()


@pytest.fixture
def orders(gateway):
    gateway.route("GET", "/orders/{id}")
    gateway.deploy()
    return gateway
