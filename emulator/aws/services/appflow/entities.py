"""Entities as the connector describes them, and AppFlow's cache of them.

An answer is kept as long as the connector's cacheControl says, an hour where it says nothing, on the rig's clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import describe
from emulator.aws.services.appflow.asking import ask
from emulator.aws.services.appflow.store import Params, Profile, Store, custom_connector_only, from_token, to_token
from emulator.clock import Clock
from emulator.frontdoors.appflow import PAGE, ConnectorCalls, Request, describe_entity, list_entities
from emulator.model import AwsCall

DEFAULT_LIFE_S = 3600.0
_SECONDS = {
    "NANOSECONDS": 1e-9, "MICROSECONDS": 1e-6, "MILLISECONDS": 1e-3, "SECONDS": 1.0, "MINUTES": 60.0, "HOURS": 3600.0,
    "DAYS": 86400.0,
}


@dataclass(frozen=True)
class Key:
    """What was asked for. entity is empty for a list; path, token and most are a list's alone."""

    profile: str
    api_version: str | None
    entity: str = ""
    path: str | None = None
    token: str | None = None
    most: int = 0


class Metadata:
    """AppFlow's cache. Thread-safe."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._kept: dict[Key, tuple[float, Any]] = {}

    def get(self, key: Key, fetch: Callable[[], Any]) -> Any:
        """The kept answer, or a new one. `fetch` runs outside the lock; its failures are not kept."""
        with self._lock:
            until, answer = self._kept.get(key, (0.0, None))
        if until > self._clock.now():
            return answer
        answer = fetch()
        life = life_s(answer.cacheControl)
        with self._lock:
            now = self._clock.now()
            self._kept = {k: kept for k, kept in self._kept.items() if kept[0] > now}
            if life > 0:
                self._kept[key] = (now + life, answer)
        return answer

    def forget(self, profile: str, fits: Callable[[Key], bool] = lambda key: True) -> None:
        """Drop what is kept for a profile, or the part of it that fits."""
        with self._lock:
            self._kept = {k: kept for k, kept in self._kept.items() if k.profile != profile or not fits(k)}

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._kept.clear()


def life_s(control: Any) -> float:
    """Seconds that the connector's cacheControl allows. (Its SDK names 600 s as a minimum; that is not enforced.)"""
    if control is None or control.timeToLive is None:
        return DEFAULT_LIFE_S
    return float(control.timeToLive) * _SECONDS[control.timeToLiveUnit or "SECONDS"]


class EntityOperations:
    """The methods are operations: params in, output out, both as botocore's model has them. renew: gets new credentials
    into the secret of the profile of that name; False where there are none to be had."""

    def __init__(
        self, store: Store, calls: ConnectorCalls, metadata: Metadata, renew: Callable[[str], bool]
    ) -> None:
        self.store, self._calls, self.metadata, self._renew = store, calls, metadata, renew

    def list_connector_entities(self, params: Params, call: AwsCall) -> Params:
        """A connector that answers more than maxResults is cut, and its answer paged on from the cache."""
        profile, most = self._profile(params), params.get("maxResults")
        of = ("entities", profile.name, params.get("entitiesPath") or "")
        token, skip = _place(params.get("nextToken"), of)
        key = Key(profile.name, params.get("apiVersion"), "", params.get("entitiesPath"), token, most or PAGE)
        answer = self.entities(profile, key)
        end = skip + most if most else len(answer.entities)
        found = [describe.entity(said) for said in answer.entities[skip:end]]
        more = _next(answer.nextToken, token, end if end < len(answer.entities) else 0, of)
        return {"connectorEntityMap": {"Objects": found}, **more}

    def describe_connector_entity(self, params: Params, call: AwsCall) -> Params:
        said = self.definition(self._profile(params), params.get("apiVersion"), params["connectorEntityName"])
        return {"connectorEntityFields": [describe.entity_field(field) for field in said.entityDefinition.fields]}

    def reset_connector_metadata_cache(self, params: Params, call: AwsCall) -> Params:
        """With an entity's name its details are dropped, without one the names of entities (AWS's rule)."""
        entity, path, version = (params.get(k) for k in ("connectorEntityName", "entitiesPath", "apiVersion"))

        def fits(key: Key) -> bool:
            same_version = version is None or key.api_version == version
            return same_version and key.entity == (entity or "") and (path is None or key.path == path or bool(entity))

        self.metadata.forget(self._profile(params).name, fits)
        return {}

    def entities(self, profile: Profile, key: Key) -> Any:
        """One page of the connector's list, through the cache."""
        lambda_arn, version = self._connector(profile, key.api_version)
        request = list_entities(profile.context(version), key.path, key.token, key.most)
        return self.metadata.get(key, lambda: self._ask(profile, lambda_arn, request))

    def definition(self, profile: Profile, api_version: str | None, entity: str) -> Any:
        """The connector's description of an entity, through the cache."""
        lambda_arn, version = self._connector(profile, api_version)
        request = describe_entity(profile.context(version), entity)
        key = Key(profile.name, api_version, entity)
        return self.metadata.get(key, lambda: self._ask(profile, lambda_arn, request))

    def _ask(self, profile: Profile, lambda_arn: str, request: Request) -> Any:
        return ask(self._calls, lambda_arn, request, lambda: self._renew(profile.name))

    def _connector(self, profile: Profile, api_version: str | None) -> tuple[str, str]:
        """(function, API version): the connector's first version where the caller names none."""
        registration = self.store.registration(profile.label)
        return registration.lambda_arn, api_version or registration.configuration.supportedApiVersions[0]

    def _profile(self, params: Params) -> Profile:
        custom_connector_only(params)
        if not params.get("connectorProfileName"):
            raise ServiceError("ValidationException", "connectorProfileName is required for a custom connector.")
        return self.store.profile(params["connectorProfileName"])


def _place(token: str | None, of: tuple[str, ...]) -> tuple[str | None, int]:
    """(the connector's own token, how far its page was read)."""
    match from_token(token, list, *of) or [None, 0]:
        case [(str() | None) as own, int() as skip] if skip >= 0:
            return own, skip
    raise ServiceError("ValidationException", "The nextToken is invalid.")


def _next(own: str | None, current: str | None, skip: int, of: tuple[str, ...]) -> Params:
    if skip:
        return {"nextToken": to_token([current, skip], *of)}
    return {"nextToken": to_token([own, 0], *of)} if own else {}
