"""A real PostgreSQL behind a relay, asked by a real driver, and the function of the examples that asks it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from emulator import catalogue
from emulator.clock import Clock
from emulator.injector import Armed, Injector
from emulator.postgres import Postgres
from emulator.pytest_plugin import PytestRig
from emulator.relay import Relay
from emulator.timeline import Timeline

ROWS = Path(__file__).parents[1] / "sample_connectors" / "faults" / "rows"
BACKENDS = "select count(*) from pg_stat_activity where application_name = $1"
LIMIT_S = 20


class Relayed:
    """One relay of its own to a database that others use too. address, url: through the relay. direct: past it."""

    def __init__(self, database: Postgres) -> None:
        self.clock = Clock()
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline)
        entry = socket.create_server(("127.0.0.1", 0))
        target = (database.host, database.port)
        self.relay = Relay("orders-db", entry, target, self.injector, lambda ip: ("orders", "orders/inv-1"))
        self.address = entry.getsockname()
        self.direct, self.url = database.url, database.url_at(*self.address)
        self.relay.start()

    def close(self) -> None:
        self.injector.disarm()
        self.relay.close()

    @contextmanager
    def fault(
        self, name: str, match: dict | None = None, when: dict | None = None, **params: object
    ) -> Iterator[Armed]:
        """Armed for a `with` block."""
        (armed,) = self.injector.arm([catalogue.rule_of(name, params, match or {}, when or {})])
        try:
            yield armed
        finally:
            self.injector.disarm([armed])

    async def connect(self, name: str = "under-test") -> asyncpg.Connection:
        return await asyncpg.connect(self.url, server_settings={"application_name": name}, timeout=LIMIT_S)

    async def ask(self, rows: int) -> int:
        """How many rows of 1,000 bytes came, of so many."""
        connection = await self.connect()
        try:
            return len(await connection.fetch("select repeat('x', 1000) from generate_series(1, $1)", rows))
        finally:
            await connection.close()

    def rows(self, number: int = 1) -> int:
        return asyncio.run(asyncio.wait_for(self.ask(number), LIMIT_S))

    def seconds(self, number: int = 1) -> float:
        """How long they took."""
        began = self.clock.monotonic()
        assert self.rows(number) == number
        return self.clock.monotonic() - began


def function_that_asks(rig: PytestRig, **more: object) -> None:
    """The examples' function `orders`, which gives `rows` and `ms`."""
    environment = {"DATABASE_URL": rig.database("rows-db")}
    rig.function("orders", ROWS, "handler.handler", requirements=True, memory=512, environment=environment, **more)
