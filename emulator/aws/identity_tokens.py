"""OpenID Connect tokens (JWT): read, verified where the rig has the issuer's key, and issued for identity pools.

moto's user pools sign with a key that moto holds. Of any other issuer the signature is not checked: its keys are on a
host of its own.
"""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emulator.aws.backend import Backend
from emulator.clock import Clock

IDENTITY_POOLS = "cognito-identity.amazonaws.com"
_USER_POOL = re.compile(r"cognito-idp\.([a-z0-9-]+)\.amazonaws\.com/([\w-]+)")
_ALGORITHMS = ["RS256", "RS512"]
_NO_TOKEN = "Not a valid OpenId Connect identity token."


class BadToken(ValueError):
    """reason: as Cognito words it. expired: it was good once."""

    def __init__(self, reason: str, expired: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.expired = reason, expired


@dataclass(frozen=True)
class Claims:
    """issuer: without `https://`."""

    values: Mapping[str, Any]

    @property
    def issuer(self) -> str:
        return str(self.values.get("iss", "")).removeprefix("https://").rstrip("/")

    @property
    def subject(self) -> str:
        return str(self.values.get("sub", ""))

    @property
    def audiences(self) -> tuple[str, ...]:
        return _texts(self.values.get("aud", ()))

    @property
    def methods(self) -> tuple[str, ...]:
        """How its holder was authenticated (`amr`)."""
        return _texts(self.values.get("amr", ()))


class IdentityTokens:
    """Reads and issues. Times are the rig's."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self.backend, self.clock = backend, clock

    @cached_property
    def _key(self) -> Any:
        """For the rig's own tokens; made by the first one."""
        from joserfc.jwk import RSAKey

        return RSAKey.generate_key(2048)

    def issue(self, claims: Mapping[str, Any], duration_s: int) -> str:
        """A token of the identity pools' issuer."""
        from joserfc import jwt

        now = int(self.clock.epoch())
        values = {**claims, "iss": f"https://{IDENTITY_POOLS}", "iat": now, "exp": now + duration_s}
        return str(jwt.encode({"alg": "RS512", "typ": "JWS"}, values, self._key, algorithms=_ALGORITHMS))

    def read(self, token: str) -> Claims:
        """What the token says. Raises BadToken."""
        claims = Claims(_payload(token))
        key = self._key_of(claims.issuer)
        if key is not None:
            _verify(token, key)
        now, end = int(self.clock.epoch()), claims.values.get("exp")
        if isinstance(end, float) and not math.isfinite(end):
            raise BadToken(_NO_TOKEN)
        if isinstance(end, int | float) and now >= end:
            raise BadToken(f"Token expired: {now} >= {int(end)}", expired=True)
        if not claims.audiences:
            raise BadToken("Missing a required claim: aud")
        return claims

    def _key_of(self, issuer: str) -> Any:
        """None for an issuer whose key the rig does not have."""
        if issuer == IDENTITY_POOLS:
            return self._key
        if found := _USER_POOL.fullmatch(issuer):
            try:
                pool = self.backend.models("cognito-idp", found[1]).user_pools.get(found[2])
            except KeyError:  # there is no such region
                pool = None
            return pool.json_web_key if pool else self._key  # which has not signed it
        return None


def _payload(token: str) -> Mapping[str, Any]:
    _, _, rest = token.partition(".")
    middle, _, signature = rest.partition(".")
    try:
        values = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))) if signature else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise BadToken(_NO_TOKEN)
    return values


def _verify(token: str, key: Any) -> None:
    from joserfc import jwt
    from joserfc.errors import JoseError

    try:
        jwt.decode(token, key, algorithms=_ALGORITHMS)
    except (JoseError, TypeError, ValueError):  # joserfc takes the types in a header for granted
        raise BadToken("Token signature invalid.") from None


def _texts(value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(map(str, value)) if isinstance(value, Sequence) else ()
