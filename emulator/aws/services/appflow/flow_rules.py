"""What a flow must be. AWS lists what is wrong with one in brackets; what AppFlow has and the rig has not is refused by
name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow.store import Params

# Recorded on AWS: terraform-provider-awscc #338, terraform-provider-aws #34508.
NO_PROJECTION = "Task Validation Error: You must specify a projection task or a MAP_ALL task"
CREATE, UPDATE = "Create Flow request failed: ", "Update Flow request failed due to:"
_FILE_TYPES = ("JSON", "CSV")


def check(given: Params, prefix: str) -> None:
    """ValidationException or UnsupportedOperationException for a flow that cannot be. prefix: CREATE or UPDATE."""
    for what in unserved(given):
        raise ServiceError("UnsupportedOperationException", f"lambdarig does not serve {what} yet")
    refuse(prefix, list(_problems(given)))


def refuse(prefix: str, problems: list[str]) -> None:
    """AWS's way to say what is wrong with a flow."""
    if problems:
        raise ServiceError("ValidationException", f"{prefix}[{', '.join(problems)}]")


def unserved(given: Params) -> Iterator[str]:
    """What AppFlow has and the rig has not."""
    if (trigger := given["triggerConfig"]["triggerType"]) != "OnDemand":
        yield f"flows with triggerType {trigger}, only OnDemand ones"
    if (source := given["sourceFlowConfig"]["connectorType"]) != "CustomConnector":
        yield f"flows from {source}, only from CustomConnector"
    for destination in given["destinationFlowConfigList"]:
        if (kind := destination["connectorType"]) != "S3":
            yield f"flows to {kind}, only to S3"
        output = (destination["destinationConnectorProperties"].get("S3") or {}).get("s3OutputFormatConfig") or {}
        if (file_type := output.get("fileType", "JSON")) not in _FILE_TYPES:
            yield f"files of type {file_type}, only {' and '.join(_FILE_TYPES)}"
    if given.get("metadataCatalogConfig"):
        yield "metadataCatalogConfig"
    for task in given["tasks"]:
        yield from _unserved_task(task)


def _unserved_task(task: Params) -> Iterator[str]:
    kind, operator = task["taskType"], operator_of(task)
    allowed = {"Filter": ("PROJECTION",), "Map": ("", "NO_OP"), "Map_all": ("", "NO_OP")}
    if kind not in allowed:
        yield f"tasks of type {kind}, only {', '.join(allowed)}"
    elif operator not in allowed[kind]:
        yield f"{kind} tasks with the operator {operator or 'missing'}, only {', '.join(filter(None, allowed[kind]))}"


def operator_of(task: Params) -> str:
    """The task's operator, under whatever connector: AWS's own test suite writes S3 for a custom source's Map."""
    return next(iter((task.get("connectorOperator") or {}).values()), "")


def _problems(given: Params) -> Iterator[str]:
    destinations = given["destinationFlowConfigList"]
    if len(destinations) != 1:
        yield f"A flow has one destination, not {len(destinations)}"
    if not given["sourceFlowConfig"]["sourceConnectorProperties"].get("CustomConnector"):
        yield "sourceConnectorProperties.CustomConnector is required"
    if not given["sourceFlowConfig"].get("connectorProfileName"):
        yield "connectorProfileName is required for a custom connector"
    if any(not one["destinationConnectorProperties"].get("S3") for one in destinations):
        yield "destinationConnectorProperties.S3 is required"
    if not any(task["taskType"] in ("Filter", "Map_all") for task in given["tasks"]):
        yield NO_PROJECTION
    for task in given["tasks"]:
        yield from _task_problems(task)


def _task_problems(task: dict[str, Any]) -> Iterator[str]:
    kind, sources = task["taskType"], task["sourceFields"]
    if kind == "Map" and (len(sources) != 1 or not task.get("destinationField")):
        yield "Task Validation Error: A Map task has one source field and a destination field"
    if kind == "Filter" and not sources:
        yield "Task Validation Error: A projection task has source fields"
