"""What the README and the docs show is what runs."""

import re
from pathlib import Path

import pytest
import yaml

from emulator.files import ScenarioFile, load
from emulator.scenario import run_scenario

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_pytest_example_is_the_one_that_runs():
    example = (ROOT / "tests" / "examples" / "test_denied_secret.py").read_text()
    assert example in blocks(README, "python")
    assert len(example[example.index("def test_") :].splitlines()) <= 5


def test_the_scenario_runs(tmp_path):
    (scenario,) = (text for text in blocks(README, "yaml") if text.startswith("scenario:"))
    (tmp_path / "connector").mkdir()
    (tmp_path / "connector" / "handler.py").write_text((ROOT / "tests" / "examples" / "handler.py").read_text())
    file = tmp_path / "secret-not-visible.yaml"
    file.write_text(scenario)
    result = run_scenario(load(file, ScenarioFile), file, engine="process")
    assert result["problems"] == []


def test_the_test_on_the_page_about_testing_passes(pytester):
    (text,) = blocks((ROOT / "docs" / "testing.md").read_text(), "python")
    pytester.makepyfile(text)
    pytester.mkdir("connector").joinpath("handler.py").write_text((ROOT / "tests/examples/handler.py").read_text())
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "--rig-engine", "process").assert_outcomes(passed=1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_yaml_on_the_pages_is_yaml(page):
    for text in blocks(page.read_text(), "yaml"):
        yaml.safe_load(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
