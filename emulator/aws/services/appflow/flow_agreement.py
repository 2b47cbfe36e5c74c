"""Whoever knows of a flow's ends is asked before the flow is made or changed: the registry whether the connector can do
it, S3 for the buckets, the connector for the entity and about the settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from emulator.aws.services.appflow.asking import ask
from emulator.aws.services.appflow.entities import EntityOperations
from emulator.aws.services.appflow.flow_rules import refuse
from emulator.aws.services.appflow.store import Flow, Store
from emulator.aws.services.appflow.trigger_rules import scheduled
from emulator.flows.schedule import frequency
from emulator.frontdoors.appflow import ConnectorCalls, validate_settings

_DATES = ("Date", "DateTime")


class FlowAgreement:
    """s3: gives a boto3 client acting as AppFlow."""

    def __init__(
        self, store: Store, calls: ConnectorCalls, entities: EntityOperations, s3: Callable[[], Any]
    ) -> None:
        self._store, self._calls, self._entities, self._s3 = store, calls, entities, s3

    def check(self, flow: Flow, prefix: str) -> None:
        """Raises ServiceError. prefix: how AWS begins to say what is wrong."""
        side, properties = flow.connector, flow.connector_properties
        profile = self._store.profile(side["connectorProfileName"])
        registration = self._store.registration(profile.label)
        refuse(prefix, list(_unable(flow, profile.label, registration.configuration)))
        for operation, bucket in _buckets(flow):
            self._reach(operation, bucket, prefix)
        said = self._entities.definition(profile, side.get("apiVersion"), properties["entityName"]).entityDefinition
        refuse(prefix, list(_incremental(flow, {field.fieldName: field for field in said.fields})))
        settings, mode = properties.get("customProperties") or {}, _mode(flow)
        asked = {setting.scope for setting in registration.configuration.connectorRuntimeSetting}
        if settings or asked & {mode, "SOURCE_AND_DESTINATION"}:
            ask(self._calls, registration.lambda_arn, validate_settings(mode, settings))

    def _reach(self, operation: str, bucket: str, prefix: str) -> None:
        from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

        try:
            getattr(self._s3(), operation)(Bucket=bucket)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            why = "does not exist" if code == "NoSuchBucket" else f"cannot be reached by Amazon AppFlow: {code}"
            refuse(prefix, [f"The bucket {bucket} {why}"])
        except ParamValidationError:
            refuse(prefix, [f"The bucket {bucket} does not exist: that is no bucket's name"])
        except BotoCoreError as error:
            refuse(prefix, [f"The bucket {bucket} cannot be reached by Amazon AppFlow: {error}"])


def _mode(flow: Flow) -> str:
    return "SOURCE" if flow.reads_connector else "DESTINATION"


def _buckets(flow: Flow) -> Iterator[tuple[str, str]]:
    """(what AppFlow's policy for such a bucket must allow, as boto3 calls it, bucket)."""
    yield ("get_bucket_acl" if flow.reads_connector else "list_objects_v2"), flow.s3["bucketName"]
    errors = flow.connector_properties.get("errorHandlingConfig") or {}
    if errors.get("bucketName"):
        yield "get_bucket_acl", errors["bucketName"]


def _unable(flow: Flow, label: str, said: Any) -> Iterator[str]:
    """What the connector says it cannot do. A list that it left out means all there is."""
    mode, trigger = _mode(flow), flow.given["triggerConfig"]["triggerType"]
    if mode not in said.connectorModes:
        yield f"Connector:{label} cannot be used as a {mode.lower()}"
    operation = flow.connector_properties.get("writeOperationType", "INSERT")
    wanted = [("the trigger type", trigger.upper(), said.supportedTriggerTypes)]
    if not flow.reads_connector:
        wanted.append(("the write operation", operation, said.supportedWriteOperations))
    if every := frequency(scheduled(flow.given).get("scheduleExpression", "")):
        wanted.append(("the scheduling frequency", every, said.triggerFrequenciesSupported))
    for what, value, supported in wanted:
        if supported is not None and value not in supported:
            yield f"Connector:{label} does not support {what} {value}: it supports {', '.join(supported)}"


def _incremental(flow: Flow, fields: dict[str, Any]) -> Iterator[str]:
    """Only a Date or DateTime that the connector flags can be what an incremental pull goes by."""
    name = (flow.source.get("incrementalPullConfig") or {}).get("datetimeTypeFieldName")
    if not name or not flow.reads_connector:
        return
    field = fields.get(name)
    if field is None:
        yield f"The entity has no field {name} for incremental pulls"
    elif field.dataType not in _DATES or not (field.readProperties and _flagged(field.readProperties)):
        yield f"The field {name} cannot be used for incremental pulls"


def _flagged(properties: Any) -> bool:
    return bool(properties.isTimestampFieldForIncrementalQueries)
