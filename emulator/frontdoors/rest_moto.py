"""What moto's API Gateway lacks for an API to be served: mended where moto does it, once per process and
for rigs only: what a test mocks by `mock_aws` in the same process is moto as it is.

- CreateDeployment takes a snapshot of the API (moto's deployments are empty).
- Deploying to a stage that exists keeps its variables and settings (moto makes a new stage).
- CreateRestApi keeps `binaryMediaTypes` (moto drops them), and UpdateRestApi takes them out of the patch's path,
  `/binaryMediaTypes/image~1png`, where AWS has them. Both refuse a resource policy that is none.
- UpdateStage refuses what AWS refuses and keeps what it keeps (rest_moto_stage).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any

from emulator.aws.iam.policy import PolicyError
from emulator.aws.worlds import current
from emulator.frontdoors.rest_api import keep_deployed
from emulator.frontdoors.rest_moto_stage import update_stage
from emulator.frontdoors.rest_policy import resource_policy

_BINARY = "/binaryMediaTypes/"
_BAD_POLICY = "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."


def mend_moto() -> None:
    """Call it before the first CreateRestApi, off the start path (it imports moto.apigateway); again is free."""
    from moto.apigateway import models, responses

    _wrap(models.RestAPI, "create_deployment", _create_deployment)
    _wrap(models.RestAPI, "apply_patch_operations", _apply_patch_operations)
    _wrap(models.APIGatewayBackend, "update_stage", update_stage)
    _wrap(responses.APIGatewayResponse, "create_rest_api", _create_rest_api)


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    plain = getattr(owner, name)
    if getattr(plain, "mended", False):
        return

    @functools.wraps(plain)
    def mended(self: Any, *args: Any, **kwargs: Any) -> Any:
        if current() is None:
            return plain(self, *args, **kwargs)
        return around(functools.partial(plain, self), self, *args, **kwargs)

    mended.mended = True  # type: ignore[attr-defined]
    setattr(owner, name, mended)


def _create_deployment(plain: Any, api: Any, name: str, description: str, stage_variables: Any = None) -> Any:
    stage = api.stages.get(name)
    deployment = plain(name, description, stage_variables)
    keep_deployed(api, deployment)
    if stage is not None:
        stage.deployment_id, stage.variables = deployment.id, stage_variables or stage.variables
        api.stages[name] = stage
    return deployment


def _apply_patch_operations(plain: Any, api: Any, patch_operations: list[dict[str, Any]]) -> Any:
    for operation in patch_operations:
        if operation["path"] == "/policy" and operation["op"] == "replace":
            _check_policy(operation.get("value"), api.id)
    return plain([_with_binary_type(operation) for operation in patch_operations])


def _check_policy(text: str | None, api: str) -> None:
    from moto.apigateway.exceptions import BadRequestException

    try:
        if text:
            resource_policy(text, "us-east-1", "123456789012", api)
    except (PolicyError, ValueError):
        raise BadRequestException(_BAD_POLICY) from None


def _with_binary_type(operation: dict[str, Any]) -> dict[str, Any]:
    path = operation["path"]
    if operation["op"] not in ("add", "remove") or not path.startswith(_BINARY):
        return operation
    return {**operation, "value": path.removeprefix(_BINARY).replace("~1", "/").replace("~0", "~")}


def _create_rest_api(plain: Any, call: Any) -> Any:
    _check_policy(call._get_param("policy"), "new")
    answer = plain()
    types = call._get_param("binaryMediaTypes")
    if not types or answer[0] != 200:
        return answer
    api = call.backend.apis[json.loads(answer[2])["id"]]
    api.binaryMediaTypes = list(types)
    return (*answer[:2], json.dumps(api.to_dict()))
