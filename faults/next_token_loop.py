"""next_token_loop: a connector's nextToken leads nowhere new."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.model import Query


@dataclass(frozen=True)
class NextTokenLoop(Fault):
    """The connector's nextToken never comes to an end: it leads to the same page again, or behind the last page back to
    where the paging began. The same records arrive again and again, until the run ends in Error because it was given
    the same token too often. Only tokens of the connector's own are given, so the first page, which is asked for
    without one, is not repeated, and an entity of one page alone cannot be struck."""

    name: ClassVar[str] = "next_token_loop"

    to: Literal["same", "first"] = param(
        "same", "", "every page's token leads to that page; or the last page has a token, the first that was seen"
    )

    def new_state(self) -> dict[str, str]:
        """Of each run, the first token that was seen."""
        return {}

    def on_query(self, query: Query, proceed: Callable[[], Any], ctx: Context) -> Any:
        """The page is given as it is; what leads on from it is another's."""
        reply = proceed()
        with ctx.lock:
            first = ctx.state.setdefault(query.id.rsplit("/", 1)[0], query.token or reply.token)
        if self.to == "first":
            return reply if reply.token else replace(reply, token=first)
        return replace(reply, token=query.token or reply.token)
