"""`--rig-seeds N`: a test that uses a rig is run with one seed after the other until it fails, and then with fewer and
fewer of its rules, until none can be spared: what is reported is that last run.

Each trial is the whole protocol of the test, its fixtures included, on a rig of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from emulator.pytest_plugin import choices
from emulator.pytest_plugin.rigs import RIGS, USE

TOLD = 10  # how often a long sweep says how far it is, with -v


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "run each test that uses a rig with so many seeds, from --rig-seed on, until one fails; then by fewer rules"
    parser.getgroup("lambdarig").addoption("--rig-seeds", type=int, default=0, metavar="N", help=about)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("rig_seeds") < 0:
        raise pytest.UsageError(f"--rig-seeds: must be 1 or more, not {config.getoption('rig_seeds')}")
    if config.getoption("rig_seeds") and config.getoption("rig_keep"):
        raise pytest.UsageError("--rig-keep: keeps one rig, --rig-seeds makes many: replay the seed that failed")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if not item.config.getoption("rig_seeds") or not _uses_a_rig(item):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    for report in Sweep(item, nextitem).reports():
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def _uses_a_rig(item: pytest.Item) -> bool:
    """A test function with the fixture, or a scenario file."""
    return "rig" in getattr(item, "fixturenames", ()) or hasattr(item, "scenario")


class Sweep:
    """Every seed of one test."""

    def __init__(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        self._item, self._nextitem = item, nextitem
        first = choices.seed(item.config)
        self._first = getattr(getattr(item, "scenario", None), "seed", 0) if first is None else first
        self._seeds = range(self._first, self._first + item.config.getoption("rig_seeds"))
        self._without = choices.without(item.config)

    def reports(self) -> list[pytest.TestReport]:
        """Those of the last trial, which is the smallest that fails, or the last seed where none does."""
        for seed in self._seeds:
            last = seed == self._seeds[-1]
            reports, labels = self._trial(seed, self._without, self._nextitem if last else self._item.parent)
            if failed := _failed_in(reports):
                return self._smallest(seed, failed, labels, reports)
            self._tell(seed)
        return reports

    def _trial(
        self, seed: int, without: Sequence[str], nextitem: Any
    ) -> tuple[list[pytest.TestReport], list[str]]:
        """nextitem: where the test's parent is that, what tests share stays up."""
        config, stash = self._item.config, self._item.stash
        config.stash[choices.TRIAL] = choices.Trial(seed, tuple(without))
        if USE in stash:
            del stash[USE]
        try:
            reports = runtestprotocol(self._item, nextitem=nextitem, log=False)
        finally:
            del config.stash[choices.TRIAL]
        use = stash.get(USE, None)
        if use is None:
            return reports, []
        labels = list(use.rig.injector.labels)
        config.stash[RIGS].close(use.rig)
        return reports, [label for label in labels if label not in without]

    def _smallest(
        self, seed: int, failed: str, labels: list[str], first: list[pytest.TestReport]
    ) -> list[pytest.TestReport]:
        """Spare one rule after the other as long as the test still fails in the same phase, until none can be."""
        without, needed = list(self._without), list(labels)
        again = True
        while again:
            again = False
            for label in list(needed):
                reports, _ = self._trial(seed, [*without, label], self._item.parent)
                if _failed_in(reports) == failed:
                    without, needed, again = [*without, label], [one for one in needed if one != label], True
        reports, _ = self._trial(seed, without, self._nextitem)
        if _failed_in(reports) != failed:
            return _with(first, f"seed {seed} failed once and not again: the test is not the same every time")
        return _with(reports, self._told(seed, labels, needed))

    def _told(self, seed: int, labels: list[str], needed: list[str]) -> str:
        passed = f"seeds {self._first} to {seed - 1} passed, seed {seed} is the first that fails"
        head = passed if seed > self._first else f"seed {seed}, the first, fails"
        if not labels:
            return f"{head}; no rule was armed"
        if not needed:
            return f"{head}; it fails without any of the rules {', '.join(labels)}"
        return f"{head}; of the rules {', '.join(labels)} it needs {', '.join(needed)}"

    def _tell(self, seed: int) -> None:
        config, done = self._item.config, seed - self._first + 1
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        step = max(1, len(self._seeds) // TOLD)
        if terminal is not None and config.getoption("verbose") > 0 and done % step == 0 and done < len(self._seeds):
            terminal.write_line(f"  seeds {self._first} to {seed} passed")


def _failed_in(reports: list[pytest.TestReport]) -> str:
    """The phase that failed; empty where none did."""
    return next((str(report.when) for report in reports if report.failed), "")


def _with(reports: list[pytest.TestReport], told: str) -> list[pytest.TestReport]:
    for report in reports:
        if report.failed:
            report.sections.append(("lambdarig seeds", told))
    return reports
