"""WriteData: bad records among good ones, and what else must be refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from emulator.connector_check import write
from emulator.connector_check.talk import NOTHING_SUCH, Check, Skipped, Talk, check
from emulator.connector_check.write import KIND, Row
from emulator.frontdoors.appflow import write_data

NO_SUCH = "answer isSuccess false with errorDetails: {errorCode: ResourceNotFoundError, errorMessage: ...}"
PARTIAL = ("PartialWriteFailure", "InvalidArgument", "ClientError")


def _bad(talk: Talk, good: Row) -> Row:
    """What a person gave as one that the system refuses, else one that most would: no known field, wrong types."""
    if talk.known.bad_record is not None:
        return dict(talk.known.bad_record)
    return {**{name: {"lambdarig": ["no", "value"]} for name in good}, "LambdarigNoSuchField": "x"}


def _operation(talk: Talk) -> str:
    for operation in ("INSERT", "UPSERT"):
        if operation in write.supported(talk):
            return operation
    raise Skipped("neither INSERT nor UPSERT is supported")


def _keep(talk: Talk, results: Any, records: Sequence[Row]) -> None:
    talk.known.written += write.written(results, records)


@check("write-bad-record", KIND, "a bad record among good ones: a result for each, in order, and the good are written",
       needs="DESTINATION", writes=True)  # fmt: skip
def bad_record(talk: Talk) -> None:
    entity, operation = write.writable(talk), _operation(talk)
    first, last = write.rows(talk, entity, 21)
    sent = [first, _bad(talk, first), last]
    heard = talk.civil(write.request(talk, entity, operation, sent))
    if heard.answer is None:
        return
    if heard.refused and heard.error_code not in PARTIAL:
        why = f"is {heard.error_code} ({heard.message}): AppFlow takes the whole batch for failed"
        talk.wrong("errorDetails.errorCode", why, "answer isSuccess true, or false with PartialWriteFailure")
    found = write.results_of(talk, heard.answer, 3)
    _keep(talk, found, sent)
    if all(result.isSuccess for result in found):
        talk.skip("the record meant to be bad was taken: give one that your system refuses with --bad-record")
    said = [result.isSuccess for result in found]
    if said != [True, False, True]:
        why = f"{said} for a good, a bad and a good record"
        talk.wrong("writeRecordResults", why, "results are in the order of the records; the good ones are written")
    for number, result in enumerate(found):
        if not result.isSuccess and not result.errorMessage:
            place = f"writeRecordResults[{number}].errorMessage"
            talk.wrong(place, "is missing: it is what the flow's error file shows", "say why it was not written")


@check("write-all-or-none", KIND, "allOrNone: after a bad record no other is written", needs="DESTINATION", writes=True)
def all_or_none(talk: Talk) -> None:
    entity, operation = write.writable(talk), _operation(talk)
    first, last = write.rows(talk, entity, 31)
    sent = [first, _bad(talk, first), last]
    heard = talk.civil(write.request(talk, entity, operation, sent, all_or_none=True))
    if heard.answer is None:
        return
    found = heard.answer.writeRecordResults if hasattr(heard.answer, "writeRecordResults") else []
    _keep(talk, found, sent)
    if heard.ok and found and all(result.isSuccess for result in found):
        talk.skip("the record meant to be bad was taken: give one that your system refuses with --bad-record")
    if heard.ok and not found:
        talk.wrong("isSuccess", "is true, and a record was bad", "answer false, with PartialWriteFailure")
    failed = next((number for number, result in enumerate(found) if not result.isSuccess), len(found))
    if any(result.isSuccess for result in found[failed:]):
        why = f"{[result.isSuccess for result in found]}: a record after the failed one was written"
        talk.wrong("writeRecordResults", why, "end at the first failure, or hand the flag on to the system")


@check("write-not-json", KIND, "bears a record that is no JSON: a failed result, or error details",
       needs="DESTINATION", writes=True)  # fmt: skip
def not_json(talk: Talk) -> None:
    entity, operation = write.writable(talk), _operation(talk)
    heard = talk.civil(write.request(talk, entity, operation, ["{not json"]))
    found = getattr(heard.answer, "writeRecordResults", None) or []
    if heard.ok and not found:
        why = "none came, and the record cannot have been written"
        talk.wrong("writeRecordResults", why, "give a failed result with an errorMessage")
    if any(result.isSuccess for result in found):
        talk.wrong("writeRecordResults[0].isSuccess", "a record that is no JSON is said to be written", "say it failed")


@check("write-unknown-entity", KIND, "refuses an entity that does not exist", needs="DESTINATION", writes=True)
def unknown_entity(talk: Talk) -> None:
    entity = write.writable(talk)
    context, row = talk.context(run=True), write.rows(talk, entity, 41)[0]
    heard = talk.civil(write_data(context, "LambdarigNoSuchEntity", _operation(talk), [], [json.dumps(row)]))
    results = getattr(heard.answer, "writeRecordResults", None) or []
    if heard.ok and (not results or any(result.isSuccess for result in results)):
        talk.wrong("isSuccess", "a record of an unknown entity is said to be written", NO_SUCH)
    elif heard.refused and heard.error_code not in (*NOTHING_SUCH, "PartialWriteFailure"):
        why = f"is {heard.error_code} for an unknown entity"
        talk.wrong("errorDetails.errorCode", why, f"use {NOTHING_SUCH[0]} or {NOTHING_SUCH[1]}")


CHECKS: tuple[Check, ...] = (bad_record, all_or_none, not_json, unknown_entity, write.delete)
