"""Which entities the CRM has, and their fields."""

from answers import told
from custom_connector_sdk.connector.context import Entity, EntityDefinition
from custom_connector_sdk.connector.fields import (
    FieldDataType,
    FieldDefinition,
    ReadOperationProperty,
    WriteOperationProperty,
    WriteOperationType,
)
from custom_connector_sdk.lambda_handler import responses
from custom_connector_sdk.lambda_handler.handlers import MetadataHandler

BY_KEY = [WriteOperationType.UPDATE, WriteOperationType.UPSERT, WriteOperationType.DELETE]


class Metadata(MetadataHandler):
    def __init__(self, crm):
        self.crm = crm

    @told(responses.ListEntitiesResponse)
    def list_entities(self, request):
        found = self.crm.session(request.connector_context).get("entities")["entities"]
        return responses.ListEntitiesResponse(is_success=True, entities=[entity(said) for said in found])

    @told(responses.DescribeEntityResponse)
    def describe_entity(self, request):
        said = self.crm.session(request.connector_context).get(f"entities/{request.entity_identifier}")
        definition = EntityDefinition(entity(said), [field(one) for one in said["fields"]])
        return responses.DescribeEntityResponse(is_success=True, entity_definition=definition)


def entity(said):
    return Entity(said["name"], has_nested_entities=False, is_writable=True, label=said["label"])


def field(said):
    """The CRM gives Ids itself; by them, and by what is unique, a record is told."""
    given, key = said.get("given", False), said.get("key", False)
    reading = ReadOperationProperty(
        is_retrievable=True, is_nullable=not key, is_queryable=True,
        is_timestamp_field_for_incremental_queries=said.get("incremental", False),
    )  # fmt: skip
    writing = WriteOperationProperty(
        is_creatable=not given, is_updatable=not given, is_upsertable=not given, is_defaulted_on_create=given,
        is_nullable=not said.get("required", key), supported_write_operations=operations(said),
    )  # fmt: skip
    return FieldDefinition(
        said["name"], FieldDataType[said["type"]], label=said["label"], is_primary_key=key,
        read_properties=reading, write_properties=writing,
    )  # fmt: skip


def operations(said):
    """In which a record may be told by the field. What the CRM numbers itself can be given to none that inserts."""
    if said.get("unique"):
        return BY_KEY
    return [WriteOperationType.UPDATE, WriteOperationType.DELETE] if said.get("key") else []
