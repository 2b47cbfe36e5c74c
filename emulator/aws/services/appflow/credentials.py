"""A profile's credentials: from the API's shapes to the secret a connector reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow.asking import secrets_errors
from emulator.aws.services.appflow.oauth2 import Granted

_MEMBERS = {"OAUTH2": "oauth2", "BASIC": "basic", "APIKEY": "apiKey", "CUSTOM": "custom"}
_OAUTH2 = ("accessToken", "refreshToken", "clientId", "clientSecret")
_OWNER = [{"Key": "aws:secretsmanager:owningService", "Value": "appflow"}]
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9/_+=.@!-]")


def block_of(given: dict[str, Any]) -> dict[str, Any]:
    """The member of CustomConnectorProfileCredentials that its authenticationType names. ValidationException."""
    kind = given["authenticationType"]
    block = given.get(_MEMBERS[kind])
    if block is None:
        raise ServiceError("ValidationException", f"authenticationType {kind} needs credentials in {_MEMBERS[kind]}.")
    return dict(block)


def secret_string(given: dict[str, Any], granted: Granted | None) -> str:
    """CustomConnectorProfileCredentials as the secret's JSON: AWS's members, and for OAuth 2.0 the tokens. (The Python
    SDK's constants for BASIC and APIKEY, userName and secretKey, are not what AppFlow writes.)"""
    kind, block = given["authenticationType"], block_of(given)
    if kind == "OAUTH2":
        kept = {name: block[name] for name in _OAUTH2 if name in block}
        return json.dumps(with_tokens(kept, granted) if granted else kept)
    if kind == "CUSTOM":
        named = {"customAuthenticationType": block["customAuthenticationType"], "authenticationType": kind}
        return json.dumps({**(block.get("credentialsMap") or {}), **named})
    return json.dumps(block)


def with_tokens(secret: Mapping[str, str], granted: Granted) -> dict[str, str]:
    """A secret with new tokens in it; the old refresh token stays where no new one was given."""
    again = {"refreshToken": granted.refresh_token} if granted.refresh_token else {}
    return {**secret, "accessToken": granted.access_token, **again}


class Secrets:
    """The secrets AppFlow owns. make_client: gives a boto3 secretsmanager client acting as AppFlow; called once.
    changed: told the ARN of each that is new, other or gone."""

    def __init__(
        self, make_client: Callable[[], Any], account: str, changed: Callable[[str], None] | None = None
    ) -> None:
        self._make_client, self._account = make_client, account
        self._changed = changed or (lambda arn: None)

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def create(self, label: str, profile: str, text: str, kms_arn: str | None) -> str:
        """`appflow!{account}-{label}-{profile}`; gives the ARN."""
        name = _NOT_IN_A_NAME.sub("-", f"appflow!{self._account}-{label}-{profile}")[:512]
        key = {"KmsKeyId": kms_arn} if kms_arn else {}
        with secrets_errors():
            arn = str(self._client.create_secret(Name=name, SecretString=text, Tags=_OWNER, **key)["ARN"])
        self._changed(arn)
        return arn

    def read(self, arn: str) -> str:
        with secrets_errors():
            return str(self._client.get_secret_value(SecretId=arn)["SecretString"])

    def write(self, arn: str, text: str) -> None:
        try:
            with secrets_errors():
                self._client.put_secret_value(SecretId=arn, SecretString=text)
        finally:  # an answer that is lost is no write that is lost
            self._changed(arn)

    def delete(self, arn: str) -> None:
        """At once, so that the name is free again. One that somebody already deleted is no error."""
        from botocore.exceptions import ClientError

        try:
            with secrets_errors():
                try:
                    self._client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
                except ClientError as error:
                    if error.response["Error"]["Code"] != "ResourceNotFoundException":
                        raise
        finally:
            self._changed(arn)
