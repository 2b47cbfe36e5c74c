"""The results that a connector gives for a batch: one for each record, in the records' order, or as near as it gets.

What AppFlow makes of another number of them is not documented; this is ours. A connector that gives none at all has
written all (AWS's own example for UPDATE); where some are missing the rest counts as failed, rather than lost unseen.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.model import RecordResult

NO_RESULT = "The connector gave no result for this record."


def each(results: Sequence[RecordResult], count: int) -> list[RecordResult]:
    """One for each of `count` records."""
    missing = [RecordResult(False, None, NO_RESULT)] * (count - len(results))
    return [*results[:count], *missing]


def problem(records: int, results: int) -> str:
    """What a connector's author must know of an answer that has another number of results; empty where it has not."""
    if records == results:
        return ""
    said = f"writeRecordResults: {records} records were sent and {results} results given; "
    if not results:
        return said + "all are taken as written: a record that failed can only be told by a result of its own"
    if results < records:
        return said + "there must be one for each, in the records' order: the rest is taken as failed"
    return said + "there must be one for each, in the records' order: those past the last record are not read"
