"""The fixture `client`, a Runtime API and the runtime's side of it, and a client that is given an event."""

from __future__ import annotations

import pytest
from lambda_fixtures import Client, runtime_client


@pytest.fixture
def client():
    with runtime_client() as made:
        yield made


def running(client: Client) -> None:
    client.poll_next()
    client.deliver("id-1")
