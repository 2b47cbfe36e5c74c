"""Requests that AppFlow does not send today, and members that it may add: none of them may hurt a connector.

A function error is no failure where AppFlow would not ask so: both of AWS's SDKs raise. What must not be is success, a
function that dies or hangs, or one that answers no more.
"""

from __future__ import annotations

from emulator.connector_check.hearing import Heard
from emulator.connector_check.talk import Check, Talk, check
from emulator.frontdoors.appflow import Request, describe_configuration, list_entities, validate_credentials

DEAD = ("timeout", "crash", "oom", "init_error")


def _survives(talk: Talk, request: Request, what: str, needed: bool = True) -> None:
    """It is not done, if what is wrong with it is needed for it, and the next request is answered as ever."""
    heard: Heard = talk.ask(request)
    if heard.ok and not needed:
        talk.remark = f"{what} is answered with success: it asks for none of them"
    elif heard.ok:
        talk.wrong("isSuccess", f"{what} is answered with success", "refuse what cannot be done")
    elif heard.status in DEAD or (not heard.status and not heard.refused):
        talk.unusable(heard)
    elif not heard.refused:
        talk.remark = "it fails, as AWS's SDKs do" + (f": {heard.cause}" if heard.cause else "")
    again = talk.ask(describe_configuration())
    if not again.ok:
        why = f"after {what} the connector does not answer any more"
        talk.wrong("(the next answer)", why, "keep no half-done state")


@check("unknown-request", "(any)", "survives a type of request that it does not know")
def unknown_request(talk: Talk) -> None:
    talk.configured()
    _survives(talk, {"type": "LambdarigNoSuchRequest"}, "an unknown type of request")


@check("missing-context", "ListEntities", "survives a request without connectorContext")
def missing_context(talk: Talk) -> None:
    talk.configured()
    request = {name: value for name, value in list_entities(talk.context()).items() if name != "connectorContext"}
    _survives(talk, request, "ListEntities without connectorContext")


@check("missing-credentials", "ValidateCredentials", "survives a request without credentials")
def missing_credentials(talk: Talk) -> None:
    talk.configured()
    request = {**validate_credentials(talk.context()), "credentials": None}
    _survives(talk, request, "ValidateCredentials without credentials")


@check("missing-settings", "ListEntities", "survives a context without the settings it needs")
def missing_settings(talk: Talk) -> None:
    profile = [s for s in talk.configured().connectorRuntimeSetting if s.scope == "CONNECTOR_PROFILE" and s.required]
    if not profile:
        talk.skip("no setting of scope CONNECTOR_PROFILE is required")
    request = list_entities(talk.context())
    context = {**request["connectorContext"], "connectorRuntimeSettings": {}}
    _survives(talk, {**request, "connectorContext": context}, "ListEntities without required settings", needed=False)


@check("unknown-members", "ListEntities", "ignores members of a request that it does not know")
def unknown_members(talk: Talk) -> None:
    request = list_entities(talk.context())
    talk.good(request)
    context = {**request["connectorContext"], "lambdarigNew": {"a": 1}}
    talk.good({**request, "lambdarigNew": True, "connectorContext": context}, "AppFlow adds members with time")


@check("absent-members", "ListEntities", "answers where members that may be null are absent")
def absent_members(talk: Talk) -> None:
    request = list_entities(talk.context())
    talk.good(request)
    context = {name: value for name, value in request["connectorContext"].items() if value is not None}
    bare = {name: value for name, value in request.items() if value is not None}
    talk.good({**bare, "connectorContext": context}, "null and absent mean the same")


CHECKS: tuple[Check, ...] = (
    unknown_request, missing_context, missing_credentials, missing_settings, unknown_members, absent_members
)  # fmt: skip
