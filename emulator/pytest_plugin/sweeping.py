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
SILENT_S = 10.0  # for so long at most it says nothing, without -v too


def pytest_addoption(parser: pytest.Parser) -> None:
    about = "run each test that uses a rig with so many seeds, from --rig-seed on, until one fails; then by fewer rules"
    parser.getgroup("lambdarig").addoption("--rig-seeds", type=int, metavar="N", help=about)


def pytest_configure(config: pytest.Config) -> None:
    seeds = config.getoption("rig_seeds")
    if seeds is not None and seeds < 1:
        raise pytest.UsageError(f"--rig-seeds: must be 1 or more, not {seeds}")
    if seeds and config.getoption("rig_keep"):
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
        from emulator.clock import Clock

        first = choices.seed(item.config)
        self._first = getattr(getattr(item, "scenario", None), "seed", 0) if first is None else first
        self._seeds = range(self._first, self._first + item.config.getoption("rig_seeds"))
        self._without = choices.without(item.config)
        self._clock = Clock()
        self._told_at = self._clock.monotonic()

    def reports(self) -> list[pytest.TestReport]:
        """Those of the last trial, which is the smallest that fails, or the last seed where none does."""
        for seed in self._seeds:
            last = seed == self._seeds[-1]
            reports, labels = self._trial(seed, self._without, self._nextitem if last else self._item.parent)
            if failed := _failed_in(reports):
                self._tell(f"seed {seed} fails: which of its rules does it need?", force=bool(labels))
                return self._smallest(seed, failed, labels, reports)
            self._passed(seed)
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

    def _passed(self, seed: int) -> None:
        done = seed - self._first + 1
        if done < len(self._seeds):
            step = max(1, len(self._seeds) // TOLD)
            self._tell(f"seeds {self._first} to {seed} passed", force=done % step == 0)

    def _tell(self, line: str, force: bool) -> None:
        """With -v what is forced; without it what comes after a long silence."""
        config, now = self._item.config, self._clock.monotonic()
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        verbose = config.getoption("verbose")
        if terminal is None or verbose < 0 or not (force if verbose > 0 else now - self._told_at >= SILENT_S):
            return
        self._told_at = now
        terminal.ensure_newline()
        terminal.write_line(f"  {line}")
        terminal.flush()


def _failed_in(reports: list[pytest.TestReport]) -> str:
    """The phase that failed; empty where none did."""
    return next((str(report.when) for report in reports if report.failed), "")


def _with(reports: list[pytest.TestReport], told: str) -> list[pytest.TestReport]:
    for report in reports:
        if report.failed:
            report.sections.append(("lambdarig seeds", told))
    return reports
