"""A custom connector as the destination of a flow: batches of records, and what becomes of those that it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from emulator.flows.asking import Asking
from emulator.flows.batches import REQUEST_LIMIT, batches, fits
from emulator.flows.plan import Ended, FlowFailed, Put, Row
from emulator.flows.refusals import Refusals, Refused
from emulator.flows.write_results import NO_RESULT, each, problem
from emulator.frontdoors.appflow import SERVER, ConnectorError, write_data
from emulator.model import RecordResult, Write, Written

_AS_TEXT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=str).encode
TOO_LARGE = f"The record is too large: a request to a connector has less than {REQUEST_LIMIT} bytes."


@dataclass(frozen=True)
class Writing:
    """How a flow writes. operation: INSERT | UPDATE | UPSERT | DELETE. id_fields: by which UPDATE, UPSERT and DELETE
    find a record. fail_on_first: the run ends with the first batch of which a record is refused; the connector is not
    told."""

    operation: str = "INSERT"
    id_fields: tuple[str, ...] = ()
    fail_on_first: bool = False


class ConnectorDestination:
    """Each `write` is sent whole before it returns, so that nothing is under way between pages."""

    def __init__(self, asking: Asking, writing: Writing, refusals: Refusals) -> None:
        self._asking, self._writing, self._refusals = asking, writing, refusals
        self._number, self._told = 0, False
        self._room = REQUEST_LIMIT - len(json.dumps(self._request(())))

    def write(self, rows: Sequence[Row]) -> Put:
        """Raises FlowFailed and Canceled, with what became of the batches before."""
        done = Put()
        try:
            for batch in batches(map(_text, rows), self._room):
                refused = self._refused(batch)
                done = _sum(done, _put(batch, refused))
                done = _sum(done, Put(objects=self._refusals.keep(refused)))
                if refused and self._writing.fail_on_first:
                    raise FlowFailed(f"{SERVER}{refused[0].message}")
        except ConnectorError as error:
            raise FlowFailed(error.message, done) from error
        except Ended as ended:
            ended.put = done
            raise
        return done

    def finish(self) -> Put:
        return Put()

    def abandon(self) -> None:
        """Nothing is left open."""

    def _refused(self, batch: Sequence[str]) -> list[Refused]:
        if len(batch) == 1 and not fits(batch, self._room):
            return [Refused(record, TOO_LARGE) for record in batch]
        results = each(self._send(tuple(batch)), len(batch))
        pairs = zip(batch, results, strict=True)
        return [Refused(record, result.message or NO_RESULT) for record, result in pairs if not result.success]

    def _send(self, records: tuple[str, ...]) -> Sequence[RecordResult]:
        asking = self._asking
        self._number += 1
        name, operation = f"{asking.run}/batch-{self._number}", self._writing.operation
        write = Write(name, asking.flow, asking.function, asking.entity, operation, records)
        return asking.through("write", write, self._ask).results

    def _ask(self, write: Write) -> Written:
        answer = self._answer(write)
        count, given = len(write.records), answer.writeRecordResults
        if (said := problem(count, len(given))) and not self._told:  # once a run: it has as many batches as it likes
            self._told = True
            self._asking.calls.lint(self._asking.lambda_arn, "WriteData", [said])
        results = [RecordResult(one.isSuccess, one.recordId, one.errorMessage) for one in given]
        return Written(tuple(each(results or [RecordResult(True)] * count, count)))

    def _answer(self, write: Write) -> Any:
        """PartialWriteFailure is an answer as well, if it says which records failed."""
        try:
            return self._asking.calls.call(self._asking.lambda_arn, self._request(write.records))
        except ConnectorError as error:
            if error.error_code != "PartialWriteFailure":
                raise
            if not error.answer.writeRecordResults:
                said = "writeRecordResults: PartialWriteFailure needs a result for each record, in the records' order"
                self._asking.calls.lint(self._asking.lambda_arn, "WriteData", [said])
                raise
            return error.answer

    def _request(self, records: Sequence[str]) -> dict[str, Any]:
        asking, writing = self._asking, self._writing
        return write_data(asking.context, asking.entity, writing.operation, writing.id_fields, records)


def _text(row: Row) -> str:
    try:
        return _AS_TEXT(row)
    except (ValueError, RecursionError) as error:
        raise FlowFailed(f"A record cannot be written as JSON: {error}.") from None


def _put(batch: Sequence[str], refused: Sequence[Refused]) -> Put:
    """bytes: of the records that were taken."""
    written = sum(map(_size, batch)) - sum(_size(one.record) for one in refused)
    return Put(written, len(refused), refused[0].message if refused else "")


def _size(record: str) -> int:
    return len(record.encode("utf-8", "replace"))


def _sum(one: Put, other: Put) -> Put:
    message = one.message or other.message
    return Put(one.written + other.written, one.failed + other.failed, message, one.objects + other.objects)
