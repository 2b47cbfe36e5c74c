"""`lambdarig run SCENARIO.yaml...`: each on a rig of its own; a verdict each."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from emulator.cli.common import as_json, note, say
from emulator.errors import UsageError, Verdict


@click.command()
@click.argument("scenarios", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--engine", default=None, envvar="LAMBDARIG_ENGINE", help="Instead of the scenario's own.")
@click.option("--seed", default=None, type=int, help="Instead of the scenario's own.")
@click.option("--times", default=1, show_default=True, type=click.IntRange(1, 1000), help="Run each so many times.")
@as_json
def run(scenarios: tuple[Path, ...], engine: str | None, seed: int | None, times: int, as_json: bool) -> None:
    """Run scenario files. Exit 1 when one failed, or when repeated runs differ in fingerprint."""
    from emulator.files import ScenarioFile, load
    from emulator.functions.engines import NAMES
    from emulator.scenario import check, run_scenario

    if engine is not None and engine not in (*NAMES, "auto"):
        raise UsageError.unknown("engine", engine, (*NAMES, "auto"))
    loaded = [(path, load(path, ScenarioFile)) for path in dict.fromkeys(scenarios)]
    for path, scenario in loaded:
        check(scenario, path)  # nothing is started before everything is checked
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: the rig cleans up
    results: list[dict[str, Any]] = []
    for path, scenario in loaded:
        for _ in range(times):
            result = run_scenario(scenario, path, engine=engine, seed=seed, say=note)
            results.append({"file": str(path), **result})
            if times > 1:
                note(_line(result))
    say(results, "\n".join(_line(r) for r in results) if times == 1 else _summary(results), as_json)
    if differing := _differing(results):
        raise Verdict(f"same seed, different fingerprints: {', '.join(differing)}")
    if failed := [r["scenario"] for r in results if not r["passed"]]:
        raise Verdict(f"failed: {', '.join(dict.fromkeys(failed))}")


def _line(result: dict[str, Any]) -> str:
    verdict = "passed" if result["passed"] else "FAILED"
    text = f"{verdict}  {result['scenario']}  {result['engine']}  seed {result['seed']}  {result['fingerprint'][:12]}"
    problems = [f"    {problem}" for problem in result["problems"]]
    replay = [f"    replay it: {result['replay']}"] if problems else []
    return "\n".join([text, *problems, *replay])


def _differing(results: list[dict[str, Any]]) -> list[str]:
    prints: dict[str, set[str]] = {}
    for result in results:
        prints.setdefault(result["file"], set()).add(result["fingerprint"])
    return [name for name, found in prints.items() if len(found) > 1]


def _summary(results: list[dict[str, Any]]) -> str:
    lines = []
    for name in dict.fromkeys(r["file"] for r in results):
        rows = [r for r in results if r["file"] == name]
        passed, prints = sum(r["passed"] for r in rows), {r["fingerprint"] for r in rows}
        lines.append(f"{name}: passed {passed} of {len(rows)}, {len(prints)} fingerprint{'s' * (len(prints) > 1)}")
    return "\n".join(lines)
