"""`invoke` and `logs`: of the functions of a rig that runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from emulator.cli.asking import aws, problem_of
from emulator.cli.common import as_json, client, note, say, which_port
from emulator.errors import UsageError, Verdict


@click.command()
@click.argument("name")
@click.option("-e", "--event", "event", type=click.Path(path_type=Path, allow_dash=True), help="JSON file; - is stdin.")
@click.option("--payload", help="JSON text, instead of a file.")
@click.option("--qualifier", default=None, help="Version or alias.")
@which_port
@as_json
def invoke(name: str, event: Path | None, payload: str | None, qualifier: str | None, port: int, as_json: bool) -> None:
    """Invoke a function and print what it answers; its log goes to stderr. Exit 1 when the function failed."""
    import base64

    answer = aws(
        port,
        "lambda",
        "invoke",
        FunctionName=name,
        Payload=_event(event, payload),
        LogType="Tail",
        **({"Qualifier": qualifier} if qualifier else {}),
    )
    body = answer["Payload"].read()
    log = base64.b64decode(answer.get("LogResult", "")).decode(errors="replace")
    failed = answer.get("FunctionError", "")
    result = {"status": answer["StatusCode"], "function_error": failed or None, "payload": _parsed(body), "log": log}
    if log:
        note(log.rstrip())
    say(result, body.decode(errors="replace"), as_json)
    if failed:
        raise Verdict(f"{name} failed ({failed})")


def _event(event: Path | None, payload: str | None) -> bytes:
    if event is not None and payload is not None:
        raise UsageError("give --event or --payload, not both")
    if payload is not None:
        body, where = payload.encode(errors="surrogateescape"), "--payload"
    elif event is None:
        return b"{}"
    elif str(event) == "-":
        body, where = sys.stdin.buffer.read(), "stdin"
    else:
        try:
            body, where = event.read_bytes(), str(event)
        except OSError as error:
            raise UsageError(f"{event}: cannot be read: {error.strerror}") from None
    try:
        json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}: not JSON: {error}") from None
    return body


@click.command()
@click.argument("name")
@click.option("--follow", is_flag=True, help="Go on printing until Ctrl-C.")
@click.option("--since", default=None, type=click.IntRange(min=0), help="Only the last so many seconds.")
@which_port
@as_json
def logs(name: str, follow: bool, since: int | None, port: int, as_json: bool) -> None:
    """Print a function's log (NAME), or any log group (a NAME with a slash)."""
    from emulator.clock import Clock

    clock, group = Clock(), name if "/" in name else f"/aws/lambda/{name}"
    begin = max(0, int((clock.wall() - since) * 1000)) if since is not None else 0
    seen: set[str] = set()
    while True:
        for row in _events(port, name, group, begin, follow):
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


def _events(port: int, name: str, group: str, begin: int, follow: bool) -> list[dict[str, Any]]:
    try:
        pages = client(port, "logs").get_paginator("filter_log_events").paginate(logGroupName=group, startTime=begin)
        return [row for page in pages for row in page["events"]]
    except Exception as error:
        problem = problem_of(error, port)
        if not problem.message.startswith("ResourceNotFoundException"):
            raise problem from None
    if follow:
        return []
    raise UsageError(
        f"{group} has no log yet: {name!r} does not exist, or nothing has run",
        f"lambdarig invoke {name} --port {port}; lambdarig status lists the functions",
    )


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
