"""Does a role let in who an identity provider names? Its trust policy decides, by the provider's condition keys.

A role that IAM does not have decides nothing, unless `strict`; with `off` nobody is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.iam.decide import Policies, decide
from emulator.aws.iam.policy import PolicyError, PolicyType
from emulator.aws.iam.principals import NoSuchEntity, trust_policy
from emulator.aws.iam.request import Principal, Request
from emulator.aws.identity_tokens import IDENTITY_POOLS, BadToken, Claims, IdentityTokens
from emulator.aws.modelled import ServiceError

ACTION = "sts:AssumeRoleWithWebIdentity"
ROLE = re.compile(r"arn:aws[\w-]*:iam::(\d{12}):role/(?:[\x21-\x7e]+/)?([\w+=,.@-]{1,64})")  # account, name
Context = dict[str, str | Sequence[str]]


@dataclass(frozen=True)
class Admitted:
    """Who comes, as STS tells it. context: the condition keys of the session, `PROVIDER:sub`, `:aud` and `:amr`."""

    subject: str
    audience: str
    provider: str
    context: Context


class WebIdentity:
    """mode: as Settings.iam."""

    def __init__(self, backend: Backend, tokens: IdentityTokens, mode: str = "enforce") -> None:
        self.backend, self.tokens, self.mode = backend, tokens, mode

    def admit(self, token: str, role_arn: str, provider: str = "") -> Admitted:
        """AssumeRoleWithWebIdentity's question. provider: ProviderId, for providers without OpenID Connect, whose
        tokens only they can read. Raises ServiceError."""
        if not self._decides(role_arn):
            return Admitted("", "", provider, {})
        if provider:
            found, principal = Admitted("", "", provider, {}), provider
        else:
            claims = self._claims(token)
            found, principal = _admitted(claims), self._provider(claims)
        if not self.trusts(role_arn, principal, found.context):
            raise ServiceError("AccessDenied", f"Not authorized to perform {ACTION}", 403)
        return found

    def trusts(self, role_arn: str, principal: str, context: Mapping[str, str | Sequence[str]]) -> bool:
        """principal: as the trust policy names it under Federated."""
        if not ROLE.fullmatch(role_arn):
            return False
        if self.mode == "off":
            return True
        try:
            trust = trust_policy(self.backend.models("iam", "aws"), role_arn)
        except (NoSuchEntity, PolicyError):
            return False
        request = Request(Principal(principal, federated=True), ACTION, role_arn, context)
        return decide(request, Policies(resource=(trust,), resource_kind=PolicyType.TRUST)).allowed

    def _decides(self, role_arn: str) -> bool:
        """By name, as a session finds its role: a path that is not the role's must not open it."""
        names = [role.name for role in list(self.backend.models("iam", "aws").roles.values())]
        return self.mode != "off" and (self.mode == "strict" or role_arn.rsplit("/", 1)[-1] in names)

    def _claims(self, token: str) -> Claims:
        try:
            return self.tokens.read(token)
        except BadToken as error:
            if error.expired:
                raise ServiceError("ExpiredTokenException", error.reason) from None
            raise ServiceError("InvalidIdentityToken", error.reason) from None

    def _provider(self, claims: Claims) -> str:
        """Its name in trust policies; one of OpenID Connect must be known to IAM, with the token's audience."""
        if claims.issuer == IDENTITY_POOLS:
            return IDENTITY_POOLS
        iam: Any = self.backend.models("iam", "aws")
        arn = f"arn:aws:iam::{self.backend.account}:oidc-provider/{claims.issuer}"
        known = iam.open_id_providers.get(arn)
        if known is None:
            text = f"No OpenIDConnect provider found in your account for https://{claims.issuer}"
            raise ServiceError("InvalidIdentityToken", text)
        if not set(claims.audiences) & set(known.client_id_list):
            raise ServiceError("InvalidIdentityToken", "Incorrect token audience")
        return arn


def _admitted(claims: Claims) -> Admitted:
    keys = {"sub": (claims.subject,), "aud": claims.audiences, "amr": claims.methods}
    context: Context = {f"{claims.issuer}:{name}": values for name, values in keys.items() if values}
    context["aws:FederatedProvider"] = claims.issuer
    return Admitted(claims.subject, claims.audiences[0], claims.issuer, context)
