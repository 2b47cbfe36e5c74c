"""Asks its database for so many rows of 1,000 bytes each; gives their number, and the milliseconds that it took."""

import asyncio
import os
import time

import asyncpg

ROWS = "select repeat('x', 1000) from generate_series(1, $1)"


def handler(event, context):
    began = time.monotonic()
    rows = asyncio.run(ask(event.get("rows", 1)))
    return {"rows": rows, "ms": round((time.monotonic() - began) * 1000)}


async def ask(number):
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        return len(await connection.fetch(ROWS, number))
    finally:
        await connection.close()
