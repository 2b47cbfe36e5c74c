"""environment_killed: an execution environment is gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from emulator.fault import Context, Fault, param, tighter
from emulator.model import ColdStart, Delivery, Reuse, Warm

POINTS = {"init": "start", "invocation": "deliver", "frozen": "warm"}


@dataclass(frozen=True)
class EnvironmentKilled(Fault):
    """The environment is killed from outside, as when the machine below it is lost. In the invocation the caller gets
    Runtime.ExitError "Runtime exited with error: signal: killed"; in init the same once the repeated one is killed too;
    while it is frozen, nothing but a cold start. Work that is done is not undone; what was in memory and in /tmp is
    lost. An init or an invocation that is over before `after_ms` is not killed."""

    name: ClassVar[str] = "environment_killed"

    at: Literal["init", "invocation", "frozen"] = param("invocation", "", "`init`, `invocation` or `frozen`")
    after_ms: int = param(0, "ms", "of init or of the handler's work before it is killed, which really pass")

    def __post_init__(self) -> None:
        if self.at == "frozen" and self.after_ms:
            raise ValueError("after_ms: one that is frozen is found dead, whenever it was killed")

    def strikes_at(self, point: str) -> bool:
        return point == POINTS[self.at]

    def on_start(self, cold: ColdStart, proceed: Callable[..., Any], ctx: Context) -> Any:
        return proceed(replace(cold, kill_after_s=tighter(cold.kill_after_s, self.after_ms / 1000)))

    def on_deliver(self, delivery: Delivery, proceed: Callable[..., Any], ctx: Context) -> Any:
        return proceed(replace(delivery, kill_after_s=tighter(delivery.kill_after_s, self.after_ms / 1000)))

    def on_warm(self, warm: Warm, proceed: Callable[..., Any], ctx: Context) -> Reuse:
        return Reuse("killed")
