"""init_crash: the environment's init fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from emulator.fault import param
from emulator.model import ColdStart
from emulator.start_fault import StartFault

MOST = 255
HANDLER = "app.handler"  # of an image, whose own the rig does not know


@dataclass(frozen=True)
class InitCrash(StartFault):
    """Init fails. `exit`: the runtime's process ends at once, Runtime.ExitError "Runtime exited with error: exit status
    1". `import`: the function's handler names a module that its package does not have, which AWS's own runtime client
    tells as Runtime.ImportModuleError (Java's at the first event, as ClassNotFoundException). Lambda repeats a failed
    init inside the invocation: with `times: 1` that one goes well, and the caller sees nothing of it but time."""

    name: ClassVar[str] = "init_crash"

    how: Literal["exit", "import"] = param("exit", "", "`exit` or `import`")
    exit_status: int = param(1, "", "of the process, with `exit`; with 0 it ends `without providing a reason`")

    def __post_init__(self) -> None:
        if not 0 <= self.exit_status <= MOST:
            raise ValueError(f"exit_status: it must be between 0 and {MOST}, not {self.exit_status}")
        if self.how != "exit" and self.exit_status != InitCrash.exit_status:
            raise ValueError("exit_status: a runtime that cannot import does not end by it")

    def altered(self, cold: ColdStart) -> ColdStart:
        if self.how == "exit":
            return replace(cold, exit_status=self.exit_status)
        return replace(cold, handler=f"missing_{cold.function.handler or HANDLER}")
