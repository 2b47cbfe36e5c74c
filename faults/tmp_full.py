"""tmp_full: no space left in /tmp."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from emulator.fault import param, tighter
from emulator.model import ColdStart
from emulator.start_fault import StartFault


@dataclass(frozen=True)
class TmpFull(StartFault):
    """Environments started under it have a /tmp with room for `left_kb` only, for as long as they live, as if what was
    left behind there had filled it up: the write that goes past it fails with ENOSPC, "No space left on device". It
    takes none of the function's memory."""

    name: ClassVar[str] = "tmp_full"

    left_kb: int = param(64, "KB", "of room in /tmp; the kernel counts in pages of 4", least=4)

    def altered(self, cold: ColdStart) -> ColdStart:
        return replace(cold, limits=replace(cold.limits, tmp_kb=tighter(cold.limits.tmp_kb, self.left_kb)))
