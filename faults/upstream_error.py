"""upstream_error: the SaaS host answers something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import UpstreamCall, UpstreamReply


@dataclass(frozen=True)
class UpstreamError(Fault):
    """The SaaS host answers this status and body; the request does not reach its stub."""

    name: ClassVar[str] = "upstream_error"

    status: int = param(503, "HTTP status", "of the answer")
    body: str = param("", "", "of the answer")
    content_type: str = param("application/json", "", "what it says the body is")

    def __post_init__(self) -> None:
        if not 200 <= self.status <= 599:
            raise ValueError(f"status: must be 200 to 599, not {self.status}")
        if not self.content_type.isascii() or not self.content_type.isprintable():
            raise ValueError(f"content_type: {self.content_type!r} cannot be a header")

    def on_upstream(self, call: UpstreamCall, proceed: Callable[[], Any], ctx: Context) -> UpstreamReply:
        """Without proceeding."""
        return UpstreamReply(self.status, (("content-type", self.content_type),), self.body.encode())
