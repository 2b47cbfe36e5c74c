"""Flows between custom connectors and S3: made, described, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import describe_flows
from emulator.aws.services.appflow.entities import EntityOperations
from emulator.aws.services.appflow.flow_agreement import FlowAgreement
from emulator.aws.services.appflow.flow_rules import CREATE, UPDATE, check, moved, refuse
from emulator.aws.services.appflow.store import RUNNING, Flow, Params, Store, page
from emulator.flows.runs import Runs
from emulator.flows.task_parts import operator
from emulator.frontdoors.appflow import ConnectorCalls
from emulator.model import AwsCall

QUOTA = 1000  # flows of an account


class FlowOperations:
    """The methods are operations: params in, output out, both as botocore's model has them. s3: gives a boto3 client
    acting as AppFlow. changed: told that a flow has another schedule, or is gone."""

    def __init__(
        self, store: Store, calls: ConnectorCalls, entities: EntityOperations, runs: Runs, s3: Callable[[], Any],
        changed: Callable[[], None],
    ) -> None:
        self.store, self._runs, self._changed = store, runs, changed
        self._agreement = FlowAgreement(store, calls, entities, s3)

    def create_flow(self, params: Params, call: AwsCall) -> Params:
        """The connector is asked for the entity and about the settings. An on-demand flow is active at once, a
        scheduled one a draft until StartFlow."""
        arn = self.store.arn("flow", params["flowName"])
        return self.store.once("CreateFlow", params, lambda: self._create(arn, params, call.caller.arn))

    def _create(self, arn: str, params: Params, caller: str) -> Params:
        name = params["flowName"]
        check(params, CREATE)
        with self.store.claim(arn):
            if name in self.store.flows:
                raise ServiceError("ConflictException", f"Flow with name {name} already exists.")
            if len(self.store.flows) >= QUOTA:
                raise ServiceError("ServiceQuotaExceededException", f"The account already has {QUOTA} flows.")
            now = self.store.now()
            made = Flow(name, arn, params, _status(params), 1, now, now, caller, caller)
            self._agreement.check(made, CREATE)
            with self.store.changing():
                self.store.flows[name] = made
                self.store.tags[arn] = dict(params.get("tags") or {})
        return {"flowArn": arn, "flowStatus": made.status}

    def update_flow(self, params: Params, call: AwsCall) -> Params:
        """A run under way keeps what it began with. Where the records go stays; a flow with another kind of trigger is
        as a new one."""
        arn = self.store.arn("flow", params["flowName"])
        return self.store.once("UpdateFlow", params, lambda: self._update(arn, params, call.caller.arn), arn)

    def _update(self, arn: str, params: Params, caller: str) -> Params:
        with self.store.claim(arn):
            kept = self.store.flow(params["flowName"])
            check(params, UPDATE)
            refuse(UPDATE, moved(kept.given, params))
            given = {name: kept.given[name] for name in ("kmsArn",) if name in kept.given} | params
            changed = replace(
                kept, given=given, updated_at=self.store.now(), updated_by=caller, **_triggered(kept, params),
                schema_version=kept.schema_version + (_schema(params) != _schema(kept.given)),
            )
            self._agreement.check(changed, UPDATE)
            with self.store.lock:
                self.store.flows[kept.name] = changed
            self._changed()
        return {"flowStatus": changed.status}

    def describe_flow(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            return describe_flows.flow(self.store.flow(params["flowName"]), self.store)

    def list_flows(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            found, more = page(self.store.flows, params, "flows")
            return {"flows": [describe_flows.definition(flow, self.store) for flow in found], **more}

    def delete_flow(self, params: Params, call: AwsCall) -> Params:
        """With its runs' records. One that runs, or runs by a schedule, goes only by force, which cancels the run."""
        name = params["flowName"]
        arn = self.store.arn("flow", name)
        with self.store.claim(arn), self.store.changing():
            kept = self.store.flow(name)
            running = [run for run in self.store.runs_of(name) if run.status in RUNNING]
            if running and not params.get("forceDelete"):
                raise ServiceError("ConflictException", f"Flow {name} has a run in progress: {running[0].id}.")
            if kept.status == "Active" != _status(kept.given) and not params.get("forceDelete"):
                raise ServiceError("ConflictException", f"Flow {name} is active: deactivate it with StopFlow first.")
            for run in self.store.runs_of(name):
                self._runs.cancel(run.id)
                del self.store.executions[run.id]
            del self.store.flows[name]
            self.store.forget(arn)
        self._changed()
        return {}


def _triggered(kept: Flow, given: Params) -> Params:
    """What becomes of a flow's status. An active one goes on by its new schedule."""
    if given["triggerConfig"]["triggerType"] != kept.given["triggerConfig"]["triggerType"]:
        return {"status": _status(given), "status_message": "", "activated_at": None}
    return {"status": kept.status}


def _status(given: Params) -> str:
    """Of a flow that was just made."""
    return "Active" if given["triggerConfig"]["triggerType"] == "OnDemand" else "Draft"


def _schema(given: Params) -> list[Params]:
    """What a version of the schema is of: mappings, data types, partition keys (API reference). Which records pass, and
    what becomes of their values, is not."""
    return [
        task for task in given["tasks"]
        if task["taskType"] not in ("Filter", "Mask", "Truncate", "Validate") or operator(task) == "PROJECTION"
    ]
