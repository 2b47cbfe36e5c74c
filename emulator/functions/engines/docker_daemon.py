"""Reaching the Docker daemon, and its errors in the rig's words."""

from __future__ import annotations

import http.client
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from emulator.errors import EngineError

if TYPE_CHECKING:
    from docker import APIClient

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
COMPOSE = "docker compose up, which runs the rig beside its functions"
PING_S = 0.8


def socket_path() -> str:
    """The daemon's socket on this machine. Raises EngineError for a daemon elsewhere: pipes do not reach there."""
    address = os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET
    if sys.platform != "linux":
        raise EngineError(f"on {sys.platform} Docker runs in a virtual machine, out of reach of this process", COMPOSE)
    if not address.startswith("unix://"):
        raise EngineError(f"the Docker daemon at {address} is not on this machine", COMPOSE)
    return address.removeprefix("unix://")


def unusable() -> str | None:
    """None when a daemon answers, else why not, within a second. Imports nothing: `--engine auto` asks at start."""
    connection = http.client.HTTPConnection("docker", timeout=PING_S)
    try:
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(PING_S)
        connection.sock.connect(socket_path())
        connection.request("GET", "/_ping")
        status = connection.getresponse().status
    except EngineError as problem:
        return str(problem)
    except (OSError, http.client.HTTPException) as problem:
        return f"no Docker daemon answers: {problem}"
    finally:
        connection.close()
    return None if status == 200 else f"the Docker daemon is not well: it answers a ping with {status}"


def connect() -> APIClient:
    """A client that several threads may use. Raises EngineError."""
    with answering("connecting to Docker"):
        client = unmocked()(base_url=f"unix://{socket_path()}", version="auto")
    client.trust_env = False  # looking for proxies and .netrc costs 0.2 ms a call, and a socket has neither
    return client


@cache
def unmocked() -> type[APIClient]:
    """`responses`, and moto with it, put their own in the place of every adapter's `send` while a test runs. What the
    test mocks is not the rig's daemon."""
    from docker import APIClient
    from requests.adapters import HTTPAdapter

    class Unmocked(APIClient):
        def get_adapter(self, url: str) -> Any:
            adapter: Any = super().get_adapter(url)
            mocking = sys.modules.get("responses")
            adapter.send = partial(mocking._real_send if mocking else HTTPAdapter.send, adapter)
            return adapter

    return Unmocked


@contextmanager
def answering(doing: str) -> Iterator[None]:
    """Turn the daemon's refusals and silences into EngineError. doing: `starting orders/env-1`."""
    from docker.errors import APIError, DockerException
    from requests import RequestException

    try:
        yield
    except APIError as refusal:
        raise EngineError(f"{doing}: Docker refused: {refusal.explanation or refusal}") from refusal
    except (DockerException, RequestException) as silence:
        raise EngineError(f"{doing}: Docker does not answer: {silence}", "lambdarig doctor") from silence
