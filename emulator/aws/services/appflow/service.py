"""AppFlow as `ModelledService("appflow", AppFlow(...))` serves it; what is not here that one refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.services.appflow.connectors import ConnectorOperations
from emulator.aws.services.appflow.credentials import Secrets
from emulator.aws.services.appflow.entities import EntityOperations, Metadata
from emulator.aws.services.appflow.profiles import ProfileOperations
from emulator.aws.services.appflow.store import Store
from emulator.aws.services.appflow.tags import TagOperations
from emulator.clock import Clock
from emulator.frontdoors.appflow import ConnectorCalls, Lint
from emulator.model import Invoker


class AppFlow:
    """All operations, looked up among their families by name. secrets: gives a boto3 secretsmanager client acting as
    appflow.amazonaws.com; called once, at first use. lint: see `ConnectorCalls`."""

    def __init__(
        self, invoker: Invoker, secrets: Callable[[], Any], clock: Clock, account: str, region: str,
        lint: Lint | None = None,
    ) -> None:
        self.store, self.metadata = Store(account, region, clock), Metadata(clock)
        calls = ConnectorCalls(invoker, clock, lint)
        self._families = (
            ConnectorOperations(self.store, calls, self.metadata),
            ProfileOperations(self.store, calls, Secrets(secrets, account), self.metadata),
            EntityOperations(self.store, calls, self.metadata),
            TagOperations(self.store),
        )

    def __getattr__(self, name: str) -> Any:
        for family in self.__dict__["_families"]:
            if hasattr(family, name):
                return getattr(family, name)
        raise AttributeError(name)

    def clear(self) -> None:
        """Forget everything; the secrets are the backend's to clear."""
        self.store.clear()
        self.metadata.clear()
