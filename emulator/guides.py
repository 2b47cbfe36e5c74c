"""The failures of the two troubleshooting guides: where their scenarios are, and what a run of one comes to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.clock import Clock
from emulator.errors import FileProblem, RigError, UsageError
from emulator.files import GuideScenario, load
from emulator.scenario import check, run_scenario

GUIDES = {"appflow": "AppFlow connector troubleshooting", "api-gateway": "API Gateway and Lambda debugging"}
Say = Callable[[str], None]


def folder() -> Path:
    """`faults/guides`, beside this package in a checkout and where lambdarig is installed."""
    return Path(__file__).parent.parent / "faults" / "guides"


def load_all() -> dict[str, GuideScenario]:
    """Every scenario by name, in the guides' order."""
    loaded = {path.stem: load(path, GuideScenario) for path in sorted(folder().glob("*.yaml"))}
    order = list(GUIDES)
    return dict(sorted(loaded.items(), key=lambda row: (order.index(row[1].guide.name), row[1].guide.item)))


def one(name: str, without: str | None = None) -> GuideScenario:
    """A scenario by name; without: one of its causes, which is then taken away. Raises UsageError, FileProblem."""
    file = folder() / f"{name}.yaml"
    if not file.is_file():
        raise UsageError.unknown("guide failure", name, [path.stem for path in sorted(folder().glob("*.yaml"))])
    scenario = load(file, GuideScenario)
    if without is None:
        return scenario
    if without not in scenario.causes:
        raise UsageError.unknown(f"cause of {name}", without, list(scenario.causes))
    return load(file, GuideScenario, scenario.causes[without])


def reproduce(
    name: str, scenario: GuideScenario, *, engine: str | None = None, say: Say = lambda _: None
) -> dict[str, Any]:
    """Run it once on a rig of its own. Gives name, reproduced, fixed, fingerprint, seconds, engine, problems and steps.

    What the rig or its engine could not do is a problem of this run, not the end of the others.
    """
    clock, file = Clock(), folder() / f"{name}.yaml"
    begin = clock.monotonic()
    try:
        result = run_scenario(scenario, file, engine=engine, say=say)
    except FileProblem:
        raise
    except RigError as error:
        result = {"reproduced": False, "fixed": False, "fingerprint": "", "engine": engine or scenario.engine,
                  "problems": [str(error)], "steps": []}
    kept = ("reproduced", "fixed", "fingerprint", "engine", "problems", "steps")
    row = {"name": name, **{key: result[key] for key in kept}}
    row["seconds"] = round(clock.monotonic() - begin, 3)
    return row


def checked(names: tuple[str, ...], without: str | None = None) -> dict[str, GuideScenario]:
    """The scenarios asked for, read and checked before anything starts."""
    found = {name: one(name, without) for name in dict.fromkeys(names)}
    for name, scenario in found.items():
        check(scenario, folder() / f"{name}.yaml")
    return found
