"""What a run of a flow is made of: source, tasks and destination, from the flow as it is when the run begins."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.services.appflow.entities import EntityOperations
from emulator.aws.services.appflow.store import Execution, Flow, Store
from emulator.flows import filters
from emulator.flows.asking import Asking
from emulator.flows.connector_destination import ConnectorDestination, Writing
from emulator.flows.connector_source import ConnectorSource
from emulator.flows.filters import Window
from emulator.flows.formats import FileFormat
from emulator.flows.layout import Layout
from emulator.flows.plan import Destination, Source
from emulator.flows.refusals import Dropped, ErrorBucket, Refusals, folder
from emulator.flows.run import Progress, Transfer
from emulator.flows.s3_destination import Aggregation, S3Destination, whole
from emulator.flows.s3_source import S3Source
from emulator.flows.tasks import Tasks
from emulator.frontdoors.appflow import ConnectorCalls
from emulator.injector import Injector


@dataclass(frozen=True)
class Running:
    """A run, its flow as it was when the run began, and the event that cancels it. window: of an incremental run."""

    flow: Flow
    execution: Execution
    canceled: threading.Event
    window: Window | None = None


class Transfers:
    """s3: gives a boto3 client acting as AppFlow, for the run of that name. renew: gets new credentials into the secret
    of the profile of that name; False where there are none to be had."""

    def __init__(
        self, store: Store, calls: ConnectorCalls, entities: EntityOperations, injector: Injector,
        s3: Callable[[str], Any], renew: Callable[[str], bool],
    ) -> None:
        self._store, self._calls, self._entities, self._injector = store, calls, entities, injector
        self._s3, self._renew = s3, renew

    def of(self, running: Running, told: Callable[[Progress], None]) -> Transfer:
        """The entity's description is asked for unless it is known. ServiceError, ConnectorError."""
        asking, fields = self._asking(running)
        s3, tasks = self._s3(running.execution.subject), running.flow.given["tasks"]
        source: Source
        destination: Destination
        if running.flow.reads_connector:
            steps = Tasks.of(tasks, fields)
            window = running.window and running.window.of(fields)
            source = ConnectorSource(asking, steps.selected, filters.expression(tasks, window, fields))
            destination = _files(s3, running, steps)
        else:
            steps = Tasks.of(tasks, {}, filtering=True)
            given = running.flow.s3
            source = S3Source(
                s3, given["bucketName"], given.get("bucketPrefix", ""), given.get("s3InputFormatConfig"),
                running.canceled,
            )
            destination = _connector(asking, s3, running)
        return Transfer(source, steps, destination, told, running.canceled)

    def _asking(self, running: Running) -> tuple[Asking, dict[str, str]]:
        """And the data types of the entity's fields that can be read."""
        flow, run = running.flow, running.execution
        properties = flow.connector_properties
        profile = self._store.profile(flow.connector["connectorProfileName"])
        registration = self._store.registration(profile.label)
        entity, version = properties["entityName"], flow.connector.get("apiVersion")
        said = self._entities.definition(profile, version, entity).entityDefinition
        context = replace(
            profile.context(version or registration.configuration.supportedApiVersions[0]),
            settings={**profile.settings, **(properties.get("customProperties") or {})},
            entity_definition=said.model_dump(), flow_name=flow.name, profile=profile.name, execution_id=run.id,
        )
        asking = Asking(
            self._calls, self._injector, registration.lambda_arn, entity, context, run.subject, running.canceled,
            lambda: self._renew(profile.name),
        )
        return asking, _readable(said)


def _readable(said: Any) -> dict[str, str]:
    """Without the fields that the connector says cannot be read."""
    return {
        field.fieldName: field.dataType for field in said.fields
        if field.readProperties is None or field.readProperties.isRetrievable is not False
    }


def _files(s3: Any, running: Running, tasks: Tasks) -> S3Destination:
    flow, run, given = running.flow, running.execution, running.flow.s3
    output = given.get("s3OutputFormatConfig") or {}
    layout = Layout(
        given["bucketName"], given.get("bucketPrefix", ""), flow.name, run.id, flow.schema_version, run.started_at,
        output.get("prefixConfig") or {},
    )
    file_format = FileFormat.of(output, {column.name: column.type for column in tasks.columns})
    divided = any(task["taskType"] == "Partition" for task in flow.given["tasks"])
    return S3Destination(
        s3, layout, file_format, Aggregation.of(output.get("aggregationConfig")), tasks.partition if divided else whole
    )


def _connector(asking: Asking, s3: Any, running: Running) -> ConnectorDestination:
    properties = running.flow.connector_properties
    errors = properties.get("errorHandlingConfig") or {}
    writing = Writing(
        properties.get("writeOperationType", "INSERT"), tuple(properties.get("idFieldNames") or ()),
        bool(errors.get("failOnFirstDestinationError")),
    )
    refusals: Refusals = Dropped()
    if errors.get("bucketName"):
        place = folder(errors.get("bucketPrefix", ""), running.flow.name, running.execution.id)
        refusals = ErrorBucket(s3, errors["bucketName"], place)
    return ConnectorDestination(asking, writing, refusals)
