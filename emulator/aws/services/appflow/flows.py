"""Flows from custom connectors to S3: made, described, changed and deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import describe_flows
from emulator.aws.services.appflow.asking import ask
from emulator.aws.services.appflow.entities import EntityOperations
from emulator.aws.services.appflow.flow_rules import CREATE, UPDATE, check, refuse
from emulator.aws.services.appflow.store import RUNNING, Flow, Params, Store, page
from emulator.flows.runs import Runs
from emulator.frontdoors.appflow import ConnectorCalls, validate_settings
from emulator.model import AwsCall

QUOTA = 1000  # flows of an account
_SOURCE = ("SOURCE", "SOURCE_AND_DESTINATION")


class FlowOperations:
    """The methods are operations: params in, output out, both as botocore's model has them. s3: gives a boto3 client
    acting as AppFlow."""

    def __init__(
        self, store: Store, calls: ConnectorCalls, entities: EntityOperations, runs: Runs, s3: Callable[[], Any]
    ) -> None:
        self.store, self._calls, self._entities, self._runs, self._s3 = store, calls, entities, runs, s3

    def create_flow(self, params: Params, call: AwsCall) -> Params:
        """The connector is asked for the entity and about the settings. An on-demand flow is active at once."""
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
            now = self.store.clock.utc()
            made = Flow(name, arn, params, "Active", 1, now, now, caller, caller)
            self._agree(made, CREATE)
            with self.store.lock:
                self.store.flows[name] = made
                self.store.tags[arn] = dict(params.get("tags") or {})
        return {"flowArn": arn, "flowStatus": made.status}

    def update_flow(self, params: Params, call: AwsCall) -> Params:
        """A run under way keeps what it began with. New mappings are a new version of the schema."""
        arn = self.store.arn("flow", params["flowName"])
        return self.store.once("UpdateFlow", params, lambda: self._update(arn, params, call.caller.arn))

    def _update(self, arn: str, params: Params, caller: str) -> Params:
        with self.store.claim(arn):
            kept = self.store.flow(params["flowName"])
            check(params, UPDATE)
            given = {name: kept.given[name] for name in ("kmsArn",) if name in kept.given} | params
            changed = replace(
                kept, given=given, updated_at=self.store.clock.utc(), updated_by=caller,
                schema_version=kept.schema_version + (params["tasks"] != kept.given["tasks"]),
            )
            self._agree(changed, UPDATE)
            with self.store.lock:
                self.store.flows[kept.name] = changed
        return {"flowStatus": changed.status}

    def _agree(self, flow: Flow, prefix: str) -> None:
        """Bucket, entity and settings: whoever knows them is asked."""
        source, properties = flow.source, flow.connector_properties
        profile = self.store.profile(source["connectorProfileName"])
        registration = self.store.registration(profile.label)
        if "SOURCE" not in registration.configuration.connectorModes:
            refuse(prefix, [f"Connector:{profile.label} cannot be used as a source"])
        self._find_bucket(flow.s3["bucketName"], prefix)
        self._entities.definition(profile, source.get("apiVersion"), properties["entityName"])
        settings = properties.get("customProperties") or {}
        if settings or any(s.scope in _SOURCE for s in registration.configuration.connectorRuntimeSetting):
            ask(self._calls, registration.lambda_arn, validate_settings("SOURCE", settings))

    def _find_bucket(self, bucket: str, prefix: str) -> None:
        from botocore.exceptions import ClientError

        try:
            self._s3().head_bucket(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            why = "does not exist" if code == "404" else f"cannot be reached by Amazon AppFlow: {code}"
            refuse(prefix, [f"The bucket {bucket} {why}"])

    def describe_flow(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            return describe_flows.flow(self.store.flow(params["flowName"]), self.store)

    def list_flows(self, params: Params, call: AwsCall) -> Params:
        with self.store.lock:
            found, more = page(self.store.flows, params)
            return {"flows": [describe_flows.definition(flow, self.store) for flow in found], **more}

    def delete_flow(self, params: Params, call: AwsCall) -> Params:
        """With its runs' records. One that runs goes only by force, which cancels the run."""
        name = params["flowName"]
        arn = self.store.arn("flow", name)
        with self.store.claim(arn), self.store.lock:
            self.store.flow(name)
            running = [run for run in self.store.runs_of(name) if run.status in RUNNING]
            if running and not params.get("forceDelete"):
                raise ServiceError("ConflictException", f"Flow {name} has a run in progress: {running[0].id}.")
            for run in self.store.runs_of(name):
                self._runs.cancel(run.id)
                del self.store.executions[run.id]
            del self.store.flows[name]
            self.store.forget(arn)
        return {}
