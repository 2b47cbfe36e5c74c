"""descriptors_exhausted: no more files or sockets can be opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from emulator.fault import param, tighter
from emulator.model import ColdStart
from emulator.start_fault import StartFault

LEAST = 24


@dataclass(frozen=True)
class DescriptorsExhausted(StartFault):
    """Environments started under it may have `limit` files and sockets open in a process instead of Lambda's 1,024, for
    as long as they live, as if the others had leaked: the next one fails with EMFILE, "Too many open files". AWS's
    Python runtime itself holds 6 of them, Node.js 19 to 22, Java 10."""

    name: ClassVar[str] = "descriptors_exhausted"

    limit: int = param(32, "", "descriptors that a process may have, its runtime's included", least=LEAST)

    def altered(self, cold: ColdStart) -> ColdStart:
        return replace(cold, limits=replace(cold.limits, open_files=tighter(cold.limits.open_files, self.limit)))
