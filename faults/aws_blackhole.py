"""aws_blackhole: a call that goes nowhere, as from a subnet without a route to AWS."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import AwsCall, Held
from emulator.scope import Match


@dataclass(frozen=True)
class AwsBlackhole(Fault):
    """The call does nothing and hangs, in real time, until the client or the function gives up; after `seconds` the
    connection ends without an answer, which SDKs retry. A rule that is disarmed ends it too."""

    name: ClassVar[str] = "aws_blackhole"
    default_match: ClassVar[Match] = Match(origin="function")

    seconds: float = param(900.0, "s", "until the connection ends; as long as a function can run")

    def new_state(self) -> threading.Event:
        """Set when nothing is to hang any longer."""
        return threading.Event()

    def on_aws_call(self, call: AwsCall, proceed: Callable[[], Any], ctx: Context) -> Held:
        """Without proceeding."""
        return Held(None, self.seconds, ctx.state)

    def heal(self, ctx: Context) -> None:
        ctx.state.set()
