"""Functions in Node.js and Java on rigs of the real engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.pytest_plugin import PytestRig, Result

SOURCES = Path(__file__).parent / "runtimes"


def invoker(rig: PytestRig, runtime: str, folder: Path) -> Callable[..., Result]:
    """invoke(HANDLER, EVENT, memory=.., timeout=..): a function for each such set, made when first asked for, so that
    what is warm stays warm. `fresh` names one that nobody else uses."""
    made: dict[str, str] = {}

    def invoke(handler: str, event: Any, fresh: str = "", **settings: Any) -> Result:
        key = f"{handler}-{sorted(settings.items())}-{fresh}"
        if key not in made:
            made[key] = f"f{len(made)}-{runtime.partition('.')[0]}"
            rig.function(made[key], folder, handler, runtime=runtime, **{"timeout": 20, **settings})
        return rig.invoke(made[key], event)

    return invoke
