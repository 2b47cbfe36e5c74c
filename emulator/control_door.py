"""The way to the control plane: health is answered at once, the rest by Flask, which is imported when first needed.

Importing Flask takes a quarter of a rig's start, and whoever waits for a rig asks for nothing but its health.
"""

from __future__ import annotations

import ipaddress
import json
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emulator.importing import IMPORTING

if TYPE_CHECKING:
    from emulator.rig import Rig

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


class ControlDoor:
    """WSGI. stop: asks the process to end. ready: False while a rig file's functions are made; health is 503 then."""

    def __init__(self, rig: Rig, stop: Callable[[], None]) -> None:
        self._rig, self._stop, self.ready = rig, stop, True
        self._lock = threading.Lock()
        self._app: Callable[..., Iterable[bytes]] | None = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        asked = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if asked != ("GET", "/_rig/health") or not is_local(environ):
            return self._flask()(environ, start_response)
        body = json.dumps(health(self._rig) | ({} if self.ready else {"status": "building"})).encode()
        status = "200 OK" if self.ready else "503 Service Unavailable"
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    def _flask(self) -> Callable[..., Iterable[bytes]]:
        with self._lock:
            if self._app is None:
                with IMPORTING:
                    from emulator.control import control

                self._app = control(self._rig, self._stop)
            return self._app


def health(rig: Rig) -> dict[str, Any]:
    """That it serves, and which rig it is."""
    return {"status": "ok", "version": version(), "rig": rig.id, "pid": os.getpid()}


def is_local(environ: Mapping[str, Any]) -> bool:
    """A loopback client, by a loopback name, no page in a browser: one must not get here through a name it controls."""
    try:
        name = urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname
        peer = ipaddress.ip_address(environ.get("REMOTE_ADDR") or "")
    except ValueError:  # a name or an address that is none
        return False
    inside = getattr(peer, "ipv4_mapped", None)  # ::ffff:127.0.0.1, on a socket that serves both families
    return (inside or peer).is_loopback and name in LOOPBACK_NAMES and "HTTP_ORIGIN" not in environ


@cache
def version() -> str:
    """Of the distribution that is installed."""
    return metadata.version("lambdarig")
