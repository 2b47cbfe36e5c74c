"""Every speed and memory figure that the documentation states: `make bench`, or `python benchmarks/run.py`.

Exit codes: 0 all taken, 1 one could not be taken, 2 usage, 3 no engine.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from pathlib import Path

from samples import Row

from emulator.building import python_runtime
from emulator.functions.engines.docker_daemon import unusable

NAMES = (
    "warm_invoke", "warm_get", "cold_start", "start_up", "memory", "throughput", "process_engine", "fault_costs",
    "flow_million", "steps",
)


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    wanted = options.only or list(NAMES)
    engine = os.environ.get("LAMBDARIG_ENGINE", "docker")
    if engine not in ("docker", "process"):
        print(f"benchmarks: LAMBDARIG_ENGINE is {engine!r}: choose docker or process", file=sys.stderr)
        return 2
    if engine == "docker" and (problem := unusable()):
        print(f"benchmarks: {problem}", file=sys.stderr)
        return 3
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # what was started is stopped
    runtime, began, rows, failed = python_runtime(engine), time.monotonic(), {}, False
    for name in wanted:
        print(f"benchmarks: {name} ...", file=sys.stderr, flush=True)
        try:
            rows[name] = importlib.import_module(name).run(engine, runtime, options.quick)
        except Exception as error:
            print(f"benchmarks: {name} failed: {error!r}", file=sys.stderr)
            failed = True
        print(f"benchmarks: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print(f"{machine(engine)}, {time.monotonic() - began:.0f} s{' (quick)' if options.quick else ''}\n")
    print(table([row for name, found in rows.items() if name != "steps" for row in found]))
    if "steps" in rows:
        print(f"\nEach step's own time, without the steps it calls:\n\n{table(rows['steps'])}")
    if options.json:
        document = {"machine": machine(engine), "quick": options.quick,
                    "rows": {name: [row.as_dict() for row in found] for name, found in rows.items()}}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return int(failed)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer samples: under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the rows as JSON, too")
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=NAMES, help=f"some of: {', '.join(NAMES)}")
    return parser.parse_args(arguments)


def machine(engine: str) -> str:
    """What the numbers were taken on."""
    docker = ""
    if engine == "docker":
        asked = ["docker", "version", "--format", "{{.Server.Version}}"]
        docker = f", Docker {subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()}"
    cgroup = 2 if Path("/sys/fs/cgroup/cgroup.controllers").exists() else 1
    return (f"{os.cpu_count()} cores ({platform.machine()}), Linux {platform.release()}, cgroup v{cgroup}, "
            f"Python {platform.python_version()}{docker}; load {os.getloadavg()[0]:.1f} at the end")


def table(rows: list[Row]) -> str:
    """Markdown, as docs/performance.md shows it."""
    lines = ["| what | median | p99 | min - max | n | against |", "|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            f"| {row.what} | {row.median:.2f} {row.unit} | {row.p99:.2f} | {row.least:.2f} - {row.most:.2f} "
            f"| {row.samples} | {row.against} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
