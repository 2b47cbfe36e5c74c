"""An AWS endpoint that knows who signed: keys, sessions and identity pools, without functions behind it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws import internal
from emulator.aws.attribution import Attribution
from emulator.aws.authentication import Authentication
from emulator.aws.backend import Backend
from emulator.aws.credentials import Keyring
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.identity_tokens import IdentityTokens
from emulator.aws.services.cognito_identity import cognito_identity_service
from emulator.aws.services.iam import Iam
from emulator.aws.services.simulator import iam_service
from emulator.aws.services.sts import sts_service
from emulator.aws.services.web_identity import WebIdentity
from emulator.clock import Clock
from emulator.injector import Injector
from emulator.timeline import Timeline

ACCOUNT = "123456789012"
LAMBDA_TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


class IdentityRig:
    """Its parts at hand; the clock stands still. iam: as Settings.iam."""

    def __init__(self, seed: int = 0, iam: str = "enforce") -> None:
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.attribution, self.backend = Attribution(seed), Backend(seed)
        self.keyring = Keyring(self.backend, self.attribution, self.clock)
        self.tokens = IdentityTokens(self.backend, self.clock)
        web = WebIdentity(self.backend, self.tokens, iam)
        services = {
            "sts": sts_service(self.backend, self.keyring, web),
            "cognito-identity": cognito_identity_service(self.backend, self.keyring, self.tokens, web, seed),
            "iam": iam_service(self.backend, Iam(self.backend)),
        }
        self.endpoint = AwsEndpoint(
            Injector(self.clock, self.timeline), self.attribution, self.backend, services,
            authenticator=Authentication(self.keyring, self.clock, on=iam != "off"),
        )  # fmt: skip

    def client(self, service: str, caller: str = "", **keys: Any) -> Any:
        """caller: as `internal.client` has it. keys: `access_key`, `secret_key` and `token` of a client's own."""
        given = {"access_key": "aws_access_key_id", "secret_key": "aws_secret_access_key", "token": "aws_session_token"}
        own = {given[name]: value for name, value in keys.items()}
        return internal.client(self.endpoint, service, caller, keys=own or None)

    def as_(self, credentials: dict[str, Any], service: str = "sts") -> Any:
        """A client with credentials as STS or Cognito gives them."""
        secret = credentials.get("SecretAccessKey") or credentials["SecretKey"]
        return self.client(
            service, access_key=credentials["AccessKeyId"], secret_key=secret, token=credentials.get("SessionToken")
        )

    def role(self, name: str, trust: dict[str, Any] | None = None, path: str = "/", **more: Any) -> str:
        """Its ARN."""
        made = self.client("iam").create_role(
            RoleName=name, Path=path, AssumeRolePolicyDocument=document(trust or LAMBDA_TRUST), **more
        )
        return str(made["Role"]["Arn"])

    def user(self, name: str = "bob") -> dict[str, Any]:
        """The user's access key."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        key: dict[str, Any] = iam.create_access_key(UserName=name)["AccessKey"]
        return key


def refused(call: Any, **params: Any) -> tuple[str, str, int]:
    """(code, message, HTTP status) of the refusal."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    response = caught.value.response
    error = response["Error"]
    return error["Code"], error["Message"], response["ResponseMetadata"]["HTTPStatusCode"]
