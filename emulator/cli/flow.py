"""`flow run`, `flow records` and `flow list`: AppFlow's flows of a rig that runs."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

import click

from emulator.cli.asking import aws
from emulator.cli.common import as_json, note, say, which_port
from emulator.cli.progress import InPlace
from emulator.clock import Clock
from emulator.errors import UsageError, Verdict

LOOK_S = 0.1
CANCEL_S = 10.0
WIDTH = 200  # columns where no terminal reads it: an id that is cut is no use
OVER = ("Successful", "Error", "Canceled")
COLUMNS = ("status", "started", "seconds", "records", "bytes in", "bytes out", "failed", "execution", "message")
Record = dict[str, Any]


@click.group()
def flow() -> None:
    """AppFlow's flows of a rig that runs."""


@flow.command()
@click.argument("name")
@which_port
@as_json
def run(name: str, port: int, as_json: bool) -> None:
    """Start a flow and follow its run to the end. Exit 1 when it ended in Error or was canceled; Ctrl-C cancels it. A
    flow with a schedule is activated."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the run is canceled
    _must_be_there(port, name)
    started = aws(port, "appflow", "start_flow", flowName=name)
    execution = started.get("executionId")
    if not execution:
        say({"flowName": name, "flowStatus": started["flowStatus"]}, f"{name} is {started['flowStatus']}", as_json)
        return
    try:
        with _Shown(name) as shown:
            record = _followed(port, name, execution, shown.now)
    except KeyboardInterrupt:
        note(f"canceling the run {execution} of {name}")
        record = _canceled(port, name, execution)
        say(record, _line(record), as_json)
        raise click.Abort from None
    say(record, _line(record), as_json)
    if record["executionStatus"] != "Successful":
        message = _message(record)
        raise Verdict(f"{name}: {record['executionStatus']}" + (f": {message}" if message else ""))


@flow.command()
@click.argument("name")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10000), help="So many, newest first.")
@which_port
@as_json
def records(name: str, limit: int, port: int, as_json: bool) -> None:
    """The runs of a flow, newest first."""
    _must_be_there(port, name)
    found = [record for record, _ in zip(_records(port, name), range(limit), strict=False)]
    say(found, "", True) if as_json else _table(COLUMNS, [_row(record) for record in found], f"{name} has not run")


@flow.command("list")
@which_port
@as_json
def list_flows(port: int, as_json: bool) -> None:
    """The flows that there are."""
    found = list(_paged(port, "list_flows", "flows"))
    members = ("flowName", "flowStatus", "triggerType")
    rows = [
        [*(str(row.get(member, "")) for member in members), _end(row, "source"), _end(row, "destination"), _last(row)]
        for row in found
    ]
    columns = ("flow", "status", "trigger", "source", "destination", "last run")
    say(found, "", True) if as_json else _table(columns, rows, "no flows")


def _end(row: dict[str, Any], side: str) -> str:
    """A connector's label, else the type: `crm`, `S3`."""
    return str(row.get(f"{side}ConnectorLabel") or row.get(f"{side}ConnectorType", ""))


def _last(row: dict[str, Any]) -> str:
    return str((row.get("lastRunExecutionDetails") or {}).get("mostRecentExecutionStatus", ""))


def _must_be_there(port: int, name: str) -> None:
    """Raises UsageError with the flows that there are."""
    names = [row["flowName"] for row in _paged(port, "list_flows", "flows")]
    if name not in names:
        raise UsageError.unknown("flow", name, names)


def _paged(port: int, operation: str, member: str, **params: Any) -> Iterator[Record]:
    more: dict[str, str] = {}
    while True:
        page = aws(port, "appflow", operation, **params, **more)
        yield from page[member]
        if not page.get("nextToken"):
            return
        more = {"nextToken": page["nextToken"]}


def _records(port: int, name: str) -> Iterator[Record]:
    return _paged(port, "describe_flow_execution_records", "flowExecutions", flowName=name)


def _followed(port: int, name: str, execution: str, tell: Callable[[Record], None]) -> Record:
    """The run's record when it is over; `tell` hears of it on the way."""
    clock = Clock()
    while True:
        record = _record(port, name, execution)
        if record is not None:
            tell(record)
            if record["executionStatus"] in OVER:
                return record
        clock.stall(LOOK_S)


def _record(port: int, name: str, execution: str) -> Record | None:
    """AWS may not have it yet right after StartFlow."""
    return next((record for record in _records(port, name) if record["executionId"] == execution), None)


def _canceled(port: int, name: str, execution: str) -> Record:
    """The run's record after it was canceled: a page that is under way is waited for, but not for ever."""
    with contextlib.suppress(KeyboardInterrupt):  # once is enough
        aws(port, "appflow", "cancel_flow_executions", flowName=name, executionIds=[execution])
    clock = Clock()
    while (record := _record(port, name, execution)) is None or record["executionStatus"] not in OVER:
        if clock.now() > CANCEL_S:
            note(f"the connector still answers a request: the run ends with it ({CANCEL_S:g} s waited)")
            break
        clock.stall(LOOK_S)
    return record or {"executionId": execution, "executionStatus": "CancelStarted", "executionResult": {}}


class _Shown(InPlace):
    """How far the run has come; where nothing can be shown in place, a line whenever it has come further."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: starting")
        self._name, self._last = name, ""

    def now(self, record: Record) -> None:
        text = f"{self._name}: {record['executionStatus']}, {_counts(record)}"
        if text != self._last:
            self._last = text
            if not self.tell(text):
                note(text)


def _counts(record: Record) -> str:
    result = record.get("executionResult") or {}
    read, written = result.get("bytesProcessed", 0), result.get("bytesWritten", 0)
    return f"{result.get('recordsProcessed', 0)} records, {read} bytes read, {written} bytes written"


def _message(record: Record) -> str:
    return str(((record.get("executionResult") or {}).get("errorInfo") or {}).get("executionMessage") or "")


def _failed(record: Record) -> int:
    return int(((record.get("executionResult") or {}).get("errorInfo") or {}).get("putFailuresCount") or 0)


def _line(record: Record) -> str:
    failed = f", {count} records failed" if (count := _failed(record)) else ""
    message = f": {text}" if (text := _message(record)) else ""
    return f"{record['executionStatus']}  {_counts(record)}{failed}  {record['executionId']}{message}"


def _row(record: Record) -> list[str]:
    result = record.get("executionResult") or {}
    begun, ended = record["startedAt"], record["lastUpdatedAt"]
    seconds = f"{(ended - begun).total_seconds():.1f}"
    counts = [str(result.get(name, 0)) for name in ("recordsProcessed", "bytesProcessed", "bytesWritten")]
    started = begun.strftime("%Y-%m-%d %H:%M:%S")
    told = [str(_failed(record)), record["executionId"], _message(record)]
    return [record["executionStatus"], started, seconds, *counts, *told]


def _table(columns: tuple[str, ...], rows: list[list[str]], none: str) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        click.echo(none)
        return
    table = Table(*columns, box=SIMPLE, pad_edge=False, show_edge=False)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDTH)
    with console.capture() as printed:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in printed.get().splitlines()))
