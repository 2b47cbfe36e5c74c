"""API Gateway's data plane for REST APIs: a request to a stage's address becomes an event, its outcome a response.

Addresses: host `{api}.execute-api.{region}.ANYTHING` with path `/{stage}/...`, or any host with path
`/_aws/execute-api/{api}/{stage}/...`. An unknown API has no name in AWS's DNS; here it is answered as a wrong Host
is there: 403 Forbidden.
"""

from __future__ import annotations

import base64
import itertools
import re
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Any

from emulator.clock import Clock
from emulator.frontdoors import refusals
from emulator.frontdoors.rest_api import Stage, find_api_key, find_stage
from emulator.frontdoors.rest_event import Ids, Request, Routed, raw_path, read_request
from emulator.frontdoors.rest_lambda import LambdaProxy, split_arn
from emulator.frontdoors.rest_mock import mock_reply
from emulator.injector import Injector
from emulator.model import HttpCall, HttpReply, Invoker

BODY_LIMIT = 10_485_760
_PREFIX = "/_aws/execute-api/"
_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.")
_NAMESPACE = uuid.UUID("6c616d62-6461-5269-8000-617069677721")
StartResponse = Callable[..., object]


@dataclass(frozen=True)
class Address:
    """Where a request is going. region: empty when the address does not say. path: stage and all, as sent."""

    api: str
    region: str
    path: str
    domain: str


