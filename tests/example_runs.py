"""Runs the faults' examples with other rules than their own, on rigs that they share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from faults_page import EXAMPLES

from emulator.files import ScenarioFile, load
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.scenario import run_on
from emulator.settings import Settings

PATIENCE_S = 60  # for what takes no time


@dataclass(frozen=True)
class Run:
    """struck: strikes by rule, as the rules counted them. record: what the fingerprint is of. seen: by each step."""

    struck: dict[str, int]
    record: list[tuple[str, ...]]
    seen: list[Any]
    fingerprint: str


class Rigs:
    """A rig on each engine, started when it is wanted, its clock standing still."""

    def __init__(self) -> None:
        self._rigs: dict[str, PytestRig] = {}
        self._stack = ExitStack()

    def on(self, engine: str) -> PytestRig:
        """With nothing in it."""
        if engine not in self._rigs:
            rig = self._stack.enter_context(Rig(Settings(engine=engine, manual_clock=True)))
            self._rigs[engine] = PytestRig(rig)
        self._rigs[engine].reset()
        return self._rigs[engine]

    def close(self) -> None:
        self._stack.close()


@contextmanager
def rigs() -> Iterator[Rigs]:
    made = Rigs()
    try:
        yield made
    finally:
        made.close()


def example(name: str) -> ScenarioFile:
    return load(EXAMPLES / f"{name}.yaml", ScenarioFile)


def engine_of(scenario: ScenarioFile) -> str:
    """The inline engine is the quickest. Its handlers look names up as this process does, and are never frozen."""
    return "process" if scenario.upstreams or scenario.databases else "inline"


def furnished(rig: PytestRig, scenario: ScenarioFile) -> None:
    """Its databases and SaaS hosts stay on the rig for the next example; the scenario refers to them by address. Its
    functions have time enough for a busy machine."""
    for function in scenario.functions.values():
        function.timeout = PATIENCE_S
    if scenario.upstreams is not None:
        rig.upstreams(scenario.upstreams)
        scenario.upstreams = None
    for name in tuple(scenario.databases):
        url = rig.database(name, scenario.databases.pop(name))
        for function in scenario.functions.values():
            for key, value in function.environment.items():
                function.environment[key] = value.replace(f"${{databases.{name}.url}}", url)


def run(rig: PytestRig, name: str, rules: list[dict[str, Any]], after_s: float = 0) -> Run:
    """The example under these rules instead of its own, all the time, so many rig seconds after they were armed."""
    scenario = example(name)
    furnished(rig, scenario)
    scenario.faults = rules
    waiting = type(scenario.steps[0])(advance=after_s)
    scenario.steps = [waiting, *(step for step in scenario.steps if not (step.arm or step.disarm))]
    for step in scenario.steps:
        if step.invoke and isinstance(step.invoke.payload, dict):
            step.invoke.payload.pop("seconds", None)  # nobody would kill it meanwhile
    result = run_on(rig.rig, scenario, EXAMPLES / f"{name}.yaml")
    record = sorted((event.subject, event.point, event.rule, event.outcome) for event in rig.timeline.events())
    return Run(result["struck"], record, [seen(step["result"]) for step in result["steps"]], result["fingerprint"])


def seen(result: dict[str, Any]) -> Any:
    """What does not differ from run to run."""
    runs = [(run["executionStatus"], run["executionResult"]) for run in result.get("flowExecutions", ())]
    return result.get("status"), result.get("function_error"), result.get("error", {}).get("code"), *runs
