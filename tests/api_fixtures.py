"""The fixture `shop`, a rig of its own that is ready for a REST API (api_rig.Api), and `logged`, one that logs."""

from __future__ import annotations

import pytest
from api_rig import Api

from emulator.rig import Rig
from emulator.settings import Settings

HANDLER = """
import json

def handler(event, context):
    do = (event.get("queryStringParameters") or {}).get("do")
    if do == "raise":
        raise ValueError("boom")
    if do == "malformed":
        return "Bad response"
    return {"statusCode": 201, "headers": {"x-made": "1"}, "body": json.dumps(event["requestContext"]["identity"])}
"""


@pytest.fixture
def shop(tmp_path):
    """An Api that is not made yet."""
    folder = tmp_path / "orders"
    folder.mkdir()
    (folder / "handler.py").write_text(HANDLER)
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield Api(rig, str(folder))


@pytest.fixture
def logged(shop):
    """GET /orders/{id} with everything in the execution log."""
    shop.make("GET /orders/{id}")
    shop.log()
    return shop
