"""Calling out of AppFlow's API: a connector's or Secrets Manager's refusal becomes the API's own error."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from emulator.aws.modelled import ServiceError
from emulator.frontdoors.appflow import ConnectorCalls, ConnectorError, Request, describe_configuration

T = TypeVar("T")
R = TypeVar("R")
_FUNCTION = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[\w.-]+(:[\w$-]+)?")
_SECRETS = {
    "AccessDeniedException": "AccessDeniedException", "ResourceExistsException": "ConflictException",
    "ResourceNotFoundException": "ResourceNotFoundException", "InvalidRequestException": "ConflictException",
    "InvalidParameterException": "ValidationException", "ValidationException": "ValidationException",
}


def ask(calls: ConnectorCalls, lambda_arn: str, request: Request, renew: Callable[[], bool] = lambda: False) -> Any:
    """The connector's answer, a model of `connector_contract`. renew: gets other credentials into its secret, when it
    says that those it has are not taken; then it is asked once more."""
    try:
        return calls.call(lambda_arn, request)
    except ConnectorError as error:
        if error.error_code == "InvalidCredentials" and renew():
            return ask(calls, lambda_arn, request)
        raise ServiceError(error.code, error.message) from error


def within_call(act: Callable[[T], R]) -> Callable[[T], R]:
    """What AppFlow does for a call of a connector: where that is refused, the call has failed."""

    def acting(given: T) -> R:
        try:
            return act(given)
        except ServiceError as error:
            raise ConnectorError(error.code, error.message) from error

    return acting


def configuration(calls: ConnectorCalls, lambda_arn: str) -> Any:
    """A connector's configuration, held to AppFlow's rules. A missing function is the caller's mistake here."""
    if not _FUNCTION.fullmatch(lambda_arn):
        raise ServiceError("ValidationException", f"Invalid Lambda function ARN: {lambda_arn}")
    try:
        said = calls.call(lambda_arn, describe_configuration())
    except ConnectorError as error:
        missing = error.error_code == "NoSuchFunction"
        raise ServiceError("ResourceNotFoundException" if missing else error.code, error.message) from error
    if wrong := rules_broken(said):
        message = f"ConnectorConfiguration from the connector failed with following validation errors: {wrong}"
        raise ServiceError("ValidationException", message)
    return said


def rules_broken(said: Any) -> list[str]:
    """What AWS's connector test tool refuses (the Java SDK's ConnectorConfigurationResponseValidator)."""
    wrong = [
        f"{name} must not start with aws, amazon or appflow"
        for name in ("connectorName", "connectorOwner")
        if getattr(said, name).lower().startswith(("aws", "amazon", "appflow"))
    ]
    needed = {
        "connectorModes": said.connectorModes,
        "supportedApiVersions": said.supportedApiVersions,
        "operatorsSupported": said.operatorsSupported != [],
        "supportedTriggerTypes": said.supportedTriggerTypes != [],
        "supportedWriteOperations": said.supportedWriteOperations != [] or "DESTINATION" not in said.connectorModes,
    }
    wrong += [f"{name} must not be empty" for name, value in needed.items() if not value]
    wrong += [f"{url} is not an https URL" for url in _urls(said) if not url.startswith("https://")]
    return wrong + (_authentication(said.authenticationConfig) if said.authenticationConfig else [])


def _authentication(said: Any) -> list[str]:
    pairs = (
        ("isOAuth2Supported", said.isOAuth2Supported, "oAuth2Defaults", said.oAuth2Defaults is not None),
        ("isCustomAuthSupported", said.isCustomAuthSupported, "customAuthConfig", bool(said.customAuthConfig)),
    )
    unpaired = [(flag, name) for flag, is_on, name, given in pairs if bool(is_on) != given]
    return [f"{flag} needs {name}, and {name} needs {flag}" for flag, name in unpaired]


def _urls(said: Any) -> Iterator[str]:
    if said.logoURL:
        yield said.logoURL
    if said.authenticationConfig and (defaults := said.authenticationConfig.oAuth2Defaults):
        yield from defaults.tokenURL
        yield from defaults.authURL or ()


@contextmanager
def secrets_errors() -> Iterator[None]:
    """What Secrets Manager refuses: a denial, a name that is taken and a secret that is gone are the caller's to know,
    the rest, and no answer at all, AppFlow's failure."""
    from botocore.exceptions import ClientError, HTTPClientError

    try:
        yield
    except ClientError as error:
        given = error.response["Error"]
        code = _SECRETS.get(given["Code"], "InternalServerException")
        raise ServiceError(code, given["Message"]) from error
    except HTTPClientError as error:
        raise ServiceError("InternalServerException", f"Secrets Manager gave no answer: {error}") from error
