"""A database connection that never lets go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from emulator.fault import Context, Fault
from emulator.model import Connection, Link, Release


@dataclass(frozen=True)
class DbSocketOpen(Fault):
    """Neither side's close reaches the other: the server keeps the session, the client waits for its end.

    What a handler that awaits a graceful close (asyncpg's `close()`, node-postgres's `end()`) sees: the query is
    answered, the close never is, and the function runs into its timeout.
    """

    name: ClassVar[str] = "db_socket_open"
    color: ClassVar[str] = "blue"

    def new_state(self) -> Release:
        return Release()

    def on_connect(self, subject: Connection, proceed: Callable[[], Link], ctx: Context) -> Link:
        link = proceed()
        return replace(link, hold=ctx.state) if link.verdict == "connected" else link

    def heal(self, ctx: Context) -> None:
        ctx.state.release()