class ApiGateway:
    """WSGI application. backend_models: moto's backend of a service in a region. regions: where to look for an API
    whose address names no region."""

    def __init__(
        self, backend_models: Callable[[str, str], Any], invoker: Invoker, injector: Injector, clock: Clock,
        account: str = "123456789012", *, timeout_of: Callable[[str], float] | None = None,
        regions: Sequence[str] = ("us-east-1",),
    ) -> None:
        self._models, self._injector, self._clock, self._regions = backend_models, injector, clock, regions
        self._proxy = LambdaProxy(invoker, clock, account, timeout_of)
        self._numbers = itertools.count(1)

    @staticmethod
    def handles(environ: Mapping[str, Any]) -> bool:
        """Whether a request is for a REST API's address."""
        host = environ.get("HTTP_HOST", "")
        return ".execute-api." in host.lower() or str(environ.get("PATH_INFO", "")).startswith(_PREFIX)

    def reset(self) -> None:
        """Number the requests from 1 again, as at the start of a run."""
        self._numbers = itertools.count(1)

    def __call__(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = _read_body(environ)
        if body is None:
            return _send(refusals.BODY_TOO_LONG, (), environ, start_response)
        call_id, at = f"apigateway/req-{next(self._numbers)}", self._clock.utc()
        ids = make_ids(self._injector.seed, call_id, at)
        reply = self._serve(read_request(environ, body), _address(environ), call_id, ids, at)
        own = (("x-amzn-RequestId", ids.request), ("x-amz-apigw-id", ids.extended))
        return _send(reply, own, environ, start_response)

    def _serve(self, request: Request, address: Address, call_id: str, ids: Ids, at: datetime) -> HttpReply:
        name, path = _split_stage(address.path)
        stage, models = self._find(address, name)
        if stage is None:
            return self._refuse(call_id, refusals.FORBIDDEN, request)
        found = stage.api.routes.match(request.method, path)
        if found is None:
            return self._refuse(call_id, refusals.no_route(request.by_name.get("authorization", "")), request)
        route, parameters = found
        full_path = "/" + address.path.lstrip("/")
        domain = address.domain or f"{stage.api.id}.execute-api.{stage.api.region}.amazonaws.com"
        routed = Routed(request, stage, route, path, full_path, parameters, domain, ids, at)
        call = _call(call_id, routed)
        passage = self._injector.pass_through("request", call, lambda: self._integrate(routed, models))
        if not passage.delayed:
            return passage.reply
        late = ("x-lambdarig-virtual-delay", f"{passage.delayed:.3f}")  # a real client cannot see virtual seconds
        return HttpReply(passage.reply.status, (*passage.reply.headers, late), passage.reply.body)

    def _find(self, address: Address, stage: str) -> tuple[Stage | None, Any]:
        for region in (address.region,) if address.region else self._regions:
            models = self._models("apigateway", region)
            if found := find_stage(models, address.api, stage):
                return found, models
        return None, None

    def _refuse(self, call_id: str, reply: HttpReply, request: Request) -> HttpReply:
        """A request that reached no route passes no fault; the timeline still says what became of it."""
        detail = f"{request.method} {request.raw_path}"
        self._injector.timeline.record(call_id, "request", "", reply.verdict, detail)
        return reply

    def _integrate(self, routed: Routed, models: Any) -> HttpReply:
        route, request = routed.route, routed.request
        authorization = request.by_name.get("authorization")
        if route.authorization == "AWS_IAM" and not authorization:
            return refusals.MISSING_TOKEN
        if route.authorization != "NONE":
            return refusals.not_served(f"authorization {route.authorization}")
        if route.api_key_required:
            value = request.by_name.get("x-api-key", "")
            if routed.stage.api.api_key_source != "HEADER":
                return refusals.not_served("API keys from an authorizer")
            key_id = find_api_key(models, routed.stage, value)
            if key_id is None:
                return refusals.API_KEY_REQUIRED
            routed = replace(routed, api_key=(key_id, value))
        return self._run(routed)

    def _run(self, routed: Routed) -> HttpReply:
        integration = routed.route.integration
        if integration is None:
            return refusals.SERVER_ERROR
        if integration.type == "AWS_PROXY":
            return self._proxy(routed)
        if integration.type == "MOCK":
            return mock_reply(integration, routed.request.by_name.get("content-type", ""), routed.request.body)
        return refusals.not_served(f"integration type {integration.type}")


def make_ids(seed: int, call_id: str, at: datetime) -> Ids:
    """Ids in AWS's shapes, the same for the same seed and call (but for the trace's time, which is the machine's)."""
    digest = uuid.uuid5(_NAMESPACE, f"{seed}/{call_id}").bytes
    request = uuid.UUID(bytes=digest[::-1], version=4)
    return Ids(
        str(request), base64.b64encode(digest[:11]).decode(), f"1-{int(at.timestamp()):08x}-{digest[:12].hex()}",
    )


def _address(environ: Mapping[str, Any]) -> Address:
    path, host = raw_path(environ), str(environ.get("HTTP_HOST", ""))
    if found := _HOST.match(host.lower()):
        return Address(found[1], found[2], path, host.lower().split(":")[0])
    api, _, rest = path.removeprefix(_PREFIX).partition("/")
    return Address(api, "", f"/{rest}", "")


def _split_stage(path: str) -> tuple[str, str]:
    """`//dev//orders/` -> dev, `/orders/`: slashes before either part do not count (recorded)."""
    stage, _, rest = path.lstrip("/").partition("/")
    return stage, "/" + rest.lstrip("/")


def _call(call_id: str, routed: Routed) -> HttpCall:
    request, route, stage = routed.request, routed.route, routed.stage
    arn = route.integration.function_arn(stage.variables) if route.integration else ""
    return HttpCall(
        call_id, request.method, routed.path, f"{request.method} {route.resource}", stage.api.id, stage.name,
        request.headers, request.body, split_arn(arn)[0].rsplit(":", 1)[-1],
    )


def _read_body(environ: Mapping[str, Any]) -> bytes | None:
    """The whole body, or None where it is longer than API Gateway takes."""
    length = environ.get("CONTENT_LENGTH") or ""
    if length.isdigit():
        return environ["wsgi.input"].read(int(length)) if int(length) <= BODY_LIMIT else None
    if not environ.get("wsgi.input_terminated"):
        return b""
    body: bytes = environ["wsgi.input"].read(BODY_LIMIT + 1)
    return body if len(body) <= BODY_LIMIT else None


@lru_cache(maxsize=64)
def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _send(
    reply: HttpReply, own: tuple[tuple[str, str], ...], environ: Mapping[str, Any], start_response: StartResponse,
) -> list[bytes]:
    bodiless = reply.status in (204, 304)
    length = () if bodiless else (("Content-Length", str(len(reply.body))),)
    start_response(_status_line(reply.status), [*reply.headers, *own, *length])
    return [] if bodiless or environ["REQUEST_METHOD"] == "HEAD" else [reply.body]
