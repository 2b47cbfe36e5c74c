"""What is under way, on stderr."""

from __future__ import annotations

from types import TracebackType
from typing import TypeVar

P = TypeVar("P", bound="InPlace")


class InPlace:
    """One line that is written over, where stderr is a terminal; elsewhere `tell` says False, and shows nothing."""

    def __init__(self, text: str) -> None:
        from rich.console import Console

        console = Console(stderr=True, highlight=False)
        self._status = console.status(text) if console.is_terminal else None

    def __enter__(self: P) -> P:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, text: str) -> bool:
        """Whether it was shown."""
        if self._status is None:
            return False
        self._status.update(text)
        return True
