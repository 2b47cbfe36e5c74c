"""WriteData: good records, by each operation that the connector says it supports."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.connector_check.definitions import keys
from emulator.connector_check.talk import Check, Skipped, Talk, Written, check
from emulator.connector_check.values import sample
from emulator.frontdoors.appflow import Request, write_data

KIND = "WriteData"
OPERATIONS = ("INSERT", "UPDATE", "UPSERT", "DELETE")  # in the order in which one needs the other
Row = dict[str, Any]


def supported(talk: Talk) -> Sequence[str]:
    """All where the configuration does not say."""
    said = talk.configured().supportedWriteOperations
    return OPERATIONS if said is None else said


def writable(talk: Talk) -> str:
    """The first entity that can be written to."""
    talk.entity()
    for name, definition in talk.known.definitions.items():
        if definition.entity.isWritable is not False:
            return name
    raise Skipped("no entity described isWritable: name one with --entity")


def rows(talk: Talk, entity: str, first: int, count: int = 2) -> list[Row]:
    """To insert: those a person gave, else made by the entity's definition."""
    if given := talk.known.records:
        return [dict(given[number % len(given)]) for number in range(first, first + count)]
    fields = [field for field in talk.known.definitions[entity].fields if _creatable(field)]
    if not fields:
        talk.skip(f"no field of {entity} isCreatable: give records with --record")
    return [{field.fieldName: sample(field, number) for field in fields} for number in range(first, first + count)]


def _creatable(field: Any) -> bool:
    """What the system fills in by itself is left to it, and so is a type that nobody could guess a value of."""
    writing = field.writeProperties
    simple = field.dataType not in ("Struct", "Map", "List", "ByteArray")
    return bool(simple and writing and writing.isCreatable and not (writing.isDefaultedOnCreate or field.isDeprecated))


def request(
    talk: Talk, entity: str, operation: str, records: Sequence[Mapping[str, Any] | str], all_or_none: bool = False
) -> Request:
    """A text among the records is sent as it is."""
    texts = [record if isinstance(record, str) else json.dumps(record) for record in records]
    ids = [] if operation == "INSERT" else id_fields(talk.known.definitions[entity], operation)[:1]
    asked = write_data(talk.context(entity, run=True), entity, operation, ids, texts)
    return {**asked, "allOrNone": all_or_none}


def results_of(talk: Talk, answer: Any, count: int) -> Any:
    """One for each record, or it is a problem."""
    found = answer.writeRecordResults
    if len(found) != count:
        why = f"{len(found)} for {count} records: AppFlow cannot tell which were written"
        talk.stop("writeRecordResults", why, "give one for each record, in the order of the records")
    return found


def id_fields(definition: Any, operation: str) -> list[str]:
    """Fields that say they can tell records by in this operation (AppFlow's API: `supportedWriteOperations` of a
    destination's field), else the primary key's."""
    told = {f.fieldName: f.writeProperties.supportedWriteOperations for f in definition.fields if f.writeProperties}
    return [name for name, operations in told.items() if operation in operations] or keys(definition)


def _write(talk: Talk, operation: str, records: list[Row], entity: str) -> list[Written]:
    """What was written; each record must be."""
    mend = "are these records good for your system? give others with --record"
    found = results_of(talk, talk.good(request(talk, entity, operation, records), mend), len(records))
    for number, result in enumerate(found):
        if not result.isSuccess:
            why = f"{operation} of {json.dumps(records[number])[:120]}: {result.errorMessage}"
            talk.wrong(f"writeRecordResults[{number}].isSuccess", why, mend)
        elif operation == "INSERT" and not result.recordId:
            why = "is missing of a record that was inserted"
            talk.wrong(f"writeRecordResults[{number}].recordId", why, "give the id that the system gave it")
    return written(found, records)


def written(results: Any, records: Sequence[Row]) -> list[Written]:
    """Those of the records that the results tell an id of."""
    pairs = zip(results, records, strict=False)
    return [Written(result.recordId, row) for result, row in pairs if result.isSuccess and result.recordId]


def _supported_only(talk: Talk, operation: str) -> str:
    if operation not in supported(talk):
        stays = f", so {len(talk.known.written)} records stay" if operation == "DELETE" and talk.known.written else ""
        talk.skip(f"supportedWriteOperations does not name {operation}{stays}")
    return writable(talk)


@check("write-insert", KIND, "INSERT: one result for each record, with its recordId", needs="DESTINATION", writes=True)
def insert(talk: Talk) -> None:
    entity = _supported_only(talk, "INSERT")
    talk.known.written = _write(talk, "INSERT", rows(talk, entity, 1), entity)


def _by_id(operation: str, about: str) -> Check:
    """Of what was inserted."""

    @check(f"write-{operation.lower()}", KIND, f"{operation}: {about}", needs="DESTINATION", writes=True)
    def act(talk: Talk) -> None:
        entity = _supported_only(talk, operation)
        key = id_fields(talk.known.definitions[entity], operation)
        if not key:
            talk.skip(f"no field of {entity} isPrimaryKey, to tell records by")
        there = talk.known.written
        if not there:
            talk.skip("no record was inserted, whose id could be given")
        fresh = rows(talk, entity, 11, len(there)) if operation != "DELETE" else [{} for _ in there]
        pairs = zip(fresh, there, strict=True)
        _write(talk, operation, [{**row, key[0]: one.row.get(key[0], one.id)} for row, one in pairs], entity)
        if operation == "DELETE":
            talk.known.written = []

    return act


update = _by_id("UPDATE", "records by idFieldNames, one result for each")
upsert = _by_id("UPSERT", "records that there are, one result for each")
CHECKS: tuple[Check, ...] = (insert, update, upsert)
delete = _by_id("DELETE", "records by idFieldNames, one result for each")
