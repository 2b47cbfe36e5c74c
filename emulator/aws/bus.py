"""EventBridge's default bus, for events of AWS's own services: to the targets of rules whose patterns they match."""

from __future__ import annotations

from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.targets import Event, Targets


class Bus:
    """moto keeps the rules and knows which event matches; delivering is ours, as moto has no functions."""

    def __init__(self, backend: Backend, region: str, targets: Targets) -> None:
        self._backend, self._region, self._targets = backend, region, targets

    def put(self, place: str, event: Event, waits: bool) -> None:
        """place: what the record calls the event, below the rule's name. waits: until the functions have ended."""
        for rule in self._matching(event):
            for target in list(rule.targets):
                self._targets.send(f"events/{rule.name}/{place}/{target['Id']}", rule.arn, target, event, waits)

    def _matching(self, event: Event) -> list[Any]:
        """Enabled rules with a pattern. Without events ever asked for, there are none, and moto need not load them."""
        if not self._backend.has_loaded("events"):
            return []
        rules = self._backend.models("events", self._region).event_buses["default"].rules
        return [
            rule for _, rule in sorted(rules.items())
            if rule.state != "DISABLED" and rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event)
        ]
