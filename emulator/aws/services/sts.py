"""STS: sessions with real keys, their policies and their time; and who a caller is. The rest is moto's.

moto forgets session policies, tags and the caller, and hands out one constant key for GetSessionToken and
GetFederationToken. Who may assume a role is decided before a call gets here. Texts: recorded (role session name, ARN),
else AWS's API reference and pasted answers.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.credentials import Held, Keyring
from emulator.aws.iam.policy import Policy, PolicyError, parse
from emulator.aws.iam.principals import Session
from emulator.aws.modelled import ModelledService, ServiceError
from emulator.aws.services.iam import managed_policy
from emulator.aws.services.web_identity import ROLE, WebIdentity
from emulator.model import AwsCall

Params = dict[str, Any]
Context = dict[str, str | Sequence[str]]
CHAINED_MAX_S = 3600
PACKED_MAX = 2048  # characters of session policies; AWS counts them packed, in a way it does not tell
_USER = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):user/(?:.*/)?([\w+=,.@-]+)")


def sts_service(backend: Backend, keyring: Keyring, web: WebIdentity) -> ModelledService:
    """The Service named `sts`."""
    return ModelledService(
        "sts", Sts(backend, keyring, web), "ValidationError", lambda call, request: backend.answer(request)
    )


class Sts:
    """STS's operations, by botocore's model."""

    def __init__(self, backend: Backend, keyring: Keyring, web: WebIdentity) -> None:
        self.backend, self.keyring, self.web = backend, keyring, web

    def assume_role(self, params: Params, call: AwsCall) -> Params:
        """A session of the role; session policies, tags and SourceIdentity come with it."""
        role = self._role(params["RoleArn"])
        limit = getattr(role, "max_session_duration", None)
        duration = params.get("DurationSeconds", 3600)
        if ":assumed-role/" in call.caller.arn and duration > CHAINED_MAX_S:
            raise ServiceError("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for "
                               "roles assumed by role chaining")
        _check_duration(duration, limit)
        context: Context = {f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in params.get("Tags", ())}
        given = {"aws:SourceIdentity": params.get("SourceIdentity"), "aws:MultiFactorAuthPresent": _mfa(params)}
        context |= {key: value for key, value in given.items() if value}
        return self._assumed(params, context, duration)

    def assume_role_with_web_identity(self, params: Params, call: AwsCall) -> Params:
        """A session for who an identity provider's token names. It is asked for without a signature: the role's trust
        policy is looked at here."""
        role = self._role(params["RoleArn"])
        found = self.web.admit(params["WebIdentityToken"], params["RoleArn"], params.get("ProviderId", ""))
        duration = params.get("DurationSeconds", 3600)
        _check_duration(duration, getattr(role, "max_session_duration", None))
        told = {
            "SubjectFromWebIdentityToken": found.subject, "Audience": found.audience, "Provider": found.provider,
        }
        return {**self._assumed(params, found.context, duration), **{key: text for key, text in told.items() if text}}

    def get_session_token(self, params: Params, call: AwsCall) -> Params:
        """Temporary keys of the same user."""
        self._check_long_lived(call)
        context: Context = {"aws:MultiFactorAuthPresent": _mfa(params)}
        held = self.keyring.issue(Session(call.caller.arn), params.get("DurationSeconds", 43200), context=context)
        return {"Credentials": _credentials(held)}

    def get_federation_token(self, params: Params, call: AwsCall) -> Params:
        """Temporary keys of a federated user, limited to the given policies."""
        self._check_long_lived(call)
        arn = f"arn:aws:sts::{self.backend.account}:federated-user/{params['Name']}"
        session = Session(arn, tuple(self._policies(params)))
        tags: Context = {f"aws:PrincipalTag/{tag['Key']}": tag["Value"] for tag in params.get("Tags", ())}
        held = self.keyring.issue(session, params.get("DurationSeconds", 43200), context=tags)
        user = {"FederatedUserId": self._user_id(arn), "Arn": arn}
        return {"Credentials": _credentials(held), "FederatedUser": user, **_packed(params)}

    def get_caller_identity(self, params: Params, call: AwsCall) -> Params:
        """Of functions, users, sessions and Cognito identities; a key that nobody gave out is the account's root's."""
        arn = call.caller.arn if call.caller.arn.startswith("arn:") else f"arn:aws:iam::{self.backend.account}:root"
        return {"Arn": arn, "UserId": self._user_id(arn), "Account": arn.split(":")[4]}

    # --- parts ---

    def _check_long_lived(self, call: AwsCall) -> None:
        held = self.keyring.find(call.caller.access_key)
        if held and held.session_token:
            raise ServiceError("AccessDenied", f"Cannot call {call.operation} with session credentials", 403)

    def _role(self, arn: str) -> Any:
        """moto's role; None where IAM has none, or the account is another."""
        found = ROLE.fullmatch(arn)
        if found is None:
            raise ServiceError("ValidationError", f"{arn} is invalid")
        roles = list(self.backend.models("iam", "aws").roles.values()) if found[1] == self.backend.account else []
        return next((role for role in roles if role.arn == arn), None)

    def _assumed(self, params: Params, context: Context, duration: int) -> Params:
        account, name = ROLE.fullmatch(params["RoleArn"]).groups()  # type: ignore[union-attr]
        arn = f"arn:aws:sts::{account}:assumed-role/{name}/{params['RoleSessionName']}"
        held = self.keyring.issue(Session(arn, tuple(self._policies(params))), duration, context=context)
        self.backend.adopt(held.access_key, account)
        source = {"SourceIdentity": params["SourceIdentity"]} if "SourceIdentity" in params else {}
        user = {"AssumedRoleId": self._user_id(arn), "Arn": arn}
        return {"Credentials": _credentials(held), "AssumedRoleUser": user, **_packed(params), **source}

    def _policies(self, params: Params) -> Iterator[Policy]:
        """Session policies, the one written out and the managed ones."""
        try:
            if "Policy" in params:
                yield parse(params["Policy"], "SessionPolicy")
            for given in params.get("PolicyArns", ()):
                document = managed_policy(self.backend.models("iam", "aws"), given.get("arn", ""))
                if document is None:
                    raise ServiceError("MalformedPolicyDocument", f"Policy {given.get('arn')} does not exist.")
                yield parse(document, given["arn"])
        except PolicyError as error:
            raise ServiceError("MalformedPolicyDocument", error.message) from None

    def _user_id(self, arn: str) -> str:
        """`AROA...:SESSION`, `AIDA...`, `ACCOUNT:NAME` of a federated user, or the account's number."""
        account, kind, rest = arn.split(":")[4], *arn.split(":", 5)[5].partition("/")[::2]
        if kind == "assumed-role":
            return f"{self._id('AROA', 'roles', rest.split('/')[0])}:{rest.partition('/')[2]}"
        if kind == "user":
            return self._id("AIDA", "users", rest.rsplit("/", 1)[-1])
        return f"{account}:{rest}" if kind == "federated-user" else account

    def _id(self, prefix: str, kept: str, name: str) -> str:
        """IAM's own unique id; a stable one where there is no such entity."""
        for known in list(getattr(self.backend.models("iam", "aws"), kept).values()):
            if known.name == name:
                return str(known.id)
        return prefix + base64.b32encode(hashlib.sha256(name.encode()).digest())[:17].decode()


def _check_duration(duration: int, limit: int | None) -> None:
    if limit is not None and duration > limit:
        text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        raise ServiceError("ValidationError", text)


def _mfa(params: Mapping[str, Any]) -> str:
    """Temporary credentials always have the key (global condition context keys)."""
    return "true" if params.get("TokenCode") else "false"


def _credentials(held: Held) -> Params:
    expiration = datetime.fromtimestamp(held.expires or 0.0, timezone.utc)
    return {
        "AccessKeyId": held.access_key, "SecretAccessKey": held.secret_key, "SessionToken": held.session_token,
        "Expiration": expiration,
    }


def _packed(params: Params) -> Params:
    """How much of the room for session policies and tags is taken, in percent."""
    texts = [params.get("Policy", ""), *(given.get("arn", "") for given in params.get("PolicyArns", ()))]
    texts += [tag["Key"] + tag["Value"] for tag in params.get("Tags", ())]
    size = sum(map(len, texts))
    if size > PACKED_MAX:
        raise ServiceError("PackedPolicyTooLarge", f"Packed size of session tags consumes {size * 100 // PACKED_MAX}% "
                           "of allotted space.")
    return {"PackedPolicySize": max(1, size * 100 // PACKED_MAX)} if size else {}
