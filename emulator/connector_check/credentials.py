"""ValidateCredentials: what a profile is held to before it is made."""

from __future__ import annotations

import json
from typing import Any

from emulator.connector_check.configuration import TYPES
from emulator.connector_check.talk import BAD_INPUT, Check, Talk, check
from emulator.frontdoors.appflow import Request, validate_credentials

KIND = "ValidateCredentials"
DENIED = ("InvalidCredentials", "AccessDenied")
WRONG = "lambdarig-check-wrong"


def request(talk: Talk, secret_arn: str = "") -> Request:
    """For a secret, else the one that is right."""
    context = talk.context()
    asked = validate_credentials(context)
    given = {"secretArn": secret_arn, "authenticationType": context.authentication_type}
    return {**asked, "credentials": given} if secret_arn else asked


def kept(talk: Talk, text: str) -> str:
    """A secret of this text; its ARN."""
    if talk.known.make_secret is None:
        talk.skip("no secret can be made here")
    return talk.known.make_secret(text)


def _given(talk: Talk) -> dict[str, Any]:
    talk.configured()
    if not talk.known.secret:
        talk.skip("no credentials: give them with --secret")
    return dict(json.loads(talk.known.secret))


@check("credentials", KIND, "accepts the right secret")
def good(talk: Talk) -> None:
    _given(talk)
    if not talk.known.secret_arn:
        talk.known.secret_arn = kept(talk, talk.known.secret)
    talk.good(request(talk), "are --secret, --auth-type and --settings right?")
    said = talk.known.configuration.authenticationConfig
    flags = {kind: flag for flag, kind in TYPES.items()}
    flag = flags.get(talk.known.authentication_type, "")
    if not getattr(said, flag, None):
        why = f"{talk.known.authentication_type} is not said to be supported: no profile can be made with it"
        talk.wrong(f"authenticationConfig.{flag}", why, "set it in the configuration, or see --auth-type")


@check("credentials-wrong", KIND, "refuses wrong credentials with InvalidCredentials, at which AppFlow renews a token")
def wrong(talk: Talk) -> None:
    said = {key: WRONG if isinstance(value, str) else value for key, value in _given(talk).items()}
    if "customAuthenticationType" in said:
        said["customAuthenticationType"] = _given(talk)["customAuthenticationType"]
    asked = request(talk, kept(talk, json.dumps(said)))
    heard = talk.refusal(asked, "a secret with wrong credentials", DENIED)
    if heard.refused and WRONG in heard.message:
        talk.wrong("errorDetails.errorMessage", "shows the secret's values", "leave them out: it is shown and logged")


@check("credentials-empty", KIND, "refuses a secret without what it looks for, rather than fail")
def empty(talk: Talk) -> None:
    talk.configured()
    asked = request(talk, kept(talk, "{}"))
    talk.refusal(asked, "a secret without credentials", (*DENIED, *BAD_INPUT))


@check("credentials-no-secret", KIND, "answers with error details when the secret cannot be read")
def no_secret(talk: Talk) -> None:
    talk.configured()
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:appflow!123456789012-lambdarig-nobody-AbCdEf"
    codes = ("ResourceNotFoundError", "InvalidArgument", "AccessDenied", "InvalidCredentials", "ClientError")
    talk.refusal(request(talk, arn), "a secret that does not exist", codes)


CHECKS: tuple[Check, ...] = (good, wrong, empty, no_secret)
