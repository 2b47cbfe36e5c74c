"""A profile's credentials: from the API's shapes to the secret a connector reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cached_property
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow.asking import secrets_errors

_MEMBERS = {"OAUTH2": "oauth2", "BASIC": "basic", "APIKEY": "apiKey", "CUSTOM": "custom"}
_OAUTH2 = ("accessToken", "refreshToken", "clientId", "clientSecret")
_OWNER = [{"Key": "aws:secretsmanager:owningService", "Value": "appflow"}]
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9/_+=.@!-]")


def secret_string(label: str, given: dict[str, Any]) -> str:
    """CustomConnectorProfileCredentials as the secret's JSON. ValidationException where they cannot be used."""
    kind = given["authenticationType"]
    block = given.get(_MEMBERS[kind])
    if block is None:
        raise ServiceError("ValidationException", f"authenticationType {kind} needs credentials in {_MEMBERS[kind]}.")
    if kind == "OAUTH2":
        return json.dumps(_oauth2(label, block))
    if kind == "CUSTOM":
        named = {"customAuthenticationType": block["customAuthenticationType"], "authenticationType": kind}
        return json.dumps({**(block.get("credentialsMap") or {}), **named})
    return json.dumps(block)


def _oauth2(label: str, block: dict[str, Any]) -> dict[str, str]:
    if block.get("accessToken"):
        return {name: block[name] for name in _OAUTH2 if name in block}
    if (block.get("oAuthRequest") or {}).get("authCode") or block.get("refreshToken") or block.get("clientSecret"):
        message = "lambdarig does not exchange OAuth 2.0 codes, refresh tokens or client credentials for tokens yet"
        raise ServiceError("ValidationException", f"{message}: give an accessToken for connector: {label}")
    raise ServiceError("ValidationException", f"Validation exception: AuthCode cannot be blank for connector: {label}")


class Secrets:
    """The secrets AppFlow owns. make_client: gives a boto3 secretsmanager client acting as AppFlow; called once."""

    def __init__(self, make_client: Callable[[], Any], account: str) -> None:
        self._make_client, self._account = make_client, account

    @cached_property
    def _client(self) -> Any:
        return self._make_client()

    def create(self, label: str, profile: str, text: str, kms_arn: str | None) -> str:
        """`appflow!{account}-{label}-{profile}`; gives the ARN."""
        name = _NOT_IN_A_NAME.sub("-", f"appflow!{self._account}-{label}-{profile}")[:512]
        key = {"KmsKeyId": kms_arn} if kms_arn else {}
        with secrets_errors():
            return str(self._client.create_secret(Name=name, SecretString=text, Tags=_OWNER, **key)["ARN"])

    def read(self, arn: str) -> str:
        with secrets_errors():
            return str(self._client.get_secret_value(SecretId=arn)["SecretString"])

    def write(self, arn: str, text: str) -> None:
        with secrets_errors():
            self._client.put_secret_value(SecretId=arn, SecretString=text)

    def delete(self, arn: str) -> None:
        """At once, so that the name is free again. One that somebody already deleted is no error."""
        from botocore.exceptions import ClientError

        with secrets_errors():
            try:
                self._client.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
