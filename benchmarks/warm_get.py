"""Warm GET through an API Gateway REST API with Lambda proxy integration, freezing on."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bare import bare
from rigs import rig, write_code
from samples import Row, interleaved, over, row


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="lambdarig-bench-") as folder,
        bare(engine, write_code(Path(folder)), runtime) as floor,
        rig(engine, runtime) as running,
    ):
        path, raw = running.add_api(running.add_function()), running.connection()
        lanes = {"floor": floor.turn, "new": lambda: raw.get_anew(path), "kept": lambda: raw.get(path)}
        seen = interleaved(lanes, rounds=6 if quick else 60, block=20)
    return [
        row(f"{engine} engine: warm GET, API Gateway, new connection each", seen["new"],
            over(seen["new"], seen["floor"])),
        row(f"{engine} engine: warm GET, API Gateway, keep-alive", seen["kept"], over(seen["kept"], seen["floor"])),
    ]
