"""How an execution environment comes to be: credentials, log stream, variables, the engine, then init."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from emulator.clock import Clock
from emulator.functions.engines.protocol import Engine, EnvironmentSpec
from emulator.functions.environment import Environment, Start, watch_init
from emulator.functions.variables import log_stream, variables
from emulator.model import ColdStart, Function, Invocation


class Credentials(Protocol):
    """Temporary credentials of one environment."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def session_token(self) -> str: ...


class Issuer(Protocol):
    """Knows which credentials belong to which environment (emulator/aws/attribution.py)."""

    def issue(self, environment_id: str, function_name: str, role_arn: str) -> Credentials: ...
    def enter(self, access_key: str, invocation_id: str, counts: Counter[str]) -> None: ...
    def revoke(self, credentials: object) -> None: ...


@dataclass(frozen=True)
class Surroundings:
    """What the rig offers to an environment: its AWS endpoint, the SaaS names that lead to it, a CA bundle."""

    endpoint: str
    hosts: tuple[str, ...] = ()
    ca_bundle: Path | None = None


@dataclass(frozen=True)
class _Identity:
    issuer: Issuer
    credentials: Credentials

    def enter(self, invocation: Invocation) -> None:
        self.issuer.enter(self.credentials.access_key, invocation.id, invocation.calls)

    def revoke(self) -> None:
        self.issuer.revoke(self.credentials)


class Starting:
    """Callable as the pool's `launch`."""

    def __init__(
        self,
        engine: Engine,
        issuer: Issuer,
        clock: Clock,
        surroundings: Callable[[], Surroundings],
        seed: int,
        labels: Mapping[str, str] | None = None,
    ) -> None:
        self._engine, self._issuer, self._clock, self._seed = engine, issuer, clock, seed
        self._surroundings, self._labels = surroundings, labels or {}

    def __call__(self, cold: ColdStart, limit_s: float, began: Callable[[Environment], None] = lambda _: None) -> Start:
        """began: told of the environment before its init is waited for."""
        function, around = _to_run(cold), self._surroundings()
        credentials = self._issuer.issue(cold.id, function.name, function.role)
        stream = log_stream(function, cold.id, self._seed, self._clock.utc())
        keys = {
            "AWS_ACCESS_KEY_ID": credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
            "AWS_SESSION_TOKEN": credentials.session_token,
        }
        environ = variables(function, stream, keys, around.endpoint, cold.initialization)
        spec = EnvironmentSpec(
            cold.id, function, environ, around.hosts, around.ca_bundle, self._labels, cold.limits, cold.exit_status
        )
        sandbox = self._engine.start(spec)
        identity = _Identity(self._issuer, credentials)
        environment = Environment(cold.id, cold.function, sandbox, self._clock, stream, identity, cold.initialization)
        began(environment)
        return watch_init(environment, cold, limit_s)


def _to_run(cold: ColdStart) -> Function:
    """The function, with the handler that a fault set; of an image that is its command."""
    if cold.handler is None:
        return cold.function
    return replace(cold.function, handler=cold.handler, image_command=(cold.handler,))
