"""Makes a rig file's REST APIs, by the calls anyone makes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.errors import FileProblem
from emulator.files import RigFile, RouteSpec

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "ANY")
ACCESS_LOG = (  # AWS's own example in CLF, without the identity and with what went wrong
    '$context.identity.sourceIp [$context.requestTime] "$context.httpMethod $context.path $context.protocol" '
    "$context.status $context.responseLength $context.requestId $context.error.message"
)


def make_api(
    aws: Callable[[str], Any], name: str, spec: RouteSpec, functions: dict[str, Any], account: str
) -> dict[str, str]:
    """A deployed REST API whose routes lead to functions by Lambda proxy integration.

    Gives id, stage, path (below any address of the rig), url (as AWS has it), arn (of execute-api), and its log groups.
    """
    gateway = aws("apigateway")
    api_id = gateway.create_rest_api(name=name)["id"]
    region = gateway.meta.region_name
    arn = f"arn:aws:execute-api:{region}:{account}:{api_id}"
    _add_routes(gateway, api_id, spec, functions)
    for target in dict.fromkeys(spec.routes.values()):
        aws("lambda").add_permission(
            FunctionName=target,
            StatementId=f"api-{api_id}",
            Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com",
            SourceArn=f"{arn}/*/*",
        )
    gateway.create_deployment(restApiId=api_id, stageName=spec.stage)
    made = {
        "id": api_id,
        "stage": spec.stage,
        "path": f"/_aws/execute-api/{api_id}/{spec.stage}",
        "url": f"https://{api_id}.execute-api.{region}.amazonaws.com/{spec.stage}",
        "arn": arn,
        "execution_log_group": f"API-Gateway-Execution-Logs_{api_id}/{spec.stage}",
        "access_log_group": f"/aws/apigateway/{name}",
    }
    _turn_on_logs(aws, spec, made, account)
    return made


def _add_routes(gateway: Any, api_id: str, spec: RouteSpec, functions: dict[str, Any]) -> None:
    resources = {"/": gateway.get_resources(restApiId=api_id)["items"][0]["id"]}
    for route, target in spec.routes.items():
        method, path = split_route(route)
        arn = functions[target]["arn"]
        where = {
            "restApiId": api_id,
            "resourceId": _resource(gateway, api_id, path, resources),
            "httpMethod": method,
        }
        gateway.put_method(**where, authorizationType=spec.authorization)
        gateway.put_integration(
            **where,
            type="AWS_PROXY",
            integrationHttpMethod="POST",
            uri=f"arn:aws:apigateway:{arn.split(':')[3]}:lambda:path/2015-03-31/functions/{arn}/invocations",
        )


def _turn_on_logs(aws: Callable[[str], Any], spec: RouteSpec, made: dict[str, str], account: str) -> None:
    """As a person does in the console: the account's role first, then the stage's settings."""
    patches: list[tuple[str, str]] = []
    if spec.execution_log != "OFF":
        patches.append(("/*/*/logging/loglevel", spec.execution_log))
        patches.append(("/*/*/logging/dataTrace", "true"))
    if spec.access_log:
        group = made["access_log_group"]
        aws("logs").create_log_group(logGroupName=group)
        region = made["arn"].split(":")[3]
        written = spec.access_log if isinstance(spec.access_log, str) else ACCESS_LOG
        patches.append(("/accessLogSettings/destinationArn", f"arn:aws:logs:{region}:{account}:log-group:{group}"))
        patches.append(("/accessLogSettings/format", written))
    if not patches:
        return
    gateway, role = aws("apigateway"), f"arn:aws:iam::{account}:role/apigateway-logs"
    gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}])
    gateway.update_stage(
        restApiId=made["id"],
        stageName=spec.stage,
        patchOperations=[{"op": "replace", "path": path, "value": value} for path, value in patches],
    )


def split_route(route: str) -> tuple[str, str]:
    """`GET /orders/{id}` or `/orders` -> (method, path)."""
    method, _, path = route.rpartition(" ")
    return method or "ANY", path


def _resource(gateway: Any, api_id: str, path: str, resources: dict[str, str]) -> str:
    path = "/" + path.strip("/")
    if path not in resources:
        parent, _, part = path.rpartition("/")
        parent_id = _resource(gateway, api_id, parent, resources)
        made = gateway.create_resource(restApiId=api_id, parentId=parent_id, pathPart=part)
        resources[path] = made["id"]
    return resources[path]


def check(written: RigFile, file: Path) -> None:
    """Whether every route leads to a function. Raises FileProblem."""
    for name, api in written.apis.items():
        for route, target in api.routes.items():
            key = f"apis.{name}.routes.{route}"
            if target not in written.functions:
                raise FileProblem(file, key, f"unknown function {target!r}", written.functions)
            method, path = split_route(route)
            if method not in METHODS or not path.startswith("/"):
                raise FileProblem(file, key, "must be `METHOD /path` or `/path`", METHODS)
