"""The same figures for the process engine, which needs no Docker: warm, GET and cold, each beside its own floor."""

from __future__ import annotations

import cold_start
import warm_get
import warm_invoke
from samples import Row

from emulator.building import python_runtime


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    if engine == "process":
        return []  # the whole run was about it
    own = python_runtime("process")
    parts = (warm_invoke, cold_start) if quick else (warm_invoke, warm_get, cold_start)
    rows = [row for part in parts for row in part.run("process", own, quick)]
    return [row for row in rows if not row.what.startswith("HTTP alone")]
