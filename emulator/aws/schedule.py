"""EventBridge rules with a schedule, by the rig's clock: each due time once, in order, as events to Lambda functions.

moto keeps rules and targets; nothing of it fires by time. With a clock that is moved by hand, `advance` runs what is
due on its way, each function to its end; with one that runs, a thread does. EventBridge Scheduler is another service.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from emulator.aws.schedule_expression import Following, following
from emulator.clock import Clock
from emulator.functions.events import EventQueue
from emulator.functions.registry import LATEST
from emulator.functions.service import Functions, stable_uuid
from emulator.timeline import Timeline

PRINCIPAL = "events.amazonaws.com"
LOG = logging.getLogger(__name__)
MayInvoke = Callable[[str, str, str], bool]  # (function ARN, qualifier, the rule's ARN)


@dataclass(frozen=True)
class Rule:
    """An enabled rule with a schedule. targets: as PutTargets gave them."""

    name: str
    arn: str
    expression: str
    targets: tuple[Mapping[str, Any], ...] = ()


@dataclass
class _Running:
    """A rule's schedule. due: the next moment, in seconds since the epoch."""

    expression: str
    next: Following
    due: float | None
    runs: int = 0


class Schedule:
    """A clock's agenda. rules: those that are enabled now; asked again whenever `look` is called, and when one is due.

    A rate counts from when its rule was made, enabled, or got another expression; cron is UTC, both in rig time.
    """

    def __init__(
        self,
        rules: Callable[[], Iterable[Rule]],
        functions: Functions,
        queue: EventQueue,
        clock: Clock,
        timeline: Timeline,
        may_invoke: MayInvoke,
        seed: int = 0,
    ) -> None:
        self._rules, self._functions, self._queue, self._seed = rules, functions, queue, seed
        self._clock, self._timeline, self._may_invoke = clock, timeline, may_invoke
        self._began = clock.epoch() - clock.now()
        self._running: dict[str, _Running] = {}
        self._lock = threading.Lock()
        self._poke, self._closed = threading.Event(), False
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Rules have changed: those that are new begin now."""
        rules = {rule.name: rule for rule in self._rules()}
        with self._lock:
            for name in [name for name in self._running if name not in rules]:
                del self._running[name]
            for rule in rules.values():
                known = self._running.get(rule.name)
                if known is None or known.expression != rule.expression:
                    begin = following(rule.expression)
                    self._running[rule.name] = _Running(rule.expression, begin, begin(self._began + self._clock.now()))
            self._run_by_itself()
        self._poke.set()
        self._clock.wake()

    def due(self) -> float | None:
        """Rig seconds of what comes next."""
        with self._lock:
            moments = [one.due for one in self._running.values() if one.due is not None]
        return min(moments) - self._began if moments else None

    def act(self, moment: float) -> None:
        """Invoke the targets of the rules that are due, one after another, and see each come to an end."""
        self._fire(moment, self._queue.run)

    def clear(self) -> None:
        """Forget the rules."""
        with self._lock:
            self._running.clear()

    def close(self) -> None:
        self.clear()
        self._closed = True
        self._poke.set()
        self._clock.wake()

    def _run_by_itself(self) -> None:
        if self._running and self._thread is None and not self._clock.manual:
            self._thread = threading.Thread(target=self._mind, name="schedule", daemon=True)
            self._thread.start()

    def _mind(self) -> None:
        while not self._closed:
            self._poke.clear()
            moment = self.due()
            if moment is None:
                self._poke.wait()
            elif self._clock.wait_until(moment, self._poke):
                self._fire(moment, self._queue.submit)

    def _fire(self, moment: float, deliver: Callable[..., None]) -> None:
        rules = {rule.name: rule for rule in self._rules()}
        for name, at, run in self._claim(moment):
            for target in rules[name].targets if name in rules else ():
                self._target(rules[name], target, at, run, deliver)

    def _claim(self, moment: float) -> list[tuple[str, float, int]]:
        """(rule, its due time, how many times it has run), each due time once, whoever asks first."""
        claimed = []
        with self._lock:
            for name, one in sorted(self._running.items()):
                if one.due is not None and one.due - self._began <= moment:
                    one.runs += 1
                    claimed.append((name, one.due, one.runs))
                    one.due = one.next(one.due)
        return claimed

    def _target(
        self, rule: Rule, target: Mapping[str, Any], at: float, run: int, deliver: Callable[..., None]
    ) -> None:
        subject = f"events/{rule.name}/run-{run}/{target['Id']}"
        payload = self._payload(rule, target, at, run)
        if ":lambda:" not in target["Arn"] or payload is None:
            LOG.warning("%s: lambdarig serves no such target or input: %s", subject, target)
            self._timeline.record(subject, "event", "", "unserved", target["Arn"])
            return
        try:
            entry, version, qualifier = self._functions.registry.version(target["Arn"])
        except LookupError as error:
            self._timeline.record(subject, "event", "", "failed_invocation", str(error))
            return
        if not self._may_invoke(target["Arn"], qualifier, rule.arn):
            self._timeline.record(subject, "event", "", "failed_invocation", f"{PRINCIPAL} may not invoke it")
            return
        ready = self._functions.admit(entry, version, qualifier, payload, "event", caller=PRINCIPAL)
        config, dead = entry.event.get(qualifier or LATEST, {}), version.shown.get("DeadLetterConfig") or {}
        deliver(ready, config, str(dead.get("TargetArn") or ""))

    def _payload(self, rule: Rule, target: Mapping[str, Any], at: float, run: int) -> bytes | None:
        """The target's constant, a part of the event, or the whole of it; None for a transformer."""
        if "Input" in target:
            return str(target["Input"]).encode()
        event: Any = scheduled_event(rule, at, stable_uuid(f"{self._seed}/{rule.arn}/{run}"))
        for key in str(target.get("InputPath") or "$").split(".")[1:]:
            event = event.get(key) if isinstance(event, dict) else None
        return None if target.get("InputTransformer") else json.dumps(event, separators=(",", ":")).encode()


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
