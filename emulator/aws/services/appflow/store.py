"""What AppFlow remembers: connectors, profiles, flows and their runs, tags, client tokens; and how its lists are paged.
No calls out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeVar

from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow.families import Family, Keeper
from emulator.clock import Clock
from emulator.frontdoors.appflow import Context

TOKEN_LIFE_S = 8 * 3600.0  # AppFlow's own figure for client tokens
PAGE = 20  # AppFlow's default of maxResults
Params = dict[str, Any]
T = TypeVar("T")

# How AppFlow's API and its connectors name the same kinds of credentials.
CONNECTOR_NAMES = {"OAUTH2": "OAuth2", "BASIC": "BasicAuth", "APIKEY": "ApiKey", "CUSTOM": "CustomAuth"}


@dataclass(frozen=True)
class Registration:
    """A registered connector. configuration: what it answered, a `connector_contract.Configuration`."""

    label: str
    arn: str
    lambda_arn: str
    description: str
    configuration: Any
    registered_at: datetime


@dataclass(frozen=True)
class Profile:
    """A connector profile. properties: CustomConnectorProfileProperties as given. authentication_type: a key of
    CONNECTOR_NAMES, empty (with secret_arn) where the connector needs no credentials. renew_at: epoch seconds of rig
    time from which its access token is to be replaced; None where nobody knows when it ends."""

    name: str
    arn: str
    label: str
    connection_mode: str
    properties: Mapping[str, Any]
    authentication_type: str
    secret_arn: str
    created_at: datetime
    updated_at: datetime
    renew_at: float | None = None

    @property
    def settings(self) -> dict[str, str]:
        """The connector's runtime settings of scope CONNECTOR_PROFILE."""
        return dict(self.properties.get("profileProperties") or {})

    def context(self, api_version: str | None = None) -> Context:
        """What a connector is told of this profile outside a run."""
        kind = CONNECTOR_NAMES.get(self.authentication_type, "")
        return Context(self.settings, self.secret_arn, kind, api_version)


@dataclass(frozen=True)
class Flow:
    """A flow. given: CreateFlow's or UpdateFlow's parameters, the newest. status: a FlowStatus of the API.
    status_message: why a scheduled one was deactivated. activated_at: since when a schedule runs it, if it does;
    activated_after: the number of its last run before that."""

    name: str
    arn: str
    given: Params
    status: str
    schema_version: int
    created_at: datetime
    updated_at: datetime
    created_by: str
    updated_by: str
    status_message: str = ""
    activated_at: datetime | None = None
    activated_after: int = 0

    @property
    def source(self) -> Params:
        """SourceFlowConfig."""
        return dict(self.given["sourceFlowConfig"])

    @property
    def destination(self) -> Params:
        """DestinationFlowConfig: a flow has one."""
        return dict(self.given["destinationFlowConfigList"][0])

    @property
    def reads_connector(self) -> bool:
        """From a custom connector to S3; else from S3 to a custom connector."""
        return bool(self.source["connectorType"] == "CustomConnector")

    @property
    def connector(self) -> Params:
        """The side of the flow that is the connector: SourceFlowConfig or DestinationFlowConfig."""
        return self.source if self.reads_connector else self.destination

    @property
    def connector_properties(self) -> Params:
        """CustomConnectorSourceProperties or CustomConnectorDestinationProperties."""
        return dict(_properties(self.connector)["CustomConnector"])

    @property
    def s3(self) -> Params:
        """S3DestinationProperties or S3SourceProperties."""
        return dict(_properties(self.destination if self.reads_connector else self.source)["S3"])


def _properties(side: Params) -> Params:
    return dict(side.get("sourceConnectorProperties") or side["destinationConnectorProperties"])


RUNNING = ("InProgress", "CancelStarted")


@dataclass(frozen=True)
class Execution:
    """A run. number: of its flow, from 1. status: an ExecutionStatus of the API. filtered: records that a task dropped.
    read, written: bytes. failed: records that the destination did not take; failure: why the first one. message: why
    the run failed. pulled: of which moments an incremental run transfers what was new or updated."""

    id: str
    flow: str
    number: int
    status: str
    started_at: datetime
    updated_at: datetime
    records: int = 0
    filtered: int = 0
    read: int = 0
    written: int = 0
    failed: int = 0
    failure: str = ""
    message: str = ""
    pulled: tuple[datetime | None, datetime] | None = None

    @property
    def subject(self) -> str:
        """Its readable name, the same in every run of the rig."""
        return f"{self.flow}/run-{self.number}"


@dataclass(frozen=True)
class _Token:
    until: float
    digest: str
    answer: Params
    arn: str = ""


