"""A scenario file -> rules, steps and expectations -> a verdict."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator import building, catalogue
from emulator.errors import FileProblem, RigError
from emulator.expectations import check_expectations, judged, shown
from emulator.files import GuideScenario, ScenarioFile, Step
from emulator.injector import Armed
from emulator.missed import why
from emulator.rig import Rig
from emulator.scenario_check import check, name_of
from emulator.settings import Settings
from emulator.steps import Steps

__all__ = ["check", "run_on", "run_scenario"]
Say = Callable[[str], None]


def run_scenario(
    scenario: ScenarioFile,
    file: Path,
    *,
    engine: str | None = None,
    seed: int | None = None,
    without: tuple[str, ...] = (),
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Run it on a rig of its own. Gives scenario, passed, problems, steps, struck, fingerprint, seed, engine and
    the command that replays it; of a guide's scenario also whether it was reproduced, and whether the fix helped."""
    check(scenario, file)
    settings = Settings(
        engine=engine or scenario.engine,
        seed=scenario.seed if seed is None else seed,
        texts=scenario.texts,
        manual_clock=scenario.clock == "manual",
        iam=scenario.iam,
        without=without,
    )
    with Rig(settings) as rig:
        return run_on(rig, scenario, file, say)


def run_on(rig: Rig, scenario: ScenarioFile, file: Path, say: Say = lambda _: None) -> dict[str, Any]:
    """The same on a rig with nothing in it, whose settings the scenario's have become. Its rules stay armed."""
    rules = check(scenario, file)
    made = building.build_rig(rig, scenario, file, say)
    rig.injector.arm(rules)
    return _Run(rig, scenario, file, made).all(say)


class _Run:
    """One run of a scenario on a rig that is built."""

    def __init__(self, rig: Rig, scenario: ScenarioFile, file: Path, made: dict[str, Any]) -> None:
        self._rig, self._scenario, self._file = rig, scenario, file
        self._made = {**made, "steps": {}}
        self._steps = Steps(rig, file, self._made)
        self._problems: list[str] = []
        self._struck: dict[str, int] = {}

    def all(self, say: Say) -> dict[str, Any]:
        """A guide's scenario is fixed by its second part, which is not tried where the first went wrong."""
        fix = self._scenario.fix if isinstance(self._scenario, GuideScenario) else []
        steps = self._part(self._scenario.steps, 0, say)
        if not fix:
            self._count_strikes()
            return self._result(steps)
        reproduced = not self._problems
        steps += self._part(fix, len(steps), say) if reproduced else []
        fixed = reproduced and not self._problems
        self._count_strikes()
        return self._result(steps) | {"reproduced": reproduced, "fixed": fixed}

    def _part(self, steps: list[Step], first: int, say: Say) -> list[dict[str, Any]]:
        done = []
        for number, step in enumerate(steps, first):
            name = name_of(step, number)
            before = len(self._problems)
            for _ in range(step.repeat):
                self._step(step, name)
            passed = len(self._problems) == before
            done.append({"name": name, "passed": passed, "result": self._made["steps"].get(name)})
            say(f"{'ok    ' if passed else 'FAILED'} {self._scenario.scenario}: {name}")
            for line in shown(step, self._made["steps"][name]):
                say(f"       {line}")
        return done

    def _count_strikes(self) -> None:
        for armed in self._rig.injector.armed():
            self._note_strikes(armed)

    def _result(self, steps: list[dict[str, Any]]) -> dict[str, Any]:
        settings = self._rig.settings
        options = ("--engine", self._rig.engine.name, "--seed", str(settings.seed))
        return {
            "scenario": self._scenario.scenario,
            "passed": not self._problems,
            "problems": self._problems,
            "steps": steps,
            "struck": self._struck,
            "fingerprint": self._rig.timeline.fingerprint(),
            "seed": settings.seed,
            "engine": self._rig.engine.name,
            "replay": shlex.join(("lambdarig", "run", str(self._file), *options)),
        }

    def _note_strikes(self, armed: Armed) -> None:
        label = armed.rule.label
        self._struck[label] = self._struck.get(label, 0) + armed.strikes
        if armed.missed:
            self._problems.append(f"the rule {label!r} never struck: {why(armed, self._rig.timeline)}")

    def _step(self, step: Step, name: str) -> None:
        try:
            result = self._do(step)
        except FileProblem:
            raise
        except RigError as error:
            error.message = f"{self._file}: {name}: {error.message}"
            raise
        self._made["steps"][name] = result
        wanted = step.model_copy(update={"expect": self._steps.filled(step.expect)})
        check_expectations(wanted.expect, self._file, f"{name}.expect")  # again, with what references led to
        self._problems += [f"{name}: {problem}" for problem in judged(wanted, result)]

    def _do(self, step: Step) -> dict[str, Any]:
        if step.invoke is not None:
            return self._steps.invoke(step.invoke)
        if step.aws is not None:
            return self._steps.aws(step.aws)
        if step.http is not None:
            return self._steps.http(step.http)
        if step.arm is not None:
            self._rig.injector.arm([catalogue.rule(self._steps.filled(step.arm), str(self._file))])
        elif step.disarm is not None:
            self._disarm(step.disarm)
        elif step.settle is not None:
            self._rig.settle(step.settle)
        else:
            self._rig.clock.advance(step.advance or 0.0)
        return {}

    def _disarm(self, label: str) -> None:
        gone = [armed for armed in self._rig.injector.armed() if armed.rule.label == label]
        self._rig.injector.disarm(gone)
        for armed in gone:
            self._note_strikes(armed)
