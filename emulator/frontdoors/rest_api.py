"""A REST API as it was deployed: with rest_moto, the only module that knows how moto keeps one.

AWS serves a snapshot: what is changed after CreateDeployment shows only after the next one, while a stage's variables
and the deployment it points to take effect at once. The snapshot is taken when moto makes the deployment (rest_moto);
one that was made before moto was mended is read when it is first served.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.frontdoors.rest_router import Router

DEFAULT_TIMEOUT_MS = 29_000
_FUNCTION = re.compile(r":lambda:path/[^/]+/functions/(.+)/invocations$")
_VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")
_KEPT = "lambdarig_deployed"  # moto's Deployment carries its snapshot, so that it lives and is reset with it


@dataclass(frozen=True)
class MockResponse:
    """One integration response. pattern: selection pattern, empty for the default one."""

    status: int
    pattern: str
    parameters: Mapping[str, str]
    templates: Mapping[str, str | None]


@dataclass(frozen=True)
class Integration:
    """What stands behind a method. function: ARN in the URI, may hold `${stageVariables.x}`; empty if no Lambda.
    credentials: ARN of the role that API Gateway assumes to call it; empty: the function's own policy lets it in."""

    type: str
    http_method: str
    function: str
    timeout_s: float
    templates: Mapping[str, str] = field(default_factory=dict)
    responses: tuple[MockResponse, ...] = ()
    credentials: str = ""

    def function_arn(self, variables: Mapping[str, str]) -> str:
        """The function's ARN, stage variables filled in (an unknown one is empty, as on AWS)."""
        if "${" not in self.function:
            return self.function
        return _VARIABLE.sub(lambda found: variables.get(found[1], ""), self.function)


@dataclass(frozen=True)
class Route:
    """A method of a resource. http_method: as declared, may be ANY. authorization: NONE, AWS_IAM, CUSTOM, ..."""

    resource_id: str
    resource: str
    http_method: str
    authorization: str
    api_key_required: bool
    operation_name: str
    integration: Integration | None


@dataclass(frozen=True)
class RestApi:
    """An API as one deployment has it. policy: its resource policy, JSON; empty where it has none."""

    id: str
    region: str
    deployment: str
    binary_types: tuple[str, ...]
    api_key_source: str
    routes: Router[Route]
    policy: str = ""

    @property
    def domain(self) -> str:
        """Its endpoint's name."""
        return f"{self.id}.execute-api.{self.region}.amazonaws.com"


@dataclass(frozen=True)
class Logging:
    """What a stage logs. methods: `*/*` or `orders~1{id}/GET` -> settings, AWS's names. destination: of the access log,
    an ARN; format: its line; both or none."""

    methods: Mapping[str, Mapping[str, Any]]
    destination: str = ""
    format: str = ""

    @property
    def executions(self) -> bool:
        """Whether there is an execution log, of any method."""
        return any(_level(settings)[0] != "OFF" for settings in self.methods.values())

    def of(self, route: Route) -> tuple[str, bool]:
        """(OFF | ERROR | INFO, are data traced) of a method: its own settings, or the stage's."""
        for key, settings in self.methods.items():
            if method_key(key) == (route.resource, route.http_method):
                return _level(settings)
        return _level(self.methods.get("*/*", {}))


@dataclass(frozen=True)
class Stage:
    """A stage now, and the API it serves. logging: None where nothing is logged."""

    name: str
    variables: Mapping[str, str]
    api: RestApi
    logging: Logging | None = None


def method_key(key: str) -> tuple[str, str]:
    """`~1orders~1{id}/GET` or `orders/GET` -> (`/orders/{id}`, `GET`): a key of methodSettings."""
    resource, _, method = key.rpartition("/")
    return "/" + resource.replace("~1", "/").strip("/"), method


def _level(settings: Mapping[str, Any]) -> tuple[str, bool]:
    return settings.get("loggingLevel") or "OFF", bool(settings.get("dataTraceEnabled"))


def any_apis(account: str) -> bool:
    """Whether there is an API in any region. Loads nothing: moto's part for them comes with the first."""
    moto = sys.modules.get("moto.apigateway.models")
    return moto is not None and any(region.apis for region in list(moto.apigateway_backends[account].values()))


def find_api(models: Callable[[str, str], Any], region: str, api_id: str) -> bool:
    """Whether the region has this API. models: moto's backend of a service in a region."""
    try:
        return api_id in models("apigateway", region).apis
    except KeyError:  # no region of AWS's
        return False


def find_stage(models: Any, api_id: str, name: str) -> Stage | None:
    """The stage, or None where there is no such API, stage or deployment. models: moto's backend of one region."""
    api = models.apis.get(api_id)
    stage = api and api.stages.get(name)
    deployment = stage and api.deployments.get(stage.deployment_id)
    if not deployment:
        return None
    kept = getattr(deployment, _KEPT, None) or keep_deployed(api, deployment)
    return Stage(name, stage.variables, kept, _logging(models, stage))


def _logging(models: Any, stage: Any) -> Logging | None:
    """A region's stages log only while its account settings name a role for it."""
    access = stage.access_log_settings or {}
    if not (stage.method_settings or access) or not models.account.cloudwatch_role_arn:
        return None
    return Logging(dict(stage.method_settings), access.get("destinationArn", ""), access.get("format", ""))


def find_api_key(models: Any, stage: Stage, value: str) -> str | None:
    """Id of the enabled key with this value on a usage plan of the stage, or None."""
    served = {"apiId": stage.api.id, "stage": stage.name}
    for plan in models.usage_plans.values():
        if not any(served.items() <= dict(entry).items() for entry in plan.api_stages):
            continue
        for key_id, plan_key in models.usage_plan_keys.get(plan.id, {}).items():
            if plan_key.value == value and key_id in models.keys and models.keys[key_id].enabled:
                return str(key_id)
    return None


def keep_deployed(api: Any, deployment: Any) -> RestApi:
    """Read moto's API as it is now, and let its deployment carry it."""
    routes: Router[Route] = Router()
    for resource in api.resources.values():
        path = resource.get_path()
        for method in resource.resource_methods.values():
            routes.add(method.http_method, path, _route(resource.id, path, method))
    binary_types = tuple(api.binaryMediaTypes)
    deployed = RestApi(
        api.id, api.region_name, deployment.id, binary_types, api.api_key_source, routes, api.policy or ""
    )
    setattr(deployment, _KEPT, deployed)
    return deployed


def _route(resource_id: str, path: str, method: Any) -> Route:
    integration = method.method_integration
    return Route(
        resource_id, path, method.http_method, method.authorization_type or "NONE", bool(method.api_key_required),
        method.operation_name or "", _integration(integration) if integration else None,
    )


def _integration(moto: Any) -> Integration:
    found = _FUNCTION.search(moto.uri or "")
    return Integration(
        type=moto.integration_type,
        http_method=moto.http_method or "",
        function=found[1] if found else "",
        timeout_s=int(moto.timeout_in_millis or DEFAULT_TIMEOUT_MS) / 1000,
        templates=dict(moto.request_templates or {}),
        responses=tuple(
            MockResponse(
                int(response.status_code), response.selection_pattern or "",
                dict(response.response_parameters or {}), dict(response.response_templates or {}),
            )
            for response in (moto.integration_responses or {}).values()
        ),
        credentials=moto.credentials or "",
    )
