"""page_repeated: a page of a connector's records comes more than once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import Query


@dataclass(frozen=True)
class PageRepeated(Fault):
    """A flow asks its connector for a page again, with the token that it has asked with already: the connector really
    gives it once more, its records arrive once more, and the flow goes on from the last answer's nextToken."""

    name: ClassVar[str] = "page_repeated"

    times: int = param(2, "times", "that the page is asked for, in all", least=2)

    def on_query(self, query: Query, proceed: Callable[[], Any], ctx: Context) -> Any:
        """One after the other."""
        reply = proceed()
        for _ in range(self.times - 1):
            again = proceed()
            reply = replace(again, records=(*reply.records, *again.records))
        return reply
