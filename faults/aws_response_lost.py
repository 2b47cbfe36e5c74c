"""aws_response_lost: it happened, and nobody was told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, Held
from emulator.scope import Match


@dataclass(frozen=True)
class AwsResponseLost(Fault):
    """The call is done, and its answer does not arrive: the connection ends without one. An SDK that retries does it
    twice, unless a client token tells AWS that it is the same."""

    name: ClassVar[str] = "aws_response_lost"
    default_match: ClassVar[Match] = Match(origin="function")

    seconds: float = param(0.0, "s", "for which the client waits, in real time, before the connection ends")

    def new_state(self) -> threading.Event:
        """Set when nobody is to wait any longer."""
        return threading.Event()

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Held:
        proceed()
        return Held(None, self.seconds, ctx.state)

    def heal(self, ctx: Context) -> None:
        ctx.state.set()
