"""One experiment: which action runs when, and what state that makes at any moment. No I/O, no clock of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.services.fis.actions import KINDS, Kind

WORDS = {
    "initiating": "Experiment is initiating.",
    "running": "Experiment is running.",
    "completed": "Experiment completed.",
    "stopping": "Stopping Experiment.",
    "stopped": "Experiment stopped.",
}
ACTION_WORDS = {
    "pending": "Initial state",
    "running": "Action is running.",
    "completed": "Action was completed.",
    "stopped": "Action was stopped.",
    "cancelled": "Action was cancelled.",
    "skipped": "Action was skipped.",
}


@dataclass(frozen=True)
class Action:
    """An action of an experiment. functions: ARNs that it strikes. begin, end: rig seconds. skipped: it has no
    function to strike, or nothing is to be struck."""

    name: str
    kind: Kind
    given: Mapping[str, Any]
    functions: tuple[str, ...]
    begin: float
    end: float
    skipped: bool = False

    def state(self, moment: float, stopped: float = math.inf) -> str:
        """A word of the API's ExperimentActionStatus."""
        if self.skipped:
            return "skipped"
        if self.end <= min(moment, stopped):
            return "completed"
        if stopped <= moment:
            return "stopped" if self.begin < stopped else "cancelled"
        return "running" if self.begin <= moment else "pending"


@dataclass
class Experiment:
    """given: of the template as it was. targets: name -> the ARNs that it was resolved to. stopped: rig seconds, when
    somebody stopped it. failure: why it never ran."""

    id: str
    arn: str
    template_id: str
    given: Mapping[str, Any]
    mode: str
    began: float
    targets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    stopped: float = math.inf
    failure: str = ""

    @property
    def end(self) -> float:
        """Rig seconds of its last moment."""
        return min(self.stopped, max((action.end for action in self.actions), default=self.began))

    def state(self, moment: float) -> str:
        """A word of the API's ExperimentStatus."""
        if self.failure:
            return "failed"
        if moment < self.end:
            return "running"
        return "stopped" if self.stopped < math.inf else "completed"

    def active(self, moment: float) -> bool:
        return self.state(moment) == "running"

    def windows(self) -> Iterator[tuple[Action, str, float, float]]:
        """(action, function ARN, from, to) of everything that it does to functions."""
        for action in self.actions:
            end = min(action.end, self.stopped)
            if action.kind.fault and action.begin < end:
                yield from ((action, function, action.begin, end) for function in action.functions)


def planned(
    began: float, given: Mapping[str, Mapping[str, Any]], resolved: Mapping[str, tuple[str, ...]], skip: bool = False
) -> tuple[Action, ...]:
    """Every action with its time: those it starts after must have ended. resolved: target -> ARNs. skip: none runs."""
    done: dict[str, Action] = {}

    def plan(name: str) -> Action:
        if name not in done:
            wanted, kind = given[name], KINDS[given[name]["actionId"]]
            begin = max((plan(one).end for one in wanted.get("startAfter") or ()), default=began)
            functions = tuple(arn for target in (wanted.get("targets") or {}).values() for arn in resolved[target])
            skipped = skip or bool(kind.targets and not functions)
            end = begin if skipped else begin + kind.seconds(wanted["parameters"])
            done[name] = Action(name, kind, wanted, functions, begin, end, skipped)
        return done[name]

    return tuple(plan(name) for name in given)
