"""Rules as people type them on a command line."""

from __future__ import annotations

from typing import Any

from emulator.errors import FileProblem
from emulator.plain_yaml import BadYaml, parse


def written(text: str, where: str) -> Any:
    """A fault's bare name, or a mapping in YAML. where: names the argument. Raises FileProblem."""
    try:
        return parse(text)
    except BadYaml as error:
        raise FileProblem(where, error.place, f"bad YAML: {error}") from None
