"""cpu_starved: an environment with a small part of its CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from emulator.fault import param, tighter
from emulator.model import ColdStart
from emulator.start_fault import StartFault


@dataclass(frozen=True)
class CpuStarved(StartFault):
    """Environments started under it get only a `share` of the CPU that belongs to their memory (1,769 MB: one vCPU), by
    the kernel's own quota, for as long as they live: their init too takes that much longer, in real time, and so does
    what the handler computes. One that was warm before is as quick as it was. The kernel gives 1% of a CPU at least."""

    name: ClassVar[str] = "cpu_starved"
    color: ClassVar[str] = "blue"

    share: float = param(0.1, "", "of its CPU that is left to an environment, above 0 and below 1")

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ValueError(f"share: it must be above 0 and below 1, not {self.share}")

    def altered(self, cold: ColdStart) -> ColdStart:
        return replace(cold, limits=replace(cold.limits, cpu=tighter(cold.limits.cpu, self.share)))
