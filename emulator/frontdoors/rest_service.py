"""One request at a REST API: stage, route, who may, API key, integration - in AWS's order - and then the logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from emulator.frontdoors import refusals
from emulator.frontdoors.refusals import Refusal
from emulator.frontdoors.rest_api import Route, Stage, find_api_key, find_stage
from emulator.frontdoors.rest_event import Arrived, Identity, Ids, Request, Routed
from emulator.frontdoors.rest_execution_log import not_authorized
from emulator.frontdoors.rest_lambda import LambdaProxy, split_arn
from emulator.frontdoors.rest_logs import RestLogs
from emulator.frontdoors.rest_mock import mock_reply
from emulator.frontdoors.rest_trail import Trail
from emulator.injector import Injector
from emulator.model import HttpCall, HttpReply

Access = Callable[[Routed, Trail], "Identity | Refusal"]


@dataclass(frozen=True)
class Address:
    """Where a request is going. region: empty when the address does not say. path: stage and all, as sent."""

    api: str
    region: str
    path: str
    domain: str


class Visit(NamedTuple):
    """One request's number, ids and time. started: monotonic seconds at which it came."""

    call_id: str
    ids: Ids
    at: datetime
    started: float


class RestService:
    """models: moto's backend of a service in a region. regions: where to look for an API whose address names no region.
    access: who may; without one nothing but NONE is served. logs: without them nothing is logged."""

    def __init__(
        self, models: Callable[[str, str], Any], proxy: LambdaProxy, injector: Injector, regions: Sequence[str],
        access: Access | None, logs: RestLogs | None,
    ) -> None:
        self._models, self._proxy, self._injector = models, proxy, injector
        self._regions, self._access, self._logs = regions, access, logs

    def serve(self, request: Request, address: Address, visit: Visit) -> HttpReply:
        """The reply, with the request in the logs."""
        name, path = _split_stage(address.path)
        stage, models = self._find(address, name)
        if stage is None:
            return self._refuse(visit.call_id, refusals.FORBIDDEN, request)
        domain, full_path = address.domain or stage.api.domain, "/" + address.path.lstrip("/")
        trail = Trail(Arrived(request, stage, path, full_path, domain, visit.ids, visit.at), visit.started)
        reply = self._route(trail, models, visit.call_id)
        if self._logs:
            self._logs.write(trail, reply)
        return reply

    def _find(self, address: Address, stage: str) -> tuple[Stage | None, Any]:
        for region in (address.region,) if address.region else self._regions:
            models = self._models("apigateway", region)
            if found := find_stage(models, address.api, stage):
                return found, models
        return None, None

    def _route(self, trail: Trail, models: Any, call_id: str) -> HttpReply:
        arrived, request = trail.arrived, trail.arrived.request
        found = arrived.stage.api.routes.match(request.method, arrived.path)
        if found is None:
            return self._refuse(call_id, refusals.no_route(request.by_name.get("authorization", "")), request)
        routed = trail.routed = _routed(arrived, *found)
        call = _call(call_id, routed)
        passage = self._injector.pass_through("request", call, lambda _: self._admit(routed, trail, models))
        trail.delayed = passage.delayed
        if not passage.delayed:
            return passage.reply
        late = ("x-lambdarig-virtual-delay", f"{passage.delayed:.3f}")  # a real client cannot see virtual seconds
        return replace(passage.reply, headers=(*passage.reply.headers, late))

    def _refuse(self, call_id: str, reply: HttpReply, request: Request) -> HttpReply:
        """A request that reached no route passes no fault; the timeline still says what became of it."""
        detail = f"{request.method} {request.raw_path}"
        self._injector.timeline.record(call_id, "request", "", reply.verdict, detail)
        return reply

    def _admit(self, routed: Routed, trail: Trail, models: Any) -> HttpReply:
        """The method's authorization with the API's policy."""
        authorization = routed.route.authorization
        if authorization != "NONE" or routed.stage.api.policy:
            if self._access is None or authorization not in ("NONE", "AWS_IAM"):
                return refusals.not_served(f"authorization {authorization}")
            who = self._access(routed, trail)
            if isinstance(who, Refusal):
                return who
            routed = trail.routed = replace(routed, identity=who)
        trail.admitted = True
        return self._meter(routed, trail, models)

    def _meter(self, routed: Routed, trail: Trail, models: Any) -> HttpReply:
        """The API key, where the method wants one."""
        if routed.route.api_key_required:
            if routed.stage.api.api_key_source != "HEADER":
                return refusals.not_served("API keys from an authorizer")
            value = routed.request.by_name.get("x-api-key", "")
            key_id = find_api_key(models, routed.stage, value)
            if key_id is None:
                return refusals.API_KEY_REQUIRED.saying(not_authorized(routed))
            routed = trail.routed = replace(routed, api_key=(key_id, value))
        trail.executing = True
        return self._integrate(routed, trail)

    def _integrate(self, routed: Routed, trail: Trail) -> HttpReply:
        integration = routed.route.integration
        if integration is None:
            return refusals.SERVER_ERROR
        if integration.type == "AWS_PROXY":
            return self._proxy(routed, trail)
        if integration.type == "MOCK":
            return mock_reply(integration, routed.request.by_name.get("content-type", ""), routed.request.body)
        return refusals.not_served(f"integration type {integration.type}")


def _split_stage(path: str) -> tuple[str, str]:
    """`//dev//orders/` -> dev, `/orders/`: slashes before either part do not count (recorded)."""
    stage, _, rest = path.lstrip("/").partition("/")
    return stage, "/" + rest.lstrip("/")


def _routed(arrived: Arrived, route: Route, parameters: Mapping[str, str]) -> Routed:
    a = arrived
    return Routed(a.request, a.stage, a.path, a.full_path, a.domain, a.ids, a.at, route, parameters)


def _call(call_id: str, routed: Routed) -> HttpCall:
    request, route, stage = routed.request, routed.route, routed.stage
    arn = route.integration.function_arn(stage.variables) if route.integration else ""
    return HttpCall(
        call_id, request.method, routed.path, f"{request.method} {route.resource}", stage.api.id, stage.name,
        request.headers, request.body, split_arn(arn)[0].rsplit(":", 1)[-1],
    )
