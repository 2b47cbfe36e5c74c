"""A run of a flow: every page of the connector's records, written to S3; and the threads that runs are.

One call at a time: the first page, the next as long as the connector gives a nextToken, until it gives none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from emulator.frontdoors.appflow import ConnectorCalls, Context, query_data
from emulator.frontdoors.flow_output import Fields, Format, Layout, encoded


class Canceled(Exception):
    """Somebody canceled the run. What is written stays."""


@dataclass(frozen=True)
class Plan:
    """Everything a run needs; a change of the flow does not reach it. single: one file for all pages, not one for
    each."""

    lambda_arn: str
    entity: str
    context: Context
    fields: Fields
    layout: Layout
    file_type: str = "JSON"
    single: bool = False


@dataclass(frozen=True)
class Counts:
    """What a run has moved. read: bytes of records as the connector gave them. written: bytes of files."""

    records: int = 0
    read: int = 0
    written: int = 0


Put = Callable[[str, str, bytes], None]


class Transfer:
    """put: (bucket, key, body). told: hears of the counts after each page. canceled: looked at before each call and
    each file."""

    def __init__(
        self, plan: Plan, calls: ConnectorCalls, put: Put, told: Callable[[Counts], None], canceled: threading.Event
    ) -> None:
        self._plan, self._calls, self._put, self._told, self._canceled = plan, calls, put, told, canceled
        self._format = Format(plan.file_type, plan.fields.columns)
        self._counts, self._files = Counts(), 0

    def run(self) -> None:
        """Raises ConnectorError, BadRecord, Canceled, and what `put` raises."""
        whole = bytearray()
        for records in self._pages():
            rows = [self._plan.fields.row(record) for record in records]
            body = self._format.body(rows, first=not (self._plan.single and whole)) if rows else b""
            read = sum(len(encoded(record)) for record in records)
            self._count(records=len(records), read=read)
            if self._plan.single:
                whole += body
            else:
                self._write(body)
        self._write(bytes(whole))

    def _pages(self) -> Iterator[list[str]]:
        plan, token = self._plan, None
        while True:
            self._look()
            request = query_data(plan.context, plan.entity, plan.fields.selected, token)
            answer = self._calls.call(plan.lambda_arn, request)
            yield answer.records
            if not (token := answer.nextToken):
                return

    def _write(self, body: bytes) -> None:
        if not body:
            return
        self._look()
        self._files += 1
        self._put(self._plan.layout.bucket, self._plan.layout.key(self._files), body)
        self._count(written=len(body))

    def _count(self, records: int = 0, read: int = 0, written: int = 0) -> None:
        now = self._counts
        self._counts = replace(
            now, records=now.records + records, read=now.read + read, written=now.written + written
        )
        self._told(self._counts)

    def _look(self) -> None:
        if self._canceled.is_set():
            raise Canceled


@dataclass(frozen=True)
class _Run:
    thread: threading.Thread
    canceled: threading.Event


class Runs:
    """The runs under way, each in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, _Run] = {}
        self._closed = False

    def start(self, execution_id: str, work: Callable[[threading.Event], None]) -> None:
        """work gets the event that says it is canceled, and lets no exception out."""
        canceled = threading.Event()

        def run() -> None:
            try:
                work(canceled)
            finally:
                with self._lock:
                    self._under_way.pop(execution_id, None)

        thread = threading.Thread(target=run, name=f"flow-{execution_id}", daemon=True)
        with self._lock:
            if self._closed:
                return
            self._under_way[execution_id] = _Run(thread, canceled)
            thread.start()

    def cancel(self, execution_id: str) -> bool:
        """Whether it was under way. It ends when the call or file in hand is done."""
        with self._lock:
            run = self._under_way.get(execution_id)
        if run is not None:
            run.canceled.set()
        return run is not None

    def cancel_all(self) -> None:
        """Let all of them end."""
        with self._lock:
            for run in self._under_way.values():
                run.canceled.set()

    def busy(self) -> bool:
        """Whether any is under way."""
        return bool(self._under_way)

    def wait(self, execution_id: str = "", limit_s: float | None = 60.0) -> None:
        """Until that run, or every run, has ended. TimeoutError after limit_s machine seconds for one of them."""
        with self._lock:
            waited = {i: run for i, run in self._under_way.items() if execution_id in ("", i)}
        for each, run in waited.items():
            run.thread.join(limit_s)
            if run.thread.is_alive():
                raise TimeoutError(f"the run {each} has not ended after {limit_s} s")

    def stop(self) -> None:
        """Cancel all and begin none any more."""
        with self._lock:
            self._closed = True
        self.cancel_all()

    def close(self) -> None:
        """Stop, and wait until the last one has ended: at most as long as AppFlow waits for a connector."""
        self.stop()
        self.wait(limit_s=None)
