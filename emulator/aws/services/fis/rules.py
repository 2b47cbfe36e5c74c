"""What a template must be like. Sentences in AWS's words where an issue tracker shows them, else in our own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.fis.actions import RESOURCE_TYPE, Kind, kind_of
from emulator.aws.services.fis.store import Params, invalid
from emulator.aws.services.fis.targets import FUNCTION_ARN, SELECTION

MOST_ACTIONS, MOST_CONDITIONS = 20, 5  # FIS quotas
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/.+")
_ALARM = re.compile(r"arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:\d{12}:alarm:.+")


def check(template: Params) -> None:
    """template: the members that make an experiment. Raises ServiceError."""
    if not _ROLE.fullmatch(template["roleArn"]):
        raise invalid(f"The role ARN {template['roleArn']} is not valid.")
    _conditions(template["stopConditions"])
    _options(template.get("experimentOptions") or {})
    targets, actions = template.get("targets") or {}, template["actions"]
    for name, target in targets.items():
        _target(name, target)
    if not actions:
        raise invalid("An experiment template must have an action.")
    if len(actions) > MOST_ACTIONS:
        raise ServiceError("ServiceQuotaExceededException", f"A template can have {MOST_ACTIONS} actions at most.")
    for name, action in actions.items():
        _action(name, action, targets)
    _order(actions)


def _conditions(given: list[Params]) -> None:
    if not given:
        raise invalid("A stop condition is required; the source none means that there is none.")
    if len(given) > MOST_CONDITIONS:
        text = f"A template can have {MOST_CONDITIONS} stop conditions at most."
        raise ServiceError("ServiceQuotaExceededException", text)
    for condition in given:
        source, value = condition["source"], condition.get("value")
        if source not in ("none", "aws:cloudwatch:alarm"):
            raise invalid(f"The stop condition source {source} is not valid: none or aws:cloudwatch:alarm.")
        if source == "none" and (value or len(given) > 1):
            raise invalid("The stop condition none has no value, and no other one beside it.")
        if source != "none" and not _ALARM.fullmatch(value or ""):
            raise invalid(f"The value of the stop condition {source} must be the ARN of an alarm.")


def _options(given: Params) -> None:
    if given.get("accountTargeting") == "multi-account":
        raise ServiceError("UnsupportedOperationException", "lambdarig does not serve multi-account experiments yet")


def _target(name: str, target: Params) -> None:
    kind = target["resourceType"]
    if kind != RESOURCE_TYPE:
        text = f"Target resource type {kind} not found. (lambdarig serves {RESOURCE_TYPE}.)"
        raise ServiceError("ResourceNotFoundException", text)
    for member in ("filters", "parameters"):
        if target.get(member):
            raise invalid(f"TargetResourceType {kind} does not support {member}.")
    arns, tags = target.get("resourceArns"), target.get("resourceTags")
    if arns and tags:
        raise invalid(f"You cannot specify both resource ARNs and resource tags for target {name}.")
    if not arns and not tags:
        raise invalid(f"You must specify resource ARNs or resource tags for target {name}.")
    for arn in arns or ():
        if not FUNCTION_ARN.fullmatch(arn):
            raise invalid(f"The resource ARN {arn} of target {name} is not that of a {kind}.")
    how = SELECTION.fullmatch(target["selectionMode"])
    if how is None or (how[1] == "PERCENT" and int(how[2]) > 100):
        text = f"The selection mode {target['selectionMode']} of target {name} is not valid"
        raise invalid(f"{text}: ALL, COUNT(n) or PERCENT(n).")


def _action(name: str, action: Params, targets: Mapping[str, Params]) -> None:
    kind = kind_of(action["actionId"])
    given = action.get("targets") or {}
    for key, target in given.items():
        if key not in kind.targets:
            raise invalid(f'Unexpected target "{key}" found in action "{name}".')
        if target not in targets:
            raise invalid(f'Target "{target}" of action "{name}" is not defined in the template.')
    for key in kind.targets:
        if key not in given:
            raise invalid(f'Missing target "{key}" in action "{name}".')
    _parameters(name, kind, action.get("parameters") or {})


def _parameters(name: str, kind: Kind, given: Mapping[str, str]) -> None:
    for key, text in given.items():
        if key not in kind.parameters:
            raise invalid(f'Unexpected parameter "{key}" found in action "{name}".')
        try:
            kind.parameters[key].read(text)
        except ValueError as error:
            raise invalid(f'Parameter "{key}" of action "{name}" {error}, not {text}.') from None
    for key, parameter in kind.parameters.items():
        if parameter.required and key not in given:
            raise invalid(f'Missing parameter "{key}" in action "{name}".')


def _order(actions: Mapping[str, Any]) -> None:
    """Every action can start some time."""
    waits = {name: set(action.get("startAfter") or ()) for name, action in actions.items()}
    for name, before in waits.items():
        if missing := sorted(before - set(actions)):
            raise invalid(f'Action "{name}" starts after "{missing[0]}", which is not defined in the template.')
    while ready := [name for name, before in waits.items() if not before]:
        waits = {name: before - set(ready) for name, before in waits.items() if name not in ready}
    if waits:
        raise invalid(f"Actions start after each other: {', '.join(sorted(waits))}.")
