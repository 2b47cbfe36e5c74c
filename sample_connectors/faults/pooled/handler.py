"""Keeps its database connection from one invocation to the next."""

import asyncio
import os

import asyncpg

LOOP = asyncio.new_event_loop()
KEPT = []


def handler(event, context):
    return LOOP.run_until_complete(answer(event.get("careful", False)))


async def answer(careful):
    if careful and KEPT and not await answers(KEPT[0]):
        KEPT.clear()
    if not KEPT or KEPT[0].is_closed():  # the driver's word: it has not looked at its socket since it was used
        KEPT[:] = [await asyncpg.connect(os.environ["DATABASE_URL"])]
    return await KEPT[0].fetchval("select 41 + 1")


async def answers(connection):
    try:
        return await connection.fetchval("select true")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
