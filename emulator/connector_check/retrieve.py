"""RetrieveData: records by id. A connector may refuse it, with error details."""

from __future__ import annotations

from emulator.connector_check.definitions import keys
from emulator.connector_check.query import names, rows_of
from emulator.connector_check.talk import Check, Skipped, Talk, check
from emulator.frontdoors.appflow import Context, Request

KIND = "RetrieveData"


def retrieve_data(context: Context, entity: str, fields: list[str], id_field: str, ids: list[str]) -> Request:
    """As AppFlow asks for single records."""
    asked = {"type": "RetrieveDataRequest", "entityIdentifier": entity, "selectedFieldNames": fields}
    return {**asked, "idFieldName": id_field, "ids": ids, "connectorContext": context.as_json()}


@check("retrieve", KIND, "gives the records of the ids, or says with error details that it does not", needs="SOURCE")
def retrieve(talk: Talk) -> None:
    entity, key = _with_key(talk)
    ids = [str(row[key]) for row in talk.known.rows.get(entity, ()) if row.get(key) is not None][:2]
    if not ids:
        talk.skip(f"no record of {entity} came with its {key}")
    selected = names(talk, entity)
    heard = talk.civil(retrieve_data(talk.context(entity, run=True), entity, selected, key, ids))
    if heard.refused:
        talk.remark = f"the connector refuses it: {heard.error_code} {heard.message}"
    if not heard.ok:
        return
    found = {str(row.get(key)) for row in rows_of(talk, entity, heard.answer.records, selected)}
    if more := sorted(found - set(ids)):
        talk.wrong("records", f"{key} {more[0]} came, which is none of {', '.join(ids)}", "give those asked for only")
    if lost := sorted(set(ids) - found):
        talk.wrong("records", f"{key} {lost[0]}, which QueryData gave, did not come", "look them up by idFieldName")


def _with_key(talk: Talk) -> tuple[str, str]:
    talk.entity()
    for entity, definition in talk.known.definitions.items():
        if key := keys(definition):
            return entity, key[0]
    raise Skipped("no field isPrimaryKey in the entities described")


@check("retrieve-unknown-id", KIND, "bears an id that no record has: no records, or error details", needs="SOURCE")
def unknown_id(talk: Talk) -> None:
    entity, key = _with_key(talk)
    asked = retrieve_data(talk.context(entity, run=True), entity, names(talk, entity), key, ["lambdarig-no-such-id"])
    heard = talk.civil(asked)
    if heard.ok and heard.answer.records:
        talk.wrong("records", f"{len(heard.answer.records)} came for an id that no record has", "give none")


CHECKS: tuple[Check, ...] = (retrieve, unknown_id)
