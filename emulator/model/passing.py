"""What every point hands to a fault, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Subject(Protocol):
    """What every point hands to a fault."""

    @property
    def id(self) -> str: ...
    def attributes(self) -> Mapping[str, str]: ...


class Reply(Protocol):
    """What `proceed` gives back at every point."""

    @property
    def verdict(self) -> str: ...
