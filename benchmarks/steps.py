"""Where a warm invocation's time goes: every step's own time, in a rig that is instrumented for it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import stepped
from rigs import RigProcess, announced, stop, write_code
from samples import Row, row, timed


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    turns = 150 if quick else 1500
    with _instrumented(engine, runtime) as rig:
        path, raw = rig.add_api(rig.add_function()), rig.connection()
        rows = []
        for what, ask in (("lambda.invoke", raw.invoke), ("GET", lambda: raw.get(path))):
            for _ in range(50):
                ask()
            _take(rig)
            whole = [timed(ask) for _ in range(turns)]
            rows += _rows(f"{engine}, {what}", whole, _take(rig))
        return rows


def _rows(what: str, whole: list[float], steps: dict[str, list[float]]) -> list[Row]:
    found = [row(f"{what}: {words}", steps[step]) for step, words, *_ in stepped.STEPS if step in steps]
    total = row(f"{what}: the client's whole time, with instruments", whole)
    rest = total.median - sum(each.median for each in found)
    return [total, *found, row(f"{what}: HTTP (client, sockets, server): the rest", [rest])]


def _take(rig: RigProcess) -> dict[str, list[float]]:
    assert rig.process.stdin is not None
    assert rig.process.stdout is not None
    rig.process.stdin.write(b"\n")
    rig.process.stdin.flush()
    return dict(json.loads(rig.process.stdout.readline()))


@contextlib.contextmanager
def _instrumented(engine: str, runtime: str) -> Iterator[RigProcess]:
    with tempfile.TemporaryDirectory(prefix="lambdarig-bench-") as folder:
        code = write_code(Path(folder))
        process = subprocess.Popen(
            [sys.executable, stepped.__file__, engine], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        try:
            yield RigProcess(process, announced(process), runtime, code)
        finally:
            assert process.stdin is not None
            process.stdin.close()  # the end of its input ends it
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            stop(process)
