"""16 clients, 16 environments, all on this machine's cores: invocations a second."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from nothing import serving_nothing
from rigs import Failed, RigProcess, rig
from samples import Row, row

CLIENTS, PROCESSES = 16, 4  # a client of CPython has one core at most: four processes of four clients


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    seconds = 1.0 if quick else 6.0
    with rig(engine, runtime) as running, serving_nothing() as nothing:
        path = running.add_api(running.add_function())
        _load(running, 1.0 if quick else 3.0, "invoke")  # the environments start
        rows = [_row("HTTP alone: 16 clients, an application that does nothing", nothing, seconds, "invoke")]
        for what, how in (("lambda.invoke, keep-alive", "invoke"), ("GET, API Gateway, new connection each", path)):
            rows.append(_row(f"{engine} engine: 16 clients, 16 environments, {what}", running, seconds, how))
    return rows


def _row(what: str, running: RigProcess, seconds: float, path: str) -> Row:
    turns = _load(running, seconds, path)
    return row(what, turns, f"{len(turns) / seconds:.0f} a second")


def _load(running: RigProcess, seconds: float, path: str) -> list[float]:
    script = str(Path(__file__).with_name("load.py"))
    command = [sys.executable, script, str(running.port), str(CLIENTS // PROCESSES), str(seconds), path]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(PROCESSES)]
    said = [child.communicate()[0] for child in children]
    if any(child.returncode for child in children):
        raise Failed(f"a client of {path} failed")
    return [turn for text in said for client in json.loads(text) for turn in client]
