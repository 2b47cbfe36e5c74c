"""Orders in PostgreSQL, behind an API Gateway REST API with Lambda proxy integration.

GET /orders, GET /orders/{id}, POST /orders {"customer": .., "total": ..}, GET /health. The database is DATABASE_URL.

Its known weakness: it waits for the server's end of the connection before it answers. Where the server never lets go
(`lambdarig faults db_socket_open`), the query is done and the function still runs into its timeout.
"""

import asyncio
import json
import os

import asyncpg

SCHEMA = """
create table if not exists orders (
  id integer generated always as identity primary key,
  customer text not null,
  total numeric(12, 2) not null check (total >= 0)
)"""
COLUMNS = "id, customer, total::float8 as total"


def handler(event, context):
    """Entry point; event and answer are API Gateway's proxy format, version 1.0."""
    status, body = asyncio.run(route(event))
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}


async def route(event):
    resource = (event["httpMethod"], event["path"].rstrip("/"))
    if resource == ("GET", "/health"):
        return 200, {"status": "ok"}
    if resource == ("GET", "/orders"):
        return await with_database(list_orders)
    if resource == ("POST", "/orders"):
        return await create(event)
    if event["httpMethod"] == "GET" and event["path"].startswith("/orders/"):
        return await find(event["path"].removeprefix("/orders/"))
    return 404, {"message": "no such route"}


async def with_database(work, *arguments):
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    try:
        await connection.execute(SCHEMA)
        return await work(connection, *arguments)
    finally:
        await connection.close()  # waits until the server has closed its end: the weakness


async def list_orders(connection):
    rows = await connection.fetch(f"select {COLUMNS} from orders order by id")
    return 200, {"orders": [dict(row) for row in rows]}


async def find(number):
    if not number.isdecimal() or int(number) >= 2**31:
        return 400, {"message": "an order's id is a whole number"}
    return await with_database(select_order, int(number))


async def select_order(connection, number):
    row = await connection.fetchrow(f"select {COLUMNS} from orders where id = $1", number)
    return (200, dict(row)) if row else (404, {"message": f"there is no order {number}"})


async def create(event):
    try:
        order = json.loads(event.get("body") or "")
        customer, total = order["customer"], round(float(order["total"]), 2)
    except (ValueError, TypeError, KeyError):
        return 400, {"message": "send a JSON object with customer and total"}
    if not isinstance(customer, str) or not customer or not 0 <= total < 1e10:
        return 400, {"message": "customer must be text and total an amount of 0 or more"}
    return await with_database(insert_order, customer, total)


async def insert_order(connection, customer, total):
    statement = f"insert into orders (customer, total) values ($1, $2::float8::numeric) returning {COLUMNS}"
    return 201, dict(await connection.fetchrow(statement, customer, total))
