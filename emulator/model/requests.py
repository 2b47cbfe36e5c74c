"""Requests at API Gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class HttpCall:
    """A client's request that API Gateway has routed. id: `apigateway/req-1`.

    path: as sent, without the stage. route: method and resource path, `GET /orders/{id}`. headers: as the client
    sent them. function: name of the function behind the route, empty where there is none.
    """

    id: str
    method: str
    path: str
    route: str
    api: str
    stage: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    function: str = ""

    def attributes(self) -> Mapping[str, str]:
        return {"route": self.route, "origin": "apigateway", "function": self.function}


@dataclass(frozen=True)
class HttpReply:
    """What the client gets; the front door adds its request ids and Content-Length."""

    status: int
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = b""

    @property
    def verdict(self) -> str:
        return str(self.status)
