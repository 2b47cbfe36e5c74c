"""What moto's identity pools lack: roles, who their identities are, and which role an identity gets.

Hung on moto's own pool objects, so that it goes when they go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.identity_tokens import Claims
from emulator.aws.modelled import ServiceError

USER_POOLS = "cognito-idp."
_HUNG = "lambdarig_pool"


@dataclass(frozen=True)
class Login:
    """Somebody as a provider (`cognito-idp.us-east-1.amazonaws.com/POOL`) knows them."""

    provider: str
    subject: str
    claims: Claims

    @property
    def signed_in(self) -> str:
        """Of a user pool's user, as tokens and API Gateway have it."""
        return f"{self.provider}:CognitoSignIn:{self.subject}" if self.provider.startswith(USER_POOLS) else ""


@dataclass
class Identity:
    """id: `REGION:UUID`. created: seconds since the epoch on the rig's clock."""

    id: str
    created: float
    logins: list[Login] = field(default_factory=list)

    def shares(self, logins: list[Login]) -> bool:
        """Is one of these already its own?"""
        own = {(login.provider, login.subject) for login in self.logins}
        return any((login.provider, login.subject) in own for login in logins)

    def link(self, logins: list[Login]) -> None:
        """From now on these are its own too."""
        self.logins += [login for login in logins if not self.shares([login])]


class Pool:
    """moto's pool, its identities for ListIdentities, and what is kept beside it."""

    def __init__(self, moto_pool: Any, listed: list[dict[str, Any]]) -> None:
        self._moto, self._listed = moto_pool, listed
        self.roles: Mapping[str, str] = {}
        self.mappings: Mapping[str, Any] = {}
        self.identities: dict[str, Identity] = {}

    @property
    def id(self) -> str:
        return str(self._moto.identity_pool_id)

    @property
    def region(self) -> str:
        return self.id.partition(":")[0]

    @property
    def guests(self) -> bool:
        """Are there identities without a login?"""
        return bool(self._moto.allow_unauthenticated_identities)

    @property
    def opaque(self) -> Mapping[str, str]:
        """Providers without OpenID Connect (Facebook, Amazon), with the app's id there."""
        return self._moto.supported_login_providers or {}

    @property
    def providers(self) -> list[str]:
        user_pools = [given.get("ProviderName", "") for given in self._moto.cognito_identity_providers or ()]
        return [*self.opaque, *self.connected, *user_pools]

    @property
    def connected(self) -> Mapping[str, str]:
        """OpenID Connect providers by their address, with their ARN in IAM."""
        arns = self._moto.open_id_connect_provider_arns or ()
        return {arn.partition(":oidc-provider/")[2]: arn for arn in arns}

    def clients(self, provider: str) -> list[str]:
        """App clients of a user pool whose tokens count."""
        given = self._moto.cognito_identity_providers or ()
        return [each["ClientId"] for each in given if each.get("ProviderName") == provider and "ClientId" in each]

    def add(self, identity: Identity) -> None:
        self.identities[identity.id] = identity
        self._listed.append({"IdentityId": identity.id})


class Pools:
    """Finds pools and identities in moto. Raises ServiceError for what is not there."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def pool(self, id: str) -> Pool:
        models = self._models(id)
        found = models.identity_pools.get(id) if models else None
        if found is None:
            raise ServiceError("ResourceNotFoundException", f"IdentityPool '{id}' not found.")
        return _beside(found, models)

    def identity(self, id: str) -> tuple[Pool, Identity]:
        models = self._models(id)
        pools = [_beside(found, models) for found in list(models.identity_pools.values())] if models else []
        pool = next((pool for pool in pools if id in pool.identities), None)
        if pool is None:
            raise ServiceError("ResourceNotFoundException", f"Identity '{id}' not found.")
        return pool, pool.identities[id]

    def _models(self, id: str) -> Any:
        """Ids begin with their region; None where there is no such region."""
        try:
            return self._backend.models("cognito-identity", id.partition(":")[0])
        except KeyError:
            return None


def _beside(found: Any, models: Any) -> Pool:
    """Hung on moto's object."""
    listed = models.pools_identities[found.identity_pool_id]["Identities"]
    pool: Pool = vars(found).setdefault(_HUNG, Pool(found, listed))
    return pool


def role_of(pool: Pool, login: Login | None, custom: str = "") -> str:
    """The role's ARN; empty when the pool has none for it. custom: one of the roles in the user's token."""
    default = pool.roles.get("authenticated" if login else "unauthenticated", "")
    mapping = pool.mappings.get(login.provider) or _by_client(pool, login) if login else None
    if login is None or mapping is None:
        return default
    if mapping["Type"] == "Token":
        mapped = _of_token(login.claims, custom)
    else:
        rules = mapping.get("RulesConfiguration", {}).get("Rules", ())
        mapped = next((rule["RoleARN"] for rule in rules if _matches(rule, login.claims)), "")
    return mapped or (default if mapping.get("AmbiguousRoleResolution") == "AuthenticatedRole" else "")


def _by_client(pool: Pool, login: Login) -> Any:
    """Mappings of user pools are kept by `PROVIDER:CLIENT`."""
    keys = (f"{login.provider}:{audience}" for audience in login.claims.audiences)
    return next((pool.mappings[key] for key in keys if key in pool.mappings), None)


def _of_token(claims: Claims, custom: str) -> str:
    """cognito:preferred_role, or the only one of cognito:roles."""
    given = claims.values.get("cognito:roles")
    roles = [role for role in given if isinstance(role, str)] if isinstance(given, list) else []
    if custom:
        return custom if custom in roles else ""
    return str(claims.values.get("cognito:preferred_role", "")) or (roles[0] if len(roles) == 1 else "")


def _matches(rule: Mapping[str, str], claims: Claims) -> bool:
    if rule["Claim"] not in claims.values:
        return False
    given = claims.values[rule["Claim"]]
    texts, wanted = [str(item) for item in (given if isinstance(given, list) else [given])], rule["Value"]
    tests = {
        "Equals": wanted in texts, "NotEqual": wanted not in texts, "Contains": any(wanted in text for text in texts),
        "StartsWith": any(text.startswith(wanted) for text in texts),
    }
    return tests[rule["MatchType"]]
