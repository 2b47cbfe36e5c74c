"""Connections to databases and SaaS hosts, and what is asked there."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class _AtHost:
    id: str
    host: str
    function: str = ""

    def attributes(self) -> Mapping[str, str]:
        return {"host": self.host, "function": self.function}


@dataclass(frozen=True)
class Connection(_AtHost):
    """A connection at a relay. id: `NAME/inv-3/orders-db/conn-1`, of the invocation that made it; at init
    `NAME/env-2/...`; `orders-db/conn-1` where unattributed. host: the relay's name. target: address of what is
    behind it. idle_s: at point `resume`, rig seconds for which its environment has been frozen."""

    invocation: str = ""
    target: tuple[str, int] = ("", 0)
    idle_s: float = 0.0


class Release:
    """Says whether held sockets may go; the relay asks, the fault's `heal` answers."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []
        self.released = False

    def on_release(self, callback: Callable[[], None]) -> None:
        """Call back when released (at once if it already is)."""
        self._callbacks.append(callback)
        if self.released:
            callback()

    def forget(self, callback: Callable[[], None]) -> None:
        """What it held is over: it need not be called back."""
        with contextlib.suppress(ValueError):  # it was called meanwhile
            self._callbacks.remove(callback)

    def release(self) -> None:
        """Let go of everything held, now and from now on."""
        self.released = True
        for callback in tuple(self._callbacks):
            callback()
        self._callbacks.clear()


class Chunks(Iterator[tuple[float, bytes]], Protocol):
    """(when it came, by `line.now`; what), until the sender has ended or the rule is disarmed."""

    ended: float
    """When the sender ended; infinite until then."""


class Line(Protocol):
    """What a shape may do to the connection that it stands on."""

    def now(self) -> float:
        """The machine's monotonic seconds."""

    def wait(self, seconds: float) -> bool:
        """Really wait. True: waited; False, at once and for ever after, when the connection ends or the rule is
        disarmed."""

    def reset(self) -> bool:
        """End both sides with a reset (RST), now. False, and nothing done, when the rule is disarmed."""

    def close(self) -> bool:
        """End both sides in order (FIN), behind what was given on; `chunks` then gives no more. False, and nothing
        done, when the rule is disarmed."""


class Shape(Protocol):
    """What a fault does to the bytes of one direction of a connection, as long as its rule is armed."""

    def __call__(self, chunks: Chunks, line: Line) -> Iterator[bytes]:
        """Give on what comes in, as it is or otherwise; the sender's end is passed on when this returns. What comes
        when the rule is disarmed passes without it."""


@dataclass(frozen=True)
class Link:
    """How a relay treats one connection: with `hold`, neither side's close reaches the other until released. shapes:
    (`upstream` or `downstream`, shape, until): what happens to the bytes to the server or to the client, the first
    shape first, until the release. closing: at point `resume`, how the server's side ends now: `fin`,
    `reset`, or `silent`, where it resets whoever speaks."""

    verdict: str = "connected"
    hold: Release | None = None
    shapes: tuple[tuple[str, Shape, Release], ...] = ()
    closing: str = ""


@dataclass(frozen=True)
class NameQuery(_AtHost):
    """A lookup of a name. id: `NAME/inv-3/api.example.com`, `NAME/env-2/init/...`, `names/...` where unattributed:
    clients ask several times, which counts as once."""


@dataclass(frozen=True)
class Resolved:
    """verdict: resolved; missing (NXDOMAIN); failed (SERVFAIL); unanswered."""

    verdict: str = "resolved"


@dataclass(frozen=True)
class Handshake(_AtHost):
    """A TLS handshake of a function with a SaaS host. id: `NAME/inv-3/api.example.com/tls-1`."""


@dataclass(frozen=True)
class Certificate:
    """What the host shows. verdict: valid. since, days: from now to its beginning and to its end, negative when that is
    over. name: another name than the host's that it is made out to. trusted: False for one by an authority that nobody
    knows."""

    verdict: str = "valid"
    since: int = -1
    days: int = 365
    name: str = ""
    trusted: bool = True


@dataclass(frozen=True)
class UpstreamCall:
    """A request to a SaaS host. id: `NAME/inv-3/login.salesforce.com#1`, or `host/...` where unattributed; of AppFlow
    for a profile `appflow.amazonaws.com/PROFILE/...`. caller: the AWS service that asks, by its principal."""

    id: str
    host: str
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""
    function: str = ""
    caller: str = ""

    def attributes(self) -> Mapping[str, str]:
        route = f"{self.method} {self.path.split('?')[0]}"
        return {"host": self.host, "route": route, "function": self.function, "caller": self.caller}


@dataclass(frozen=True)
class UpstreamReply:
    """What the SaaS host answers."""

    status: int
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: bytes = b""

    @property
    def verdict(self) -> str:
        return str(self.status)


@dataclass(frozen=True)
class UpstreamReset:
    """The host ends the connection with a reset instead. reply: of whose bytes it sends the first `after_bytes`."""

    reply: UpstreamReply | None = None
    after_bytes: int = 0
    verdict: str = "reset"
