"""DescribeConnectorConfiguration: what RegisterConnector asks for, once."""

from __future__ import annotations

import re
from collections import Counter

from emulator.connector_check.talk import Check, Talk, check
from emulator.frontdoors.appflow import describe_configuration

KIND = "DescribeConnectorConfiguration"
KEY = re.compile(r"\w{1,128}")  # of the API's profileProperties and customProperties
LABEL = re.compile(r"[a-zA-Z0-9][\w!@#.-]{1,255}")  # of the API's connectorLabel
TYPES = {
    "isOAuth2Supported": "OAuth2", "isBasicAuthSupported": "BasicAuth", "isApiKeyAuthSupported": "ApiKey",
    "isCustomAuthSupported": "CustomAuth",
}


@check("configuration", KIND, "is answered in time, in the shape that AppFlow reads")
def configuration(talk: Talk) -> None:
    said = talk.good(describe_configuration(), "it takes no credentials or settings: nothing may make it fail")
    talk.known.configuration = said
    talk.known.authentication_type = talk.known.authentication_type or _likely(said, talk.known.secret)


def _likely(said: object, secret: str) -> str:
    """The one kind of credentials it supports; of several, the one that the secret looks like."""
    authentication = getattr(said, "authenticationConfig", None)
    found = [kind for flag, kind in TYPES.items() if authentication is not None and getattr(authentication, flag)]
    hints = {"accessToken": "OAuth2", "username": "BasicAuth", "apiKey": "ApiKey"}
    by_key = [kind for key, kind in hints.items() if f'"{key}"' in secret and kind in found]
    return by_key[0] if by_key else found[-1] if found else "CustomAuth"


@check("configuration-rules", KIND, "keeps the rules by which AWS's validators refuse a registration")
def rules(talk: Talk) -> None:
    from emulator.aws.services.appflow.asking import rules_broken

    said = talk.configured()
    for rule in rules_broken(said):
        talk.wrong(rule.split(" ")[0], rule, "RegisterConnector ends in a ValidationException with this sentence")
    if not LABEL.fullmatch(said.connectorName):
        why = f"{said.connectorName!r} cannot be a connectorLabel: letters, digits and !@#._- only, two or more"
        talk.wrong("connectorName", why, "the name is the label of a connector registered without one")
    if not any(getattr(said.authenticationConfig, flag, None) for flag in TYPES):
        why = "no kind of credentials is supported: the SDKs know four, and no connector without any"
        talk.wrong("authenticationConfig", why, f"set one of {', '.join(TYPES)}")


@check("configuration-settings", KIND, "declares settings that a profile or flow can be given")
def declared(talk: Talk) -> None:
    found = talk.configured().connectorRuntimeSetting
    for number, setting in enumerate(found):
        place = f"connectorRuntimeSetting[{number}]"
        if not KEY.fullmatch(setting.key):
            why = f"{setting.key!r} can be no key of profileProperties: letters, digits and _ only"
            talk.wrong(f"{place}.key", why, "AppFlow's API refuses a profile that gives it: rename it")
        if not setting.label.strip() or not setting.description.strip():
            talk.wrong(f"{place}.label", f"{setting.key}: the console shows label and description", "fill in both")
        if setting.required and setting.connectorSuppliedValueOptions == []:
            why = f"{setting.key} is required, and none of its values can be chosen"
            talk.wrong(f"{place}.connectorSuppliedValueOptions", why, "list values, or leave it out")
    for key, times in Counter(setting.key for setting in found).items():
        if times > 1:
            talk.wrong("connectorRuntimeSetting", f"{key} is declared {times} times", "one setting, one key, one scope")


@check("configuration-locale", KIND, "says the same for every locale but labels, and without one")
def locale(talk: Talk) -> None:
    talk.configured()
    asked = describe_configuration()
    other = talk.good({**asked, "locale": "de-DE"}, "answer in English what you have not translated")
    bare = talk.good({"type": asked["type"]}, "locale may be absent: en-US is meant")
    for said, where in ((other, "locale de-DE"), (bare, "no locale")):
        for name in ("connectorName", "connectorOwner", "connectorVersion", "connectorModes", "supportedApiVersions"):
            before, after = getattr(talk.known.configuration, name), getattr(said, name)
            if before != after:
                talk.wrong(name, f"is {before!r}, and with {where} {after!r}", "AppFlow keeps the first answer it gets")


CHECKS: tuple[Check, ...] = (configuration, rules, declared, locale)
