"""What a flow must be, as far as the flow itself shows it. AWS lists what is wrong with one in brackets; what AppFlow
has and the rig has not is refused by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow.store import Params
from emulator.aws.services.appflow.task_rules import problems
from emulator.aws.services.appflow.trigger_rules import scheduled, trigger_problems
from emulator.flows.formats import parquet_problem

# Recorded on AWS: terraform-provider-aws #42482.
CREATE, UPDATE = "Create Flow request failed: ", "Update Flow request failed due to:"
FIXED_DESTINATION = "Destination object for the destination connector can not be updated"
CUSTOM, S3 = "CustomConnector", "S3"
_SERVED = ((CUSTOM, S3), (S3, CUSTOM))


def check(given: Params, prefix: str) -> None:
    """ValidationException or UnsupportedOperationException for a flow that cannot be. prefix: CREATE or UPDATE."""
    for what in _unserved(given):
        raise ServiceError("UnsupportedOperationException", f"lambdarig does not serve {what}")
    refuse(prefix, list(_problems(given)))


def refuse(prefix: str, problems: list[str]) -> None:
    """AWS's way to say what is wrong with a flow."""
    if problems:
        raise ServiceError("ValidationException", f"{prefix}[{', '.join(problems)}]")


def moved(before: Params, after: Params) -> list[str]:
    """What an update may not change: where the records go, down to the entity or the bucket and its prefix."""
    return [FIXED_DESTINATION] if _object(before) != _object(after) else []


def _object(given: Params) -> tuple[Any, ...]:
    destination = given["destinationFlowConfigList"][0]
    kind = destination["connectorType"]
    properties = destination["destinationConnectorProperties"][kind]
    names = ("entityName",) if kind == CUSTOM else ("bucketName", "bucketPrefix")
    return kind, *(properties.get(name, "") for name in names)


def _unserved(given: Params) -> Iterator[str]:
    """What AppFlow has and the rig has not: AWS's own connectors, and flows without a custom connector or with two."""
    source, destinations = given["sourceFlowConfig"]["connectorType"], given["destinationFlowConfigList"]
    for kind in (one["connectorType"] for one in destinations):
        if (source, kind) not in _SERVED:
            yield f"flows from {source} to {kind}, only from CustomConnector to S3 and from S3 to CustomConnector"
    for destination in destinations:
        output = (destination["destinationConnectorProperties"].get("S3") or {}).get("s3OutputFormatConfig") or {}
        if output.get("fileType") == "PARQUET" and (problem := parquet_problem()):
            yield f"files of type PARQUET here. {problem}"
    if source == S3 and scheduled(given).get("dataPullMode") == "Incremental":
        yield "dataPullMode Incremental from S3, only from CustomConnector"


def _problems(given: Params) -> Iterator[str]:
    destinations = given["destinationFlowConfigList"]
    if len(destinations) != 1:
        yield f"A flow has one destination, not {len(destinations)}"
    yield from _side_problems(given["sourceFlowConfig"], "sourceConnectorProperties")
    for destination in destinations:
        yield from _side_problems(destination, "destinationConnectorProperties")
        yield from _write_problems(destination["destinationConnectorProperties"].get(CUSTOM))
    yield from trigger_problems(given)
    for kind in [destination["connectorType"] for destination in destinations[:1]]:
        yield from problems(given["tasks"], given["sourceFlowConfig"]["connectorType"], kind)


def _side_problems(side: Params, place: str) -> Iterator[str]:
    kind = side["connectorType"]
    if side[place].get(kind) is None:
        yield f"{place}.{kind} is required"
    if kind == CUSTOM and not side.get("connectorProfileName"):
        yield "connectorProfileName is required for a custom connector"


def _write_problems(properties: Params | None) -> Iterator[str]:
    """The sentence about ids is seen on AWS (cdk-appflow #546, its spelling too)."""
    operation = (properties or {}).get("writeOperationType", "INSERT")
    if properties and operation != "INSERT" and not properties.get("idFieldNames"):
        yield f"Atleast one field must be specified in idFieldNames for the {operation} Operation."
