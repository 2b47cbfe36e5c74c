"""Access tokens replaced: before they end, and when a connector says that the service does not take them any more.

AppFlow remembers when a token ends; the tokens themselves are in the profile's secret alone, which is written anew.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import oauth2
from emulator.aws.services.appflow.credentials import Secrets, with_tokens
from emulator.aws.services.appflow.oauth2 import Endpoint, Granted
from emulator.aws.services.appflow.store import Params, Profile, Registration, Store
from emulator.frontdoors.appflow import Request
from emulator.saas import SaasHosts

log = logging.getLogger(__name__)


class Renewal:
    """One renewal of a profile at a time. A caller that was refused while another one renewed finds new tokens."""

    def __init__(self, store: Store, secrets: Secrets, hosts: SaasHosts) -> None:
        self._store, self._secrets, self._hosts = store, secrets, hosts
        self._locks: dict[str, threading.RLock] = {}
        self._renewed: Counter[str] = Counter()
        self._met = threading.local()

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Nobody renews that profile's tokens meanwhile."""
        with self._store.lock:
            lock = self._locks.setdefault(name, threading.RLock())
        with lock:
            yield

    def first(self, registration: Registration, profile: Profile, given: Params) -> Granted | None:
        """A new profile's tokens, by CustomConnectorProfileCredentials. None: it needs none, or has them already.
        ValidationException, ConnectorAuthenticationException."""
        if given["authenticationType"] != "OAUTH2":
            return None
        block, endpoint = given.get("oauth2") or {}, _endpoint(registration, profile)
        grant = oauth2.first_grant(registration.label, endpoint, block)
        if grant is None or endpoint is None:
            return None
        return oauth2.ask(self._hosts, profile.name, endpoint, block, grant)

    def renew_at(self, granted: Granted | None) -> float | None:
        """For `Profile.renew_at`."""
        if granted is None or granted.renew_after_s is None:
            return None
        return self._store.clock.epoch() + granted.renew_after_s

    def before(self, request: Request) -> None:
        """A connector is about to be asked. ServiceError where a token that is nearly over cannot be replaced."""
        if (name := self._user(request)) is not None:
            with self.alone(name):
                self.ready(name)
                self._met.profile, self._met.renewed = name, self._renewed[name]

    def ready(self, name: str) -> None:
        """The token is replaced if it is time."""
        with self.alone(name):
            kept = self._store.profile(name)
            due = kept.renew_at is not None and kept.renew_at <= self._store.clock.epoch()
            if due and not self._renew(kept):
                self._remember(kept, None)

    def renew(self, name: str) -> bool:
        """The connector says that the token is not taken. False: nothing to get another one with. ServiceError where
        the endpoint refuses."""
        with self.alone(name):
            known = getattr(self._met, "profile", None) == name
            if known and self._met.renewed < self._renewed[name]:
                return True
            return self._renew(self._store.profile(name))

    def replaced(self, name: str) -> None:
        """Somebody gave the profile other credentials."""
        self._renewed[name] += 1

    def _user(self, request: Request) -> str | None:
        """Name of the profile whose credentials the connector will use, if it has an end to mind."""
        context: Mapping[str, Any] = request.get("connectorContext") or request
        secret = (context.get("credentials") or {}).get("secretArn")
        with self._store.lock:
            names = [p.name for p in self._store.profiles.values() if secret and p.secret_arn == secret]
        return names[0] if names else None

    def _renew(self, kept: Profile) -> bool:
        if kept.authentication_type != "OAUTH2":
            return False
        registration, secret = self._store.registration(kept.label), self._read(kept)
        endpoint = _endpoint(registration, kept)
        grant = oauth2.next_grant(endpoint, secret) if endpoint else None
        if endpoint is None or grant is None:
            return False
        granted = oauth2.ask(self._hosts, kept.name, endpoint, secret, grant)
        self._secrets.write(kept.secret_arn, json.dumps(with_tokens(secret, granted)))
        self._remember(kept, self.renew_at(granted))
        self._renewed[kept.name] += 1
        return True

    def _read(self, kept: Profile) -> dict[str, str]:
        try:
            secret: dict[str, str] = dict(json.loads(self._secrets.read(kept.secret_arn)))
        except (ValueError, TypeError) as error:
            message = f"the secret {kept.secret_arn} of profile {kept.name} is no JSON object"
            raise ServiceError("ConnectorAuthenticationException", message) from error
        return secret

    def _remember(self, kept: Profile, renew_at: float | None) -> None:
        with self._store.lock:
            if kept.name in self._store.profiles:
                self._store.profiles[kept.name] = replace(self._store.profiles[kept.name], renew_at=renew_at)


def _endpoint(registration: Registration, profile: Profile) -> Endpoint | None:
    properties = profile.properties.get("oAuth2Properties")
    authentication = registration.configuration.authenticationConfig
    return Endpoint.of(authentication and authentication.oAuth2Defaults, properties) if properties else None
