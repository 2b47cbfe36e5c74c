"""Flows and their runs in the API's words."""

from __future__ import annotations

from typing import Any

from emulator.aws.services.appflow.store import Execution, Flow, Store

_AS_GIVEN = (
    "description", "kmsArn", "triggerConfig", "sourceFlowConfig", "destinationFlowConfigList", "tasks",
    "metadataCatalogConfig",
)


def flow(kept: Flow, store: Store) -> dict[str, Any]:
    """DescribeFlowResponse."""
    given = {name: kept.given[name] for name in _AS_GIVEN if name in kept.given}
    message = {"flowStatusMessage": kept.status_message} if kept.status_message else {}
    return {**given, **_common(kept, store), **message, "schemaVersion": kept.schema_version}


def definition(kept: Flow, store: Store) -> dict[str, Any]:
    """FlowDefinition, as ListFlows has it."""
    profile = store.profiles.get(kept.connector["connectorProfileName"])
    end = "source" if kept.reads_connector else "destination"
    label = {f"{end}ConnectorLabel": profile.label} if profile else {}
    described = {"description": kept.given["description"]} if "description" in kept.given else {}
    return {
        **described, **_common(kept, store), **label,
        "sourceConnectorType": kept.source["connectorType"],
        "destinationConnectorType": kept.destination["connectorType"],
        "triggerType": kept.given["triggerConfig"]["triggerType"],
    }


def _common(kept: Flow, store: Store) -> dict[str, Any]:
    runs = store.runs_of(kept.name)
    last = {"lastRunExecutionDetails": _last(runs[-1])} if runs else {}
    return {
        "flowArn": kept.arn, "flowName": kept.name, "flowStatus": kept.status, "createdAt": kept.created_at,
        "lastUpdatedAt": kept.updated_at, "createdBy": kept.created_by, "lastUpdatedBy": kept.updated_by,
        "tags": dict(store.tags.get(kept.arn, {})), **last,
    }


def _last(run: Execution) -> dict[str, Any]:
    """ExecutionDetails."""
    message = {"mostRecentExecutionMessage": run.message} if run.message else {}
    return {"mostRecentExecutionTime": run.started_at, "mostRecentExecutionStatus": run.status, **message}


def execution(run: Execution) -> dict[str, Any]:
    """ExecutionRecord. Its counts are true at any time of the run."""
    message = run.message or run.failure
    failed = {"errorInfo": {"putFailuresCount": run.failed, "executionMessage": message}} if message else {}
    counts = {"bytesProcessed": run.read, "bytesWritten": run.written, "recordsProcessed": run.records}
    pulled = zip(("dataPullStartTime", "dataPullEndTime"), run.pulled or (None, None), strict=True)
    return {
        "executionId": run.id, "executionStatus": run.status, "executionResult": {**failed, **counts},
        "startedAt": run.started_at, "lastUpdatedAt": run.updated_at,
        **{name: moment for name, moment in pulled if moment},
    }
