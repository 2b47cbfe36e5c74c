"""What a flow's trigger must be, as far as it shows itself. AppFlow writes a rate's unit without a space; one with a
space is taken, too (CloudFormation templates have it)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from emulator.aws.services.appflow.store import Params

FREQUENCIES = {"minute": "BYMINUTE", "hour": "HOURLY", "day": "DAILY", "week": "WEEKLY", "month": "MONTHLY"}
_RATE = re.compile(rf"rate\( *[1-9]\d{{0,4}} *(?P<unit>{'|'.join(FREQUENCIES)})s? *\)")


def scheduled(given: Params) -> Params:
    """ScheduledTriggerProperties of a flow's parameters; empty where it has none."""
    trigger = given["triggerConfig"]
    found: Params = (trigger.get("triggerProperties") or {}).get("Scheduled") or {}
    return found if trigger["triggerType"] == "Scheduled" else {}


def frequency(expression: str) -> str | None:
    """The ScheduleFrequency of a rate; None for anything else."""
    found = _RATE.fullmatch(expression)
    return FREQUENCIES[found["unit"]] if found else None


def trigger_problems(given: Params) -> Iterator[str]:
    """What is wrong with triggerConfig, and with the incremental pull that it asks for."""
    kind, source = given["triggerConfig"]["triggerType"], given["sourceFlowConfig"]
    if kind == "Event":
        yield f"{source['connectorType']} does not support triggerType Event"
    if kind != "Scheduled":
        return
    properties = scheduled(given)
    if not properties:
        yield "triggerProperties.Scheduled is required for triggerType Scheduled"
        return
    yield from _schedule_problems(properties)
    field = (source.get("incrementalPullConfig") or {}).get("datetimeTypeFieldName")
    if properties.get("dataPullMode") == "Incremental" and source["connectorType"] == "CustomConnector" and not field:
        yield "incrementalPullConfig.datetimeTypeFieldName is required for dataPullMode Incremental"


def _schedule_problems(properties: Params) -> Iterator[str]:
    expression = properties["scheduleExpression"]
    if frequency(expression) is None and not _cron(expression):
        yield f"The schedule expression {expression} is not valid"
    begin, end = properties.get("scheduleStartTime"), properties.get("scheduleEndTime")
    if begin and end and end <= begin:
        yield "scheduleEndTime must be after scheduleStartTime"


def _cron(expression: str) -> bool:
    from emulator.aws.schedule_expression import BadExpression, following

    try:
        following(expression)
    except BadExpression:
        return False
    return expression.startswith("cron(")
