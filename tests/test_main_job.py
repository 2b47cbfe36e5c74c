"""The main job and the four faults, on real engines: each passes, and twice with one fingerprint."""

from pathlib import Path

import pytest

from emulator.files import ScenarioFile, load
from emulator.scenario import run_scenario

FOLDER = Path(__file__).parent.parent / "sample_connectors" / "scenarios"
SCENARIOS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_passes_twice_with_one_fingerprint(name, real_engine):
    file = FOLDER / f"{name}.yaml"
    scenario = load(file, ScenarioFile)
    first, second = (run_scenario(scenario, file, engine=real_engine) for _ in range(2))
    assert (first["problems"], second["problems"]) == ([], [])
    assert first["fingerprint"] == second["fingerprint"]


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "main-job"])
def test_without_its_fault_a_scenario_fails(name, real_engine):
    file = FOLDER / f"{name}.yaml"
    scenario = load(file, ScenarioFile)
    for rule in scenario.faults:
        rule["match"] = {**rule.get("match", {}), "function": "somebody-else"}
    assert not run_scenario(scenario, file, engine=real_engine)["passed"]
