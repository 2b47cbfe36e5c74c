"""What the store keeps by name, telling whoever keeps it on disk."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Keeper(Protocol):
    """Keeps what the store remembers. Raises RigError where it cannot."""

    def keep(self, family: str, name: str, value: Any | None) -> None:
        """None: it is gone."""

    def together(self) -> AbstractContextManager[None]:
        """What is kept within is kept as one, or not at all."""


class Family(UserDict[str, T]):
    """told: hears of each change before it can be seen here, so that nobody is told what is not kept; None: gone. Where
    that fails the change is made all the same, and the failure raised."""

    told: Callable[[str, T | None], None] | None = None

    def __setitem__(self, name: str, value: T) -> None:
        try:
            if self.told:
                self.told(name, value)
        finally:
            super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        try:
            if self.told and name in self:
                self.told(name, None)
        finally:
            super().__delitem__(name)
