"""Cognito identity pools: identities, and credentials of their roles (the enhanced flow). Pools themselves are moto's.

moto hands out one constant fake key, has no roles, and takes any token. Texts: pasted in issues of Amplify and AWS's
SDKs, all HTTP 400.
"""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.credentials import Keyring
from emulator.aws.iam.policy import Policy, parse
from emulator.aws.iam.principals import Session
from emulator.aws.identity_tokens import IDENTITY_POOLS, BadToken, Claims, IdentityTokens
from emulator.aws.modelled import ModelledService, ServiceError
from emulator.aws.services.iam import managed_policy
from emulator.aws.services.identity_pools import Identity, Login, Pool, Pools, role_of
from emulator.aws.services.web_identity import Context, WebIdentity
from emulator.model import AwsCall

Params = dict[str, Any]
SESSION = "CognitoIdentityCredentials"
SESSION_S, TOKEN_S = 3600, 600
# What a guest's credentials are limited to, whatever the role allows: these services (developer guide, IAM roles), and
# what AWS's managed policy of this name lists.
_GUESTS_POLICY = "arn:aws:iam::aws:policy/AmazonCognitoUnAuthedIdentitiesSessionPolicy"
_GUESTS_SERVICES = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Resource":"*","Action":["firehose:*","kinesisanalytics:*",'
    '"sqs:*","sumerian:*","mobileanalytics:*","ses:*","lambda:*","dynamodb:*","sdb:*","appsync:*","geo:*","sns:*",'
    '"mobiletargeting:*","gamelift:*","iot:*","comprehend:*","lex:*","machinelearning:*","personalize:*","polly:*",'
    '"rekognition:*","translate:*","transcribe:*","cloudwatch:*","logs:*","execute-api:*","cognito-idp:*",'
    '"cognito-identity:*","cognito-sync:*","s3:*"]}}'
)


def cognito_identity_service(
    backend: Backend, keyring: Keyring, tokens: IdentityTokens, web: WebIdentity, seed: int = 0
) -> ModelledService:
    """The Service named `cognito-identity`."""
    own = CognitoIdentity(backend, keyring, tokens, web, seed)
    return ModelledService("cognito-identity", own, rest=lambda call, request: backend.answer(request))


