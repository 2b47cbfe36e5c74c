"""`invoke`: a function of a rig that runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from emulator.cli.asking import aws
from emulator.cli.common import as_json, note, say, which_port
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


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")
