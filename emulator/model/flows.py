"""What a flow of AppFlow's asks of its connector: pages of records, and batches to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Query:
    """A page of records that a flow asks its source connector for. id: `FLOW/run-1/page-3`. function: the connector's
    name. token: the nextToken that is sent; None for the first page. number: of the page, from 1."""

    id: str
    flow: str
    function: str
    entity: str
    number: int
    token: str | None = None
    ALTERABLE: ClassVar[tuple[str, ...]] = ("token",)

    def attributes(self) -> Mapping[str, str]:
        return {"flow": self.flow, "function": self.function, "entity": self.entity, "origin": "appflow"}


@dataclass(frozen=True)
class Queried:
    """A page. records: JSON objects as text, as the connector gave them. token: nextToken, None on the last page."""

    records: tuple[str, ...]
    token: str | None = None

    @property
    def verdict(self) -> str:
        return "answered"


@dataclass(frozen=True)
class Write:
    """A batch of records that a flow writes to its destination connector. id: `FLOW/run-1/batch-2`. operation: INSERT,
    UPDATE, UPSERT or DELETE. records: JSON objects as text; fewer may be passed on."""

    id: str
    flow: str
    function: str
    entity: str
    operation: str
    records: tuple[str, ...]
    ALTERABLE: ClassVar[tuple[str, ...]] = ("records",)

    def attributes(self) -> Mapping[str, str]:
        return {"flow": self.flow, "function": self.function, "entity": self.entity, "origin": "appflow"}


@dataclass(frozen=True)
class RecordResult:
    """What became of one record of a batch."""

    success: bool
    record_id: str | None = None
    message: str | None = None


@dataclass(frozen=True)
class Written:
    """What the connector says of a batch: one result for each record it was given, in their order."""

    results: tuple[RecordResult, ...]

    @property
    def verdict(self) -> str:
        return "written" if all(result.success for result in self.results) else "partial"
