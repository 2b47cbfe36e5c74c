"""A run of a flow: every page of its source through the tasks to its destination, one after the other.

A page is forgotten when it is written, so a run needs the memory of one page, however many there are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from emulator.flows.plan import Canceled, Destination, Ended, Page, Put, Row, Source


@dataclass(frozen=True)
class Counts:
    """What a run has moved. records: read from the source. filtered: of those, dropped by a task. failed: not taken by
    the destination. read, written: bytes of records as the source gave them; of what the destination has. message: why
    the first record failed."""

    records: int = 0
    filtered: int = 0
    failed: int = 0
    read: int = 0
    written: int = 0
    message: str = ""


@dataclass(frozen=True)
class Progress:
    """A page is done (`page` its number, from 1), or the run is over, one way or the other (`page` 0). mark: what leads
    on to the next page, empty at the end. objects: finished with it (S3 keys). counts: of the whole run so far."""

    counts: Counts
    page: int = 0
    mark: str = ""
    objects: tuple[str, ...] = ()


class Steps(Protocol):
    """What happens to a row on its way; None drops it. Raises FlowFailed."""

    def apply(self, row: Row) -> Row | None: ...


class Transfer:
    """told: hears of each page that is done, and of the end. canceled: looked at before each page."""

    def __init__(
        self, source: Source, tasks: Steps, destination: Destination, told: Callable[[Progress], None],
        canceled: threading.Event,
    ) -> None:
        self._source, self._tasks, self._destination = source, tasks, destination
        self._told, self._canceled = told, canceled
        self._counts = Counts()

    def run(self) -> None:
        """Raises FlowFailed, Canceled, ConnectorError, and what S3 raises (ClientError); counts are told all the same.
        """
        try:
            for page in self._source.pages():
                self._page(page)
                self._look()
            self._tell(self._destination.finish())
        except BaseException as error:
            try:
                self._tell(error.put if isinstance(error, Ended) else Put())
            finally:
                self._destination.abandon()
            raise

    def _page(self, page: Page) -> None:
        self._look()
        self._count(records=len(page.rows), read=page.read)
        rows = [row for given in page.rows if (row := self._tasks.apply(given)) is not None]
        self._count(filtered=len(page.rows) - len(rows))
        self._tell(self._destination.write(rows), page.number, page.mark)

    def _tell(self, put: Put, page: int = 0, mark: str = "") -> None:
        self._count(written=put.written, failed=put.failed)
        self._counts = replace(self._counts, message=self._counts.message or put.message)
        self._told(Progress(self._counts, page, mark, put.objects))

    def _count(self, **more: int) -> None:
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + n for name, n in more.items()})

    def _look(self) -> None:
        if self._canceled.is_set():
            raise Canceled