class CognitoIdentity:
    """The operations, by botocore's model. Same seed: same identity for the same login."""

    def __init__(
        self, backend: Backend, keyring: Keyring, tokens: IdentityTokens, web: WebIdentity, seed: int = 0
    ) -> None:
        self.backend, self.keyring, self.tokens, self.web, self._seed = backend, keyring, tokens, web, seed
        self.pools = Pools(backend)
        self._lock = threading.Lock()

    def set_identity_pool_roles(self, params: Params, call: AwsCall) -> Params:
        """Roles by `authenticated` and `unauthenticated`; RoleMappings by provider."""
        pool = self.pools.pool(params["IdentityPoolId"])
        pool.roles, pool.mappings = params["Roles"], params.get("RoleMappings", {})
        return {}

    def get_identity_pool_roles(self, params: Params, call: AwsCall) -> Params:
        pool = self.pools.pool(params["IdentityPoolId"])
        mappings = {"RoleMappings": pool.mappings} if pool.mappings else {}
        return {"IdentityPoolId": params["IdentityPoolId"], "Roles": pool.roles, **mappings}

    def get_id(self, params: Params, call: AwsCall) -> Params:
        """The identity that a login has already, else a new one."""
        pool = self.pools.pool(params["IdentityPoolId"])
        logins = self._logins(pool, params.get("Logins", {}))
        with self._lock:  # two guests at once are two
            known = next((identity for identity in pool.identities.values() if identity.shares(logins)), None)
            if known is None:
                known = Identity(self._new_id(pool, logins), created=self.keyring.epoch())
                pool.add(known)
            known.link(logins)
        return {"IdentityId": known.id}

    def describe_identity(self, params: Params, call: AwsCall) -> Params:
        _, identity = self.pools.identity(params["IdentityId"])
        created = datetime.fromtimestamp(identity.created, timezone.utc)
        logins = {"Logins": [login.provider for login in identity.logins]} if identity.logins else {}
        return {"IdentityId": identity.id, "CreationDate": created, "LastModifiedDate": created, **logins}

    def get_open_id_token(self, params: Params, call: AwsCall) -> Params:
        """For AssumeRoleWithWebIdentity, the basic flow."""
        pool, identity, login = self._admitted(params)
        claims = {"sub": identity.id, "aud": pool.id, "amr": _methods(login)}
        return {"IdentityId": identity.id, "Token": self.tokens.issue(claims, TOKEN_S)}

    def get_credentials_for_identity(self, params: Params, call: AwsCall) -> Params:
        """A session of the identity's role, named CognitoIdentityCredentials, for an hour."""
        pool, identity, login = self._admitted(params)
        role = role_of(pool, login, params.get("CustomRoleArn", ""))
        context: Context = {
            f"{IDENTITY_POOLS}:sub": identity.id, f"{IDENTITY_POOLS}:aud": pool.id,
            f"{IDENTITY_POOLS}:amr": tuple(_methods(login)), "aws:FederatedProvider": IDENTITY_POOLS,
        }
        if not role or not self.web.trusts(role, IDENTITY_POOLS, context):
            text = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
            raise ServiceError("InvalidIdentityPoolConfigurationException", text)
        arn = f"arn:aws:sts::{role.split(':')[4]}:assumed-role/{role.rsplit('/', 1)[-1]}/{SESSION}"
        session = Session(arn, () if login else (self._guests_limit(),))
        held = self.keyring.issue(session, SESSION_S, context=context, cognito=_shown(pool, identity, login))
        given = {
            "AccessKeyId": held.access_key, "SecretKey": held.secret_key, "SessionToken": held.session_token,
            "Expiration": datetime.fromtimestamp(held.expires or 0.0, timezone.utc),
        }
        return {"IdentityId": identity.id, "Credentials": given}

    # --- parts ---

    def _new_id(self, pool: Pool, logins: list[Login]) -> str:
        who = "/".join(f"{login.provider}/{login.subject}" for login in logins) or f"guest {len(pool.identities) + 1}"
        drawn = hashlib.sha256(f"{self._seed}/{pool.id}/{who}".encode()).digest()
        return f"{pool.region}:{uuid.UUID(bytes=drawn[:16], version=4)}"

    def _admitted(self, params: Params) -> tuple[Pool, Identity, Login | None]:
        """Who asks; the first login counts, None for a guest."""
        pool, identity = self.pools.identity(params["IdentityId"])
        if not params.get("Logins") and identity.logins:
            raise _unauthorized(f"Access to Identity '{identity.id}' is forbidden.")
        logins = self._logins(pool, params.get("Logins", {}))
        if identity.logins and not identity.shares(logins):
            raise _unauthorized(_NO_MATCH)
        identity.link(logins)
        return pool, identity, logins[0] if logins else None

    def _logins(self, pool: Pool, given: Mapping[str, str]) -> list[Login]:
        """Providers with verified tokens; none for a guest, where the pool has guests."""
        if not given and not pool.guests:
            raise _unauthorized("Unauthenticated access is not supported for this identity pool.")
        return [self._login(pool, provider, token) for provider, token in sorted(given.items())]

    def _login(self, pool: Pool, provider: str, token: str) -> Login:
        if not pool.providers:
            raise _unauthorized(_NO_MATCH)
        if provider in pool.opaque:  # its tokens can be read by it alone
            return Login(provider, hashlib.sha256(token.encode()).hexdigest()[:32], Claims({}))
        try:
            claims = self.tokens.read(token)
        except BadToken as error:
            raise _unauthorized(f"Invalid login token. {error.reason}") from None
        if claims.issuer != provider:
            raise _unauthorized("Invalid login token. Issuer doesn't match providerName")
        if not set(claims.audiences) & self._audiences(pool, provider):
            raise _unauthorized("Token is not from a supported provider of this identity pool.")
        return Login(provider, claims.subject, claims)

    def _audiences(self, pool: Pool, provider: str) -> set[str]:
        """Clients whose tokens count: listed in the pool, or in IAM's OpenID Connect provider."""
        known = self.backend.models("iam", "aws").open_id_providers.get(pool.connected.get(provider, ""))
        return {*pool.clients(provider), *(known.client_id_list if known else ())}

    def _guests_limit(self) -> Policy:
        """Both of AWS's policies, as one: a session may what either allows."""
        document = managed_policy(self.backend.models("iam", "aws"), _GUESTS_POLICY)
        listed = parse(document, "guests").statements if document else ()
        services = parse(_GUESTS_SERVICES, "CognitoUnauthenticated")
        return Policy((*services.statements, *listed), services.version, services.id, services.text)


_NO_MATCH = "Logins don't match. Please include at least one valid login for this identity or identity pool."


def _unauthorized(message: str) -> ServiceError:
    return ServiceError("NotAuthorizedException", message)


def _methods(login: Login | None) -> list[str]:
    """`amr` of the pool's tokens."""
    if login is None:
        return ["unauthenticated"]
    return ["authenticated", login.provider, *([login.signed_in] if login.signed_in else [])]


def _shown(pool: Pool, identity: Identity, login: Login | None) -> dict[str, str]:
    """As API Gateway shows it in requestContext.identity."""
    shown = {
        "cognitoIdentityId": identity.id, "cognitoIdentityPoolId": pool.id,
        "cognitoAuthenticationType": "authenticated" if login else "unauthenticated",
    }
    provider = ",".join(_methods(login)[1:])
    return {**shown, "cognitoAuthenticationProvider": provider} if provider else shown
