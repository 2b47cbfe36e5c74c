"""What the experiments under way do to functions, as rules of the injector.

Of actions that exclude each other at the same function only the one that started first is applied; the others take
effect when it has ended, and end when they would have (FIS user guide, understanding concurrency).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from emulator import catalogue
from emulator.aws.services.fis.experiment import Action, Experiment
from emulator.aws.services.fis.targets import FUNCTION_ARN
from emulator.fault import Rule
from emulator.injector import Armed, Injector
from emulator.scope import Match, When


@dataclass(frozen=True)
class Window:
    """An action at one function. begin, end: rig seconds. excludes: see `Kind`."""

    label: str
    action: Action
    arn: str
    name: str
    qualifier: str
    begin: float
    end: float

    def clashes(self, other: Window) -> bool:
        """Whether at some invocations only one of them may be applied."""
        if self.name != other.name or self.action.kind.excludes != other.action.kind.excludes:
            return False
        return self.qualifier == other.qualifier or not self.qualifier or not other.qualifier


class Injection:
    """Keeps the injector's rules as the experiments want them."""

    def __init__(self, injector: Injector) -> None:
        self._injector = injector
        self._armed: dict[str, tuple[float, float, Armed]] = {}

    def arrange(self, experiments: Iterable[Experiment]) -> None:
        """Arm all that is missing, together, and disarm what is not wanted any more."""
        now = self._injector.clock.now()
        wanted = {w.label: (w, begin) for w, begin in effective(list(windows(experiments))) if now < w.end}
        gone = {
            label: armed for label, (begin, end, armed) in self._armed.items()
            if label not in wanted or (wanted[label][1], wanted[label][0].end) != (begin, end)
        }
        self._injector.disarm(gone.values())
        self._armed = {label: kept for label, kept in self._armed.items() if label not in gone}
        new = [(window, begin) for label, (window, begin) in wanted.items() if label not in self._armed]
        added = self._injector.arm([_rule(window, begin - now, window.end - now) for window, begin in new])
        for (window, begin), armed in zip(new, added, strict=True):
            self._armed[window.label] = begin, window.end, armed

    def clear(self) -> None:
        """Disarm everything."""
        self.arrange(())


def windows(experiments: Iterable[Experiment]) -> Iterable[Window]:
    for experiment in experiments:
        for action, arn, begin, end in experiment.windows():
            found = FUNCTION_ARN.fullmatch(arn)
            name, qualifier = (found[1], found[2] or "") if found else ("", "")
            place = f"{name}:{qualifier}" if qualifier else name
            label = f"fis:{experiment.id}:{quote(action.name, safe='')}:{place}"
            yield Window(label, action, arn, name, qualifier, begin, end)


def effective(found: list[Window]) -> Iterable[tuple[Window, float]]:
    """Those that have an effect, with the moment from which they do."""
    ordered = sorted(found, key=lambda window: window.begin)
    for number, window in enumerate(ordered):
        begin = window.begin
        for earlier in ordered[:number]:
            if window.clashes(earlier) and earlier.end > begin:
                begin = earlier.end
        if begin < window.end:
            yield window, begin


def _rule(window: Window, begin: float, end: float) -> Rule:
    """begin, end: from now. Optional: FIS does not mind an experiment that struck nothing."""
    kind, given = window.action.kind, window.action.given["parameters"]
    fault = catalogue.one(kind.fault)(**kind.settings(given))
    when = When(between=(max(0.0, begin), end), probability=kind.probability(given))
    match = Match(function=window.name, resource=window.arn if window.qualifier else None)
    return Rule(fault, match, when, window.label, optional=True)
