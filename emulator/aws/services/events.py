"""EventBridge: moto keeps it; the schedules of rules run by the rig's clock (`emulator.aws.schedule`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulator.aws.backend import Backend
from emulator.aws.errors_wire import write_error
from emulator.aws.schedule import Rule
from emulator.aws.schedule_expression import BadExpression, following
from emulator.aws.wire import WireRequest
from emulator.model import AwsCall, AwsError, AwsReply

CHANGING = ("PutRule", "EnableRule", "DisableRule", "DeleteRule")


@dataclass(frozen=True)
class Events:
    """A Service named `events`. changed: rules of `region` are others now."""

    backend: Backend
    region: str
    changed: Callable[[], None]

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        """moto's answer; it takes any cron expression, AWS does not."""
        expression = call.params.get("ScheduleExpression") if call.operation == "PutRule" else None
        if isinstance(expression, str) and expression:
            try:
                following(expression)
            except BadExpression as error:
                return write_error(request, AwsError("ValidationException", str(error)))
        reply = self.backend.answer(request)
        if call.operation in CHANGING and reply.status < 400 and request.region == self.region:
            self.changed()
        return reply


def scheduled_rules(backend: Backend, region: str) -> Iterator[Rule]:
    """Enabled rules with a schedule; only the default bus has such."""
    for rule in list(backend.models("events", region).event_buses["default"].rules.values()):
        if rule.scheduled_expression and rule.state != "DISABLED":
            yield Rule(rule.name, rule.arn, rule.scheduled_expression, tuple(rule.targets))