@dataclass
class Store:
    """Thread-safe: `lock` for reading and changing, `claim` while an operation on one name is under way."""

    account: str
    region: str
    clock: Clock
    lock: threading.RLock = field(default_factory=threading.RLock)
    registrations: Family[Registration] = field(default_factory=Family)
    profiles: Family[Profile] = field(default_factory=Family)
    flows: Family[Flow] = field(default_factory=Family)
    executions: Family[Execution] = field(default_factory=Family)
    runs: Family[int] = field(default_factory=Family)
    tags: Family[dict[str, str]] = field(default_factory=Family)
    _together: Callable[[], AbstractContextManager[None]] = nullcontext
    _claimed: set[str] = field(default_factory=set)
    _tokens: dict[tuple[str, str], _Token] = field(default_factory=dict)

    def now(self) -> datetime:
        """The rig's time of day: what is told of runs fits the schedules that made them."""
        return datetime.fromtimestamp(self.clock.epoch(), timezone.utc)

    def families(self) -> dict[str, Family[Any]]:
        """What is worth keeping."""
        every = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: family for name, family in every.items() if isinstance(family, Family)}

    def keep(self, keeper: Keeper) -> None:
        """It hears of every change from now on."""
        self._together = keeper.together
        for name, family in self.families().items():
            family.told = partial(keeper.keep, name)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """With the lock, for changes that belong together: they are kept as one."""
        with self.lock, self._together():
            yield

    def arn(self, kind: str, name: str) -> str:
        """kind: connector | connectorprofile | flow."""
        return f"arn:aws:appflow:{self.region}:{self.account}:{kind}/{name}"

    def exists(self, arn: str) -> bool:
        families: tuple[Mapping[str, Any], ...] = (self.registrations, self.profiles, self.flows)
        return any(arn == kept.arn for family in families for kept in family.values())

    def registration(self, label: str, unless: str = "") -> Registration:
        """unless: the rest of AWS's sentence where there is none."""
        with self.lock:
            if label not in self.registrations:
                raise ServiceError("ResourceNotFoundException", f"Connector:{label} is not registered.{unless}")
            return self.registrations[label]

    def profile(self, name: str) -> Profile:
        with self.lock:
            if name not in self.profiles:
                raise ServiceError("ResourceNotFoundException", f"Connector Profile with name {name} does not exist.")
            return self.profiles[name]

    def flow(self, name: str) -> Flow:
        with self.lock:
            if name not in self.flows:
                raise ServiceError("ResourceNotFoundException", f"Flow with name {name} does not exist.")
            return self.flows[name]

    def runs_of(self, flow: str) -> list[Execution]:
        """Oldest first."""
        with self.lock:
            return [execution for execution in self.executions.values() if execution.flow == flow]

    def note(self, execution_id: str, **changes: Any) -> Execution | None:
        """Change a run's record; None where the run is forgotten."""
        with self.lock:
            kept = self.executions.get(execution_id)
            if kept is not None:
                kept = self.executions[execution_id] = replace(kept, updated_at=self.now(), **changes)
            return kept

    @contextmanager
    def claim(self, arn: str) -> Iterator[None]:
        """One operation at a time on a name: the other one meets a conflict, as on AWS."""
        with self.lock:
            if arn in self._claimed:
                raise ServiceError("ConflictException", f"Another operation on {arn} is in progress.")
            self._claimed.add(arn)
        try:
            yield
        finally:
            with self.lock:
                self._claimed.discard(arn)

    def once(self, operation: str, params: Params, act: Callable[[], Params], arn: str = "") -> Params:
        """Do it, unless the same client token already did: then the first answer. Only successes are remembered, as
        long as there is what they are about: the ARN in the answer, or this one."""
        key = (operation, params.get("clientToken") or "")
        digest = hashlib.sha256(json.dumps(params, sort_keys=True, default=str).encode()).hexdigest()
        with self.lock:
            known = self._tokens.get(key)
        if known and known.until > self.clock.now():
            if known.digest != digest:
                message = f"The clientToken {key[1]} was already used with different input parameters."
                raise ServiceError("ConflictException", message)
            return known.answer
        answer = act()
        if key[1]:
            self._remember(key, _Token(self.clock.now() + TOKEN_LIFE_S, digest, answer, arn))
        return answer

    def _remember(self, key: tuple[str, str], token: _Token) -> None:
        with self.lock:
            now = self.clock.now()
            self._tokens = {k: t for k, t in self._tokens.items() if t.until > now}
            self._tokens[key] = token

    def forget(self, arn: str) -> None:
        """A resource is gone: its tags, and the tokens that made or changed it."""
        with self.lock:
            self.tags.pop(arn, None)
            self._tokens = {k: t for k, t in self._tokens.items() if arn not in (t.arn, *t.answer.values())}

    def clear(self) -> None:
        """Forget everything."""
        with self.changing():
            for family in self.families().values():
                family.clear()
            self._tokens.clear()


def page(items: Mapping[str, T], params: Params, of: str) -> tuple[list[T], Params]:
    """(one page of items by name, `{"nextToken": ..}` when there are more). of: what list it is, for its tokens."""
    after = from_token(params.get("nextToken"), str, of) or ""
    names = sorted(name for name in items if name > after)
    size = params.get("maxResults") or PAGE
    more = {"nextToken": to_token(names[size - 1], of)} if len(names) > size else {}
    return [items[name] for name in names[:size]], more


def to_token(place: object, *of: str) -> str:
    """A paging token: opaque, without spaces. of: what list it leads on in."""
    return base64.urlsafe_b64encode(json.dumps([*of, place]).encode()).decode()


def from_token(token: str | None, kind: type[T], *of: str) -> T | None:
    """The place in that list; None without a token. ValidationException for one that the list did not give."""
    if not token:
        return None
    try:
        *given, place = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, TypeError, ValueError, RecursionError):
        given, place = [], None
    if given != list(of) or not isinstance(place, kind) or isinstance(place, bool):
        raise ServiceError("ValidationException", "The nextToken is invalid.")
    return place


def custom_connector_only(params: Params) -> None:
    """Other connector types are AWS's own SaaS connectors, which the rig does not have."""
    if (kind := params.get("connectorType", "CustomConnector")) != "CustomConnector":
        message = f"connectorType {kind} is not served by lambdarig: only CustomConnector is."
        raise ServiceError("ValidationException", message)
