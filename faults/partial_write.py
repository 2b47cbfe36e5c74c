"""partial_write: a destination takes only a part of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import RecordResult, Write, Written


@dataclass(frozen=True)
class PartialWrite(Fault):
    """Some records of a batch are not written: the connector is given only the others, and the flow is told of each
    that it has failed. They are counted as failed and go to the flow's error bucket; where the flow is to end with the
    first failure (failOnFirstDestinationError), it ends behind this batch, whose other records stay written."""

    name: ClassVar[str] = "partial_write"

    records: int = param(1, "records", "of the batch that fail: its last ones; if all fail, nothing is sent", least=1)
    message: str = param("The record could not be written", "", "why, as the flow's record and error bucket tell it")

    def on_write(self, write: Write, proceed: Callable[..., Any], ctx: Context) -> Any:
        """One result for each record, in their order."""
        kept = write.records[: -self.records]
        written = proceed(replace(write, records=kept)).results if kept else ()
        failed = RecordResult(False, message=self.message)
        return Written((*written, *[failed] * (len(write.records) - len(kept))))
