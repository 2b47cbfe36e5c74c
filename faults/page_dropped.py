"""page_dropped: a page of a connector's records gets lost, and nobody asks for it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emulator.fault import Context, Fault
from emulator.model import Query


@dataclass(frozen=True)
class PageDropped(Fault):
    """A flow asks its connector for a page, and the records that it gives never arrive, though the flow goes on from
    its nextToken. The run says nothing of it: it ends well, with fewer records."""

    name: ClassVar[str] = "page_dropped"

    def on_query(self, query: Query, proceed: Callable[[], Any], ctx: Context) -> Any:
        """A page without records has none to lose."""
        return replace(proceed(), records=())
