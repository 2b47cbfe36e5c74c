"""What a flow's trigger must be, as far as it shows itself."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.aws.services.appflow.store import Params
from emulator.flows.schedule import valid


def scheduled(given: Params) -> Params:
    """ScheduledTriggerProperties of a flow's parameters; empty where it has none."""
    trigger = given["triggerConfig"]
    found: Params = (trigger.get("triggerProperties") or {}).get("Scheduled") or {}
    return found if trigger["triggerType"] == "Scheduled" else {}


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
    if not valid(expression):
        yield f"The schedule expression {expression} is not valid"
    begin, end = properties.get("scheduleStartTime"), properties.get("scheduleEndTime")
    if begin and end and end <= begin:
        yield "scheduleEndTime must be after scheduleStartTime"
