"""Runs the main job and the four faults, each on a rig of its own, and prints a table of what was reproduced.

    python sample_connectors/demo.py [--engine docker|process|auto]

Exit status: 0 when everything was reproduced, 1 when something was not, 3 when the rig failed.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from emulator.clock import Clock
from emulator.errors import RigError
from emulator.files import ScenarioFile, load
from emulator.scenario import check, run_scenario

SCENARIOS = ("main-job", "secret-not-visible", "secret-denied", "cold-start", "open-database-socket")
FOLDER = Path(__file__).parent / "scenarios"


@click.command()
@click.option("--engine", default="auto", help="docker, process or auto.")
def demo(engine: str) -> None:
    """Run everything; see the module's text."""
    console, clock, failed = Console(width=max(110, Console().width)), Clock(), False
    columns = ("scenario", "steps", "faults that struck", "verdict", "seconds", "fingerprint")
    table = Table(*columns, title="what was reproduced")
    for name in SCENARIOS:
        file = FOLDER / f"{name}.yaml"
        scenario = load(file, ScenarioFile)
        check(scenario, file)
        console.print(f"[bold]{name}[/]: {scenario.about.strip()}", highlight=False)
        begin = clock.monotonic()
        result = run_scenario(scenario, file, engine=engine, say=lambda text: print("   ", text, flush=True))
        table.add_row(*_row(result, clock.monotonic() - begin))
        for problem in result["problems"]:
            console.print(f"    [red]{problem}[/]", highlight=False)
        failed = failed or not result["passed"]
    console.print(table)
    sys.exit(1 if failed else 0)


def _row(result: dict[str, Any], seconds: float) -> tuple[str, ...]:
    passed = sum(step["passed"] for step in result["steps"])
    struck = ", ".join(f"{name} ({times})" for name, times in result["struck"].items()) or "none armed"
    verdict = "reproduced" if result["passed"] else "FAILED"
    return (result["scenario"], f"{passed}/{len(result['steps'])}", struck, verdict, f"{seconds:.1f}",
            result["fingerprint"][:12])


if __name__ == "__main__":
    try:
        demo()
    except RigError as error:
        print(f"demo: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
