"""`logs`: what functions of a rig that runs have logged, whole or searched as CloudWatch Logs is."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from emulator.cli.asking import aws, problem_of
from emulator.cli.common import as_json, client, which_port
from emulator.errors import UsageError

LAST_SECOND = 4_102_444_800  # 2100: a rig's clock may be ahead of this machine's


@click.command()
@click.argument("name")
@click.option("--filter", "pattern", default="", help="Only events that match a CloudWatch Logs filter pattern.")
@click.option("--query", default=None, help="What a Logs Insights query finds.")
@click.option("--follow", is_flag=True, help="Go on printing until Ctrl-C.")
@click.option("--since", default=None, type=click.IntRange(min=0), help="Only the last so many seconds.")
@which_port
@as_json
def logs(
    name: str, pattern: str, query: str | None, follow: bool, since: int | None, port: int, as_json: bool
) -> None:
    """Print a function's log (NAME), or any log group (a NAME with a slash)."""
    from emulator.clock import Clock

    clock, group = Clock(), name if "/" in name else f"/aws/lambda/{name}"
    begin = max(0, int((clock.wall() - since) * 1000)) if since is not None else 0
    if query is not None:
        if pattern or follow:
            raise UsageError("--query goes with neither --filter nor --follow")
        _say_rows(_rows(port, name, group, begin, query), as_json)
        return
    seen: set[str] = set()
    while True:
        for row in _events(port, name, group, begin, follow, pattern):
            if row["eventId"] not in seen:
                seen.add(row["eventId"])
                _print(row, as_json)
        sys.stdout.flush()
        if not follow:
            return
        clock.stall(0.3)


def _print(row: dict[str, Any], as_json: bool) -> None:
    shown = {key: row[key] for key in ("timestamp", "logStreamName", "message")}
    text = json.dumps(shown) if as_json else str(row["message"])
    click.echo(text, nl=not text.endswith("\n"))


def _events(port: int, name: str, group: str, begin: int, follow: bool, pattern: str) -> list[dict[str, Any]]:
    search = {"logGroupName": group, "startTime": begin, "filterPattern": pattern}
    try:
        pages = client(port, "logs").get_paginator("filter_log_events").paginate(**search)
        return [row for page in pages for row in page["events"]]
    except Exception as error:
        problem = problem_of(error, port)
        if not problem.message.startswith("ResourceNotFoundException"):
            raise problem from None
    if follow:
        return []
    raise _no_log(port, name, group)


def _rows(port: int, name: str, group: str, begin: int, query: str) -> list[dict[str, str]]:
    """A query's rows, field by field, without the pointers."""
    search = {"logGroupName": group, "startTime": begin // 1000, "endTime": LAST_SECOND, "queryString": query}
    try:
        started = aws(port, "logs", "start_query", **search)
    except UsageError as problem:
        if problem.message.startswith("ResourceNotFoundException"):
            raise _no_log(port, name, group) from None
        raise
    found = aws(port, "logs", "get_query_results", queryId=started["queryId"])["results"]
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in found]


def _say_rows(rows: list[dict[str, str]], as_json: bool) -> None:
    """One line each: an object, or values between tabs under a line of their names."""
    if as_json:
        for row in rows:
            click.echo(json.dumps(row))
        return
    columns = list(dict.fromkeys(field for row in rows for field in row))
    if columns:
        click.echo("\t".join(columns))
    for row in rows:
        click.echo("\t".join(row.get(column, "").rstrip("\n") for column in columns))


def _no_log(port: int, name: str, group: str) -> UsageError:
    return UsageError(
        f"{group} has no log yet: {name!r} does not exist, or nothing has run",
        f"lambdarig invoke {name} --port {port}; lambdarig status lists the functions",
    )
