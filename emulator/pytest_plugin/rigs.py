"""The rigs of one run of pytest (of one worker, under xdist), and how a test comes to one and leaves it."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from emulator.pytest_plugin import leaks, report
from emulator.pytest_plugin.verbs import PytestRig

if TYPE_CHECKING:
    from emulator.fault import Rule
    from emulator.injector import Armed
    from emulator.settings import Settings


@dataclass
class Use:
    """A test's use of a rig. rules: armed for the test's call. own: the rig is closed after the test. threads: those
    that were there before. said: what the report says, once the rig has forgotten it. failed: so far."""

    rig: PytestRig
    own: bool
    threads: set[threading.Thread]
    rules: list[Rule] = field(default_factory=list)
    said: str = ""
    failed: bool = False


class Rigs:
    """Every rig that is up: one for each set of settings, shared by tests, and those that are a test's own."""

    def __init__(self) -> None:
        self._shared: dict[Settings, PytestRig] = {}
        self._others: list[PytestRig] = []
        self.made: list[PytestRig] = []  # by `make_rig`
        self.kept: PytestRig | None = None
        self.stop = threading.Event()  # `lambdarig down` of a rig that is kept

    def shared(self, settings: Settings) -> PytestRig:
        """The rig with these settings, started with the first test that wants it."""
        if settings not in self._shared:
            self._shared[settings] = self._started(settings)
        return self._shared[settings]

    def another(self, settings: Settings) -> PytestRig:
        """A rig beside all others, up until `close` or the end of the run."""
        self._others.append(self._started(settings))
        return self._others[-1]

    def _started(self, settings: Settings) -> PytestRig:
        from emulator.control_door import ControlDoor
        from emulator.rig import Rig

        rig = Rig(settings)
        try:
            rig.start(ControlDoor(rig, self.stop.set))
        except BaseException:
            rig.close()
            raise
        return PytestRig(rig)

    def close(self, rig: PytestRig) -> None:
        """Stop this one, which is nobody's any more."""
        self._others = [other for other in self._others if other is not rig]
        self._shared = {settings: other for settings, other in self._shared.items() if other is not rig}
        rig.rig.close()

    def close_all(self) -> None:
        """But for the one that is kept."""
        with ExitStack() as stack:
            for rig in (*self._shared.values(), *self._others):
                if rig is not self.kept:
                    stack.callback(self.close, rig)


RIGS = pytest.StashKey[Rigs]()
USE = pytest.StashKey[Use]()


def enter(item: pytest.Item, settings: Settings, own: bool = False) -> Use:
    """Give the test a rig with nothing in it. own: one that nobody else uses."""
    if USE in item.stash:  # it is run once more
        del item.stash[USE]
    rigs = item.config.stash[RIGS]
    rig = rigs.another(settings) if own else rigs.shared(settings)  # as new, or reset when the test before left it
    use = item.stash[USE] = Use(rig, own, set(threading.enumerate()))
    return use


def leave(item: pytest.Item) -> None:
    """Take back the rig. A rule left armed or that never struck, and what the test left running, fail the test."""
    if USE not in item.stash:
        return
    use, rigs = item.stash[USE], item.config.stash[RIGS]
    use.said = report.about(item, use.rig)
    if use.failed and item.config.getoption("rig_keep"):
        rigs.kept = use.rig
        item.session.shouldfail = f"--rig-keep: the rig of {item.nodeid} is kept"
        return
    injector = use.rig.injector
    problems = [*never_struck(injector.armed(), use.rig), *_left_armed(injector.armed())]
    injector.disarm()
    if use.own:
        rigs.close(use.rig)
    else:
        use.rig.made = {}
        use.rig.rig.reset()
        problems += leaks.sandboxes(use.rig)
    problems += leaks.threads(use.threads)
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def never_struck(rules: Iterable[Armed], rig: PytestRig) -> list[str]:
    """Rules that had to strike and did not, by name, and below that why."""
    from emulator.missed import why

    reasons = {one.rule.label: why(one, rig.timeline) for one in rules if one.missed}
    if not reasons:
        return []
    head = f"rules that never struck: {', '.join(reasons)}"
    return [head, *(f"  {label}: {reason}" for label, reason in reasons.items())]


def _left_armed(rules: Iterable[Armed]) -> list[str]:
    labels = [one.rule.label for one in rules]
    how = "arm them with `with rig.fault(...)` or the marker `fault`, which heal them"
    return [f"rules left armed: {', '.join(labels)} ({how})"] if labels else []
