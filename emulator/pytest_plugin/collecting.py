"""Scenario files as tests: those that the command line names, and those that match the ini option `rig_scenarios`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.pytest_plugin import markers, rigs

if TYPE_CHECKING:
    from emulator.files import ScenarioFile

_SCENARIO = re.compile(r"""(?m)(^|[{,\s])["']?scenario["']?\s*:""")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "rig_scenarios",
        "patterns, relative to the root folder, of scenario files to collect where pytest looks for tests",
        type="linelist",
    )


def pytest_configure(config: pytest.Config) -> None:
    """A pattern that cannot match is an error; one that matches nothing is a warning: its scenarios would not run."""
    for pattern in config.getini("rig_scenarios"):
        if Path(pattern).is_absolute():
            raise pytest.UsageError(f"rig_scenarios: {pattern}: must be relative to {config.rootpath}")
        if not hasattr(config, "workerinput") and next(config.rootpath.glob(pattern), None) is None:
            nothing = f"rig_scenarios: {pattern}: there is no such file under {config.rootpath}"
            config.issue_config_time_warning(pytest.PytestConfigWarning(nothing), stacklevel=2)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix not in (".yaml", ".yml"):
        return None
    if _listed(file_path, parent.config) or (parent.session.isinitpath(file_path) and _says_so(file_path)):
        return ScenarioCollector.from_parent(parent, path=file_path)
    return None


def _listed(path: Path, config: pytest.Config) -> bool:
    patterns: list[str] = config.getini("rig_scenarios")
    return any(path in config.rootpath.glob(pattern) for pattern in patterns)


def _says_so(path: Path) -> bool:
    """YAML files are other plugins' too."""
    return _SCENARIO.search(path.read_text(encoding="utf-8", errors="replace")) is not None


class ScenarioCollector(pytest.File):
    """One test a file."""

    def collect(self) -> Iterable[pytest.Item]:
        from emulator.errors import RigError
        from emulator.files import ScenarioFile, load
        from emulator.scenario import check

        try:
            scenario = load(self.path, ScenarioFile)
            check(scenario, self.path)
        except RigError as problem:
            raise self.CollectError(str(problem)) from None
        item = ScenarioItem.from_parent(self, name=scenario.scenario)
        item.scenario = scenario
        item.add_marker(pytest.mark.scenario(self.path))
        yield item


class ScenarioFailed(Exception):
    """What did not hold, a line each."""


class ScenarioItem(pytest.Item):
    """Runs its steps on a rig with the settings of the file."""

    scenario: ScenarioFile

    def setup(self) -> None:
        settings, own = markers.settings_of(self.config, self.scenario)
        rigs.enter(self, settings, own)

    def runtest(self) -> None:
        from emulator.scenario import run_on

        rig = self.stash[rigs.USE].rig.rig
        try:
            result = run_on(rig, self.scenario, self.path, print)
        finally:
            rig.injector.disarm()
        if not result["passed"]:
            raise ScenarioFailed("\n".join(result["problems"]))

    def teardown(self) -> None:
        rigs.leave(self)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from emulator.errors import RigError

        if isinstance(excinfo.value, ScenarioFailed | RigError):
            return f"scenario {self.scenario.scenario}:\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"scenario {self.name}"
