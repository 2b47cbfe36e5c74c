"""The engines by name, and the choice among them."""

from __future__ import annotations

from pathlib import Path

from emulator.clock import Clock
from emulator.errors import UsageError
from emulator.functions.engines.protocol import Engine

NAMES = ("docker", "process", "inline")


def choose(name: str, rig_id: str, state_dir: Path, clock: Clock) -> Engine:
    """The engine of that name; `auto` takes docker when an engine answers, else process. Raises UsageError."""
    if name not in (*NAMES, "auto"):
        raise UsageError.unknown("engine", name, (*NAMES, "auto"))
    if name == "auto":
        from emulator.functions.engines.docker import DockerEngine

        name = "process" if DockerEngine.available() else "docker"
    if name == "docker":
        from emulator.functions.engines.docker import DockerEngine
        from emulator.functions.images import image_for

        return DockerEngine(rig_id, image_for, state_dir, clock)
    if name == "process":
        from emulator.functions.engines.process import ProcessEngine

        return ProcessEngine(rig_id, state_dir, clock)
    from emulator.functions.engines.inline import InlineEngine

    return InlineEngine(rig_id, clock)
