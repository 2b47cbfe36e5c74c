"""upstream_reset: the SaaS host breaks the connection off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import UpstreamCall, UpstreamReset


@dataclass(frozen=True)
class UpstreamConnectionReset(Fault):
    """The SaaS host ends the connection with a reset (RST) instead of its answer, or in the middle of it: Node.js's
    clients say ECONNRESET, Python's ConnectionResetError (urllib3 wraps it in a ProtocolError), but over TLS before
    3.12.3 that the connection was closed (RemoteDisconnected). What was asked is done all the same, unless `done` is
    false: a client that tries again does it twice."""

    name: ClassVar[str] = "upstream_reset"

    after_bytes: int = param(0, "bytes", "of the answer that arrive first: status line and headers, then the body")
    done: bool = param(True, "", "the request has reached its stub; otherwise it never does")

    def __post_init__(self) -> None:
        if self.after_bytes and not self.done:
            raise ValueError("after_bytes: a host that has not done what it was asked has no answer to begin")

    def on_upstream(self, call: UpstreamCall, proceed: Callable[[], Any], ctx: Context) -> UpstreamReset:
        """Whatever the answer would have been, held back or not."""
        return UpstreamReset(proceed() if self.done else None, self.after_bytes)
