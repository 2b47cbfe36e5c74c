"""Who asks for what: a principal, an action, a resource, and the request's context keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

ANONYMOUS = "anonymous"
Keys = Mapping[str, tuple[str, ...]]
_TYPES = {"user": "User", "session": "AssumedRole", "role": "AssumedRole", "root": "Account",
          "federated-user": "FederatedUser", ANONYMOUS: "Anonymous"}


@dataclass(frozen=True)
class Principal:
    """arn: as a refusal names it - of a user, a role session, a federated user, an account's root, or (simulator only)
    a role; a service's name (`apigateway.amazonaws.com`); an identity provider's, with federated=True; or `anonymous`.

    role: the ARN, with its path, of the role behind a session; user: of the IAM user behind a federated user.
    """

    arn: str
    role: str = ""
    user: str = ""
    federated: bool = False

    @property
    def kind(self) -> str:
        """user | role | session | federated-user | root | group | service | federated | anonymous."""
        if self.federated:
            return "federated"
        if not self.arn.startswith("arn:"):
            return ANONYMOUS if self.arn == ANONYMOUS else "service"
        what = self.arn.split(":", 5)[-1].split("/")[0]
        return {"assumed-role": "session"}.get(what, what)

    @property
    def account(self) -> str:
        """Its twelve digits; empty for a service, a provider and anonymous."""
        return account_of(self.arn) if self.kind not in ("federated", "service", ANONYMOUS) else ""

    @property
    def own_arns(self) -> frozenset[str]:
        """The ARNs that are the caller itself: of a session also the role's, which policies name far more often."""
        return frozenset({self.arn, self.role, self.user} - {""})

    def context(self) -> dict[str, str]:
        """The global keys that follow from the ARN. aws:PrincipalArn of a session is the role's."""
        if self.kind not in _TYPES:
            return {"aws:PrincipalServiceName": self.arn} if self.kind == "service" else {}
        keys = {"aws:PrincipalType": _TYPES[self.kind]}
        if self.account:
            keys |= {"aws:PrincipalArn": self.role or self.arn, "aws:PrincipalAccount": self.account}
        if self.kind == "user":
            keys["aws:username"] = self.arn.rsplit("/", 1)[-1]
        return keys


@dataclass(frozen=True)
class Request:
    """context: condition keys in any case, each with one value or several. resource_account: who owns the resource,
    where its ARN does not say (S3)."""

    principal: Principal
    action: str
    resource: str = "*"
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    resource_account: str = ""

    @cached_property
    def keys(self) -> Keys:
        """Context keys in lower case, with those the principal brings; given ones win."""
        given = {**self.principal.context(), **self.context}
        return {key.lower(): (value,) if isinstance(value, str) else tuple(value) for key, value in given.items()}

    @property
    def cross_account(self) -> bool:
        """Caller and resource belong to different accounts; never so for a caller without one."""
        owner = self.resource_account or account_of(self.resource)
        return bool(self.principal.account and owner and owner != self.principal.account)


def account_of(arn: str) -> str:
    """The account in an ARN, empty where there is none (as in a bucket's, or an AWS managed policy's)."""
    parts = arn.split(":", 5)
    account = parts[4] if len(parts) == 6 and parts[0] == "arn" else ""
    return account if len(account) == 12 and account.isdigit() else ""
