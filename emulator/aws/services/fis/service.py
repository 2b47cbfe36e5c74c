"""FIS as `ModelledService("fis", Fis(...))` serves it; what is not here that one refuses."""

from __future__ import annotations

from typing import Any

from emulator.aws.services.fis.catalog import CatalogOperations
from emulator.aws.services.fis.experiments import ExperimentOperations
from emulator.aws.services.fis.injection import Injection
from emulator.aws.services.fis.store import Store
from emulator.aws.services.fis.tags import TagOperations
from emulator.aws.services.fis.templates import TemplateOperations
from emulator.functions.registry import Registry
from emulator.injector import Injector


class Fis:
    """All operations, looked up among their families by name. seed: of ids and draws."""

    def __init__(self, injector: Injector, registry: Registry, account: str, region: str, seed: int = 0) -> None:
        self.store = Store(account, region, injector.clock, seed)
        self.injection = Injection(injector)
        self._families = (
            TemplateOperations(self.store),
            ExperimentOperations(self.store, self.injection, registry),
            CatalogOperations(self.store),
            TagOperations(self.store),
        )

    def __getattr__(self, name: str) -> Any:
        for family in self.__dict__["_families"]:
            if hasattr(family, name):
                return getattr(family, name)
        raise AttributeError(name)

    def clear(self) -> None:
        """End every experiment and forget everything."""
        with self.store.lock:
            self.injection.clear()
            self.store.clear()
