"""Every access key that the rig or moto gave out, and who holds it.

Functions' keys are kept by Attribution, IAM users' by moto, those of sessions (STS, Cognito identities) here: moto
forgets a session's policies, and hands out one and the same fake key for half of the operations. A key that nobody gave
out is found by no one: it is the rig's admin.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.aws.attribution import Attribution, Credentials
from emulator.aws.backend import Backend
from emulator.aws.iam.principals import Session
from emulator.clock import Clock


@dataclass(frozen=True)
class Held:
    """An access key and its holder.

    session_token: empty for long-lived keys. expires: seconds since the epoch on the rig's clock; None: never.
    cognito: of an identity's credentials `cognitoIdentityId`, `cognitoIdentityPoolId`, `cognitoAuthenticationType`
    (authenticated | unauthenticated) and `cognitoAuthenticationProvider`, as API Gateway shows them. context: condition
    keys that the session brings (tags, identity provider). active False: IAM switched the key off, or it is deleted.
    """

    access_key: str
    secret_key: str
    session_token: str
    session: Session
    expires: float | None = None
    cognito: Mapping[str, str] = field(default_factory=dict)
    context: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    active: bool = True


class Keyring:
    """Access key -> `Held`. Thread-safe. Same seed and same order of a role session's issues: same keys."""

    def __init__(self, backend: Backend, attribution: Attribution, clock: Clock) -> None:
        self._backend, self._attribution, self._clock = backend, attribution, clock
        self._lock = threading.Lock()
        self._issued: dict[str, Held] = {}
        self._numbers: Counter[str] = Counter()
        self._seen: dict[str, Held] = {}

    def find(self, access_key: str) -> Held | None:
        """Who holds it; None for a key that nobody gave out. Does not load moto: without it there are no users."""
        if issued := self._attribution.credentials(access_key):
            return _held(issued, Session(self._attribution.caller(access_key).arn))
        return self._issued.get(access_key) or (self._of_moto(access_key) if self._backend.loaded else None)

    def issue(
        self, session: Session, duration_s: float, *, context: Mapping[str, str | Sequence[str]] | None = None,
        cognito: Mapping[str, str] | None = None,
    ) -> Held:
        """Credentials for a session, good for so many seconds of rig time."""
        with self._lock:
            self._numbers[session.arn] += 1
            drawn = self._attribution.draw("ASIA", f"{session.arn}#{self._numbers[session.arn]}")
            expires = self._clock.epoch() + duration_s
            held = replace(_held(drawn, session), expires=expires, context=context or {}, cognito=cognito or {})
            self._issued[held.access_key] = held
        return held

    def expired(self, held: Held) -> bool:
        """Is its time over, on the rig's clock?"""
        return held.expires is not None and self._clock.epoch() >= held.expires

    def epoch(self) -> float:
        """What sessions expire by, and identities are made at."""
        return self._clock.epoch()

    def clear(self) -> None:
        """No session was ever issued."""
        with self._lock:
            for known in (self._issued, self._numbers, self._seen):
                known.clear()

    def _of_moto(self, access_key: str) -> Held | None:
        """An IAM user's key, also one that was used before it was deleted; or a session that moto made (SAML)."""
        held = _of_user(self._backend.models("iam", "aws"), access_key)
        if held is None and access_key in self._seen:
            return replace(self._seen[access_key], active=False)
        if held is not None:
            self._seen[access_key] = held
        elif access_key.startswith("ASIA"):
            return _of_session(self._backend.models("sts", "aws"), access_key)
        return held


def _held(issued: Credentials, session: Session) -> Held:
    return Held(issued.access_key, issued.secret_key, issued.session_token, session)


def _of_user(iam: Any, access_key: str) -> Held | None:
    key = iam.access_keys.get(access_key)
    user = iam.users.get(key.user_name) if key and key.user_name else None
    if user is None:
        return None
    return Held(access_key, key.secret_access_key, "", Session(user.arn), active=key.status == "Active")


def _of_session(sts: Any, access_key: str) -> Held | None:
    for made in list(sts.assumed_roles):
        if made.access_key_id == access_key:
            expires = made.expiration.timestamp()
            return Held(access_key, made.secret_access_key, made.session_token, Session(made.arn), expires)
    return None
