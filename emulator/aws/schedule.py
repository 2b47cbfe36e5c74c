"""EventBridge rules with a schedule, by the rig's clock: each due time once, in order, as events to their targets.

moto keeps rules and targets; nothing of it fires by time. With a clock that is moved by hand, `advance` runs what is
due on its way, each function to its end; with one that runs, a thread does. EventBridge Scheduler is another service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from emulator.aws.schedule_expression import following
from emulator.aws.targets import Targets
from emulator.clock import Clock
from emulator.functions.service import stable_uuid
from emulator.timetable import Timetable


@dataclass(frozen=True)
class Rule:
    """An enabled rule with a schedule. targets: as PutTargets gave them."""

    name: str
    arn: str
    expression: str
    targets: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class _Expression:
    """A rate counts from when its rule was made, enabled, or got another expression; cron is UTC, both in rig time."""

    text: str

    def first(self, now: float) -> float | None:
        return self.after(now)

    def after(self, moment: float) -> float | None:
        return following(self.text)(moment)


class Schedule:
    """rules: those that are enabled now; asked again whenever `look` is called, and when one is due."""

    def __init__(self, rules: Callable[[], Iterable[Rule]], targets: Targets, clock: Clock, seed: int = 0) -> None:
        self._rules, self._targets, self._seed = rules, targets, seed
        self._timetable = Timetable(clock, self._reached, "schedule")

    def look(self) -> None:
        """Rules have changed: those that are new begin now."""
        self._timetable.set({rule.name: _Expression(rule.expression) for rule in self._rules()})

    def due(self) -> float | None:
        """Rig seconds of what comes next."""
        return self._timetable.due()

    def clear(self) -> None:
        """Forget the rules."""
        self._timetable.clear()

    def close(self) -> None:
        self._timetable.close()

    def _reached(self, name: str, at: float, run: int, waits: bool) -> None:
        for rule in (rule for rule in self._rules() if rule.name == name):
            event = scheduled_event(rule, at, stable_uuid(f"{self._seed}/{rule.arn}/{run}"))
            for target in rule.targets:
                self._targets.send(f"events/{name}/run-{run}/{target['Id']}", rule.arn, target, event, waits)


def scheduled_event(rule: Rule, at: float, event_id: str) -> dict[str, Any]:
    """What EventBridge sends at `at`, seconds since the epoch."""
    _, _, _, region, account, _ = rule.arn.split(":", 5)
    return {
        "version": "0",
        "id": event_id,
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": account,
        "time": f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%dT%H:%M:%SZ}",
        "region": region,
        "resources": [rule.arn],
        "detail": {},
    }
