"""out_of_memory: the kernel kills a runtime that takes more memory than its function has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

from emulator.fault import Context, Fault, param, tighter
from emulator.model import ColdStart, Delivery

POINTS = {"init": "start", "invocation": "deliver"}


@dataclass(frozen=True)
class OutOfMemory(Fault):
    """Of the function's memory only `left_mb` are free, as if earlier invocations had left something behind: when the
    handler takes more the kernel kills the runtime, and the caller gets Runtime.OutOfMemory "Runtime exited with error:
    signal: killed". With 0 it is killed before its code runs. In init, `left_mb` is all the memory there is until init
    is over; Lambda then repeats it inside the invocation. What is not free counts in Max Memory Used."""

    name: ClassVar[str] = "out_of_memory"

    left_mb: int = param(0, "MB", "of the function's memory that the handler, or init, can still take")
    at: Literal["invocation", "init"] = param("invocation", "", "`invocation` or `init`")

    def strikes_at(self, point: str) -> bool:
        return point == POINTS[self.at]

    def on_start(self, cold: ColdStart, proceed: Callable[..., Any], ctx: Context) -> Any:
        return proceed(replace(cold, memory_left_mb=tighter(cold.memory_left_mb, self.left_mb)))

    def on_deliver(self, delivery: Delivery, proceed: Callable[..., Any], ctx: Context) -> Any:
        return proceed(replace(delivery, memory_left_mb=tighter(delivery.memory_left_mb, self.left_mb)))
