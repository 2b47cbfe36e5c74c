"""ValidateConnectorRuntimeSettings, for each scope that has settings."""

from __future__ import annotations

from typing import Any

from emulator.connector_check.talk import BAD_INPUT, Check, Talk, check
from emulator.frontdoors.appflow import validate_settings

KIND = "ValidateConnectorRuntimeSettings"
SCOPES = ("CONNECTOR_PROFILE", "SOURCE", "DESTINATION", "SOURCE_AND_DESTINATION")
NO_SUCH = {"Integer": "twelve", "Long": "twelve", "Boolean": "maybe", "Date": "yesterday", "DateTime": "yesterday"}


def _declared(talk: Talk, scope: str) -> list[Any]:
    found = [setting for setting in talk.configured().connectorRuntimeSetting if setting.scope == scope]
    if not found and scope != "CONNECTOR_PROFILE":
        talk.skip(f"no settings of scope {scope}")
    return found


def _given(talk: Talk, scope: str) -> dict[str, str]:
    """What a person gave of this scope, all that is required among it."""
    declared = _declared(talk, scope)
    given = {s.key: talk.known.settings[s.key] for s in declared if s.key in talk.known.settings}
    if lacking := [s.key for s in declared if s.required and s.key not in given]:
        talk.skip(f"required settings are not given: --settings {' --settings '.join(f'{key}=...' for key in lacking)}")
    return given


def _good(scope: str) -> Check:
    @check(f"settings-{_short(scope)}", KIND, f"accepts the given settings of scope {scope}")
    def good(talk: Talk) -> None:
        talk.good(validate_settings(scope, _given(talk, scope)), "are the settings right? --settings key=value")

    return good


def _missing(scope: str) -> Check:
    @check(f"settings-{_short(scope)}-missing", KIND, f"refuses when a required setting of scope {scope} is missing")
    def missing(talk: Talk) -> None:
        required = [setting.key for setting in _declared(talk, scope) if setting.required]
        if not required:
            talk.skip(f"no setting of scope {scope} is required")
        given = _given(talk, scope)
        for key in required:
            left = {name: value for name, value in given.items() if name != key}
            _must_refuse(talk, scope, left, f"settings without the required {key!r}", key)

    return missing


def _wrong_typed(scope: str) -> Check:
    @check(f"settings-{_short(scope)}-type", KIND, f"refuses a value of the wrong type in a setting of scope {scope}")
    def wrong_typed(talk: Talk) -> None:
        bad = {s.key: value for s in _declared(talk, scope) if (value := _no_value(s))}
        if not bad:
            talk.skip(f"every setting of scope {scope} may be any text")
        given = _given(talk, scope)
        for key, value in bad.items():
            _must_refuse(talk, scope, {**given, key: value}, f"{key}={value!r}, which it cannot be", key)

    return wrong_typed


def _no_value(setting: Any) -> str:
    """A text that it cannot be; empty where every text will do."""
    if setting.connectorSuppliedValueOptions:
        return "lambdarig-none-of-them"
    return NO_SUCH.get(setting.dataType, "")


def _must_refuse(talk: Talk, scope: str, settings: dict[str, str], what: str, key: str) -> None:
    heard = talk.refusal(validate_settings(scope, settings), what, BAD_INPUT)
    by_field = heard.refused and getattr(heard.answer, "errorsByInputField", None)
    if heard.refused and key not in f"{heard.message} {by_field or ''}":
        talk.wrong("errorDetails.errorMessage", f"does not name {key}: {heard.message}", f"say that it is {key}")


def _short(scope: str) -> str:
    return scope.lower().replace("connector_", "").replace("_", "-")


CHECKS: tuple[Check, ...] = tuple(make(scope) for scope in SCOPES for make in (_good, _missing, _wrong_typed))
