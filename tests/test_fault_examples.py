"""The scenarios that docs/faults.md shows, on real engines."""

import pytest
from faults_page import EXAMPLES

from emulator import catalogue
from emulator.files import ScenarioFile, load
from emulator.scenario import run_scenario


def test_every_fault_has_one():
    assert {path.stem for path in EXAMPLES.glob("*.yaml")} == set(catalogue.faults())


@pytest.mark.parametrize("name", catalogue.faults())
def test_an_example_does_what_it_says_and_its_fault_strikes(name, real_engine):
    file = EXAMPLES / f"{name}.yaml"
    scenario = load(file, ScenarioFile)
    assert [rule["fault"] for rule in scenario.faults] == [name]
    result = run_scenario(scenario, file, engine=real_engine)
    assert result["problems"] == []
    assert all(result["struck"].values())
