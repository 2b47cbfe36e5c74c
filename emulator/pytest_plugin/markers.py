"""Markers: `fault(name, **params)`, armed for the test's call, and `scenario(path)`, built before the test.

What they say is checked when the test is collected: a mistake is told before anything runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emulator.pytest_plugin import choices, rigs
from emulator.pytest_plugin.verbs import PytestRig

if TYPE_CHECKING:
    from emulator.fault import Rule
    from emulator.files import ScenarioFile

MARKERS = (
    "fault(name, *, match={}, when={}, optional=False, label='', **params): arm this fault while the test runs",
    "scenario(path): build what the scenario file says, beside the test's file, before the test; its steps do not run",
)
WORDS = ("match", "when", "optional", "label")


def pytest_configure(config: pytest.Config) -> None:
    for line in MARKERS:
        config.addinivalue_line("markers", line)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """What a marker says wrong is an error of what was collected."""
    report = yield
    if report.passed:
        items = [item for item in report.result if isinstance(item, pytest.Function)]
        if problems := [problem for item in items for problem in _problems(item)]:
            report.outcome, report.result = "failed", []
            report.longrepr = "\n".join(dict.fromkeys(problems))
    return report


def _marked(item: pytest.Item) -> bool:
    return any(mark.name in ("fault", "scenario") for mark in item.iter_markers())


def _problems(item: pytest.Function) -> Iterator[str]:
    if not _marked(item):
        return
    from emulator.errors import RigError

    if "rig" not in item.fixturenames:
        yield f"{item.nodeid}: the markers `fault` and `scenario` need the fixture `rig`"
    try:
        rules(item)
    except RigError as problem:
        yield f"{item.nodeid}: {problem}"


def rules(item: pytest.Item) -> list[Rule]:
    """Those of the scenario, then those of the markers as they are read, from the module down. Raises UsageError."""
    from emulator import catalogue
    from emulator.errors import UsageError

    path, scenario = scenario_of(item)
    made = catalogue.rules(scenario.faults, path) if scenario is not None else []
    taken = {rule.label for rule in made}
    for mark in reversed(list(item.iter_markers("fault"))):
        rule = _rule(mark)
        if rule.label in taken:
            again = f"a rule named {rule.label!r} is armed already: give this one a `label` of its own"
            raise UsageError(f"marker fault({rule.fault.name!r}): {again}")
        taken.add(rule.label)
        made.append(rule)
    return made


def _rule(mark: pytest.Mark) -> Rule:
    from emulator import catalogue
    from emulator.errors import UsageError

    if len(mark.args) != 1 or not isinstance(mark.args[0], str):
        raise UsageError(f"marker fault: takes the fault's name, and the rest by keyword, not {mark.args!r}")
    name, given = mark.args[0], dict(mark.kwargs)
    written = {word: given.pop(word) for word in WORDS if word in given}
    if "label" in written:
        written["name"] = written.pop("label")
    return catalogue.rule({"fault": name, "with": given, **written}, f"marker fault({name!r})")


def scenario_of(item: pytest.Item) -> tuple[Path, ScenarioFile | None]:
    """The file that the nearest marker names, checked. Raises UsageError."""
    mark = item.get_closest_marker("scenario")
    if mark is None:
        return Path(), None
    from emulator.errors import UsageError
    from emulator.files import ScenarioFile, load
    from emulator.scenario import check

    if len(mark.args) != 1 or mark.kwargs or not isinstance(mark.args[0], str | Path):
        raise UsageError("marker scenario: takes one path")
    path = item.path.parent / mark.args[0]
    scenario = load(path, ScenarioFile)
    check(scenario, path)
    return path, scenario


def settings_of(config: pytest.Config, scenario: ScenarioFile) -> tuple[Any, bool]:
    """The settings that the file asks for, but for what the run chose; and whether its rig is to be nobody else's:
    databases keep what is in them, and SaaS hosts go on answering."""
    settings = choices.settings(
        config,
        engine=choices.engine(config) or scenario.engine,
        seed=scenario.seed if choices.seed(config) is None else choices.seed(config),
        texts=scenario.texts,
        iam=scenario.iam,
        manual_clock=scenario.clock == "manual",
    )
    return settings, bool(scenario.databases or scenario.relays or scenario.upstreams)


def enter(item: pytest.Item) -> PytestRig:
    """The rig that the test's markers ask for."""
    if not _marked(item):
        return rigs.enter(item, choices.settings(item.config)).rig
    path, scenario = scenario_of(item)
    if scenario is None:
        use = rigs.enter(item, choices.settings(item.config))
    else:
        from emulator.building import build_rig

        use = rigs.enter(item, *settings_of(item.config, scenario))
        use.rig.made = build_rig(use.rig.rig, scenario, path, print)
    use.rules = rules(item)
    return use.rig


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """The rules of the test's markers are in force while its own code runs: not while its fixtures come and go."""
    use = item.stash.get(rigs.USE, None)
    if use is None or not use.rules:
        return (yield)
    injector = use.rig.injector
    armed = injector.arm(use.rules)
    try:
        result = yield
    finally:
        injector.disarm(armed)
    if never := rigs.never_struck(armed, use.rig):
        pytest.fail("\n".join(never), pytrace=False)
    return result
