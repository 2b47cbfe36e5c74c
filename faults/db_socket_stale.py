"""db_socket_stale: a database connection that was kept is dead when the environment goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from emulator.fault import Context, Fault, param
from emulator.model import Connection, Link


@dataclass(frozen=True)
class DbSocketStale(Fault):
    """A connection that a handler keeps from one invocation to the next is ended while its environment is frozen, so
    that nobody there can notice: a server's idle timeout, a failover, a NAT gateway or load balancer that forgets what
    was silent for 350 s. The next query fails in the driver's words (asyncpg's `connection was closed in the middle
    of operation`); a handler that asks first and connects anew survives."""

    name: ClassVar[str] = "db_socket_stale"
    color: ClassVar[str] = "blue"

    idle_s: float = param(0.0, "s", "of rig time, frozen at least so long")
    how: Literal["fin", "reset", "silent"] = param(
        "fin", "", "fin: the server has closed; reset: it has reset; silent: it is gone, and resets whoever speaks"
    )

    def on_resume(self, subject: Connection, proceed: Callable[[], Link], ctx: Context) -> Link:
        link = proceed()
        return link if subject.idle_s < self.idle_s else replace(link, verdict="closed", closing=self.how)
