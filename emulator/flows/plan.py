"""The parts of a run of a flow, and what passes between them: a source's pages, through the tasks, to a destination."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Row = dict[str, Any]


class Ended(Exception):
    """The run ends before its source does. put: what became of the rows in hand until then."""

    def __init__(self, message: str = "", put: Put | None = None) -> None:
        super().__init__(message)
        self.message, self.put = message, put or Put()


class FlowFailed(Ended):
    """The run ends here, in Error, with this message for its record."""


class Canceled(Ended):
    """Somebody canceled the run. What is written stays."""


@dataclass(frozen=True)
class Page:
    """What a source gives at once. number: from 1. read: bytes of the records as the source gave them. mark: what leads
    on to the next page (a connector's nextToken, the name of the next object); empty at the end."""

    number: int
    rows: Sequence[Row]
    read: int
    mark: str = ""


@dataclass(frozen=True)
class Put:
    """What became of rows that were given to a destination. written: bytes. failed: records that it did not take.
    objects: names of what it has finished (S3 keys)."""

    written: int = 0
    failed: int = 0
    message: str = ""
    objects: tuple[str, ...] = ()


class Source(Protocol):
    """Where records come from. Raises FlowFailed, Canceled, ConnectorError."""

    def pages(self) -> Iterator[Page]: ...


class Destination(Protocol):
    """Where they go. Raises as a source does; after `finish` or `abandon` nothing of it is left open."""

    def write(self, rows: Sequence[Row]) -> Put: ...

    def finish(self) -> Put:
        """The last page is in."""

    def abandon(self) -> None:
        """The run ended otherwise: what is written stays, what is begun (a multipart upload) is dropped."""
