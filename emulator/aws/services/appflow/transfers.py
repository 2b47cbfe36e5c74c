"""What a run of a flow is made of: source, tasks and destination, from the flow as it is when the run begins."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from emulator.aws.services.appflow.entities import EntityOperations
from emulator.aws.services.appflow.store import Execution, Flow, Store
from emulator.flows.asking import Asking
from emulator.flows.connector_source import ConnectorSource
from emulator.flows.plan import Put, Row
from emulator.flows.run import Progress, Transfer
from emulator.frontdoors.appflow import ConnectorCalls
from emulator.frontdoors.flow_output import Fields, Format, Layout
from emulator.injector import Injector


class Transfers:
    """s3: gives a boto3 client acting as AppFlow, for the run of that name. renew: gets new credentials into the secret
    of the profile of that name; False where there are none to be had."""

    def __init__(
        self, store: Store, calls: ConnectorCalls, entities: EntityOperations, injector: Injector,
        s3: Callable[[str], Any], renew: Callable[[str], bool],
    ) -> None:
        self._store, self._calls, self._entities, self._injector = store, calls, entities, injector
        self._s3, self._renew = s3, renew

    def of(
        self, flow: Flow, run: Execution, told: Callable[[Progress], None], canceled: threading.Event
    ) -> Transfer:
        """The entity's description is asked for unless it is known. ServiceError, ConnectorError."""
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
            self._calls, self._injector, registration.lambda_arn, entity, context, run.subject, canceled,
            lambda: self._renew(profile.name),
        )
        fields = Fields.of(flow.given["tasks"], _retrievable(said))
        source = ConnectorSource(asking, fields.selected)
        return Transfer(source, _Mapped(fields), _Files(self._s3(run.subject), flow, run, fields), told, canceled)


class _Mapped:
    def __init__(self, fields: Fields) -> None:
        self._pairs = fields.pairs

    def apply(self, row: Row) -> Row | None:
        return {name: row[source] for source, name in self._pairs if source in row}


class _Files:
    def __init__(self, s3: Any, flow: Flow, run: Execution, fields: Fields) -> None:
        output = flow.s3.get("s3OutputFormatConfig") or {}
        self._s3, self._format = s3, Format(output.get("fileType", "JSON"), fields.columns)
        self._single = (output.get("aggregationConfig") or {}).get("aggregationType") == "SingleFile"
        self._layout = Layout(
            flow.s3["bucketName"], flow.s3.get("bucketPrefix", ""), flow.name, run.id, flow.schema_version,
            run.started_at, output.get("prefixConfig") or {},
        )
        self._whole, self._number = bytearray(), 0

    def write(self, rows: Sequence[Row]) -> Put:
        body = self._format.body(rows, first=not (self._single and self._whole)) if rows else b""
        if self._single:
            self._whole += body
            return Put()
        return self._put(body)

    def finish(self) -> Put:
        return self._put(bytes(self._whole))

    def abandon(self) -> None:
        self._whole.clear()

    def _put(self, body: bytes) -> Put:
        if not body:
            return Put()
        self._number += 1
        key = self._layout.key(self._number)
        self._s3.put_object(Bucket=self._layout.bucket, Key=key, Body=body)
        return Put(written=len(body), objects=(key,))


def _retrievable(said: Any) -> list[str]:
    """An entity's fields without those that its connector says cannot be read."""
    return [
        field.fieldName for field in said.fields
        if field.readProperties is None or field.readProperties.isRetrievable is not False
    ]
