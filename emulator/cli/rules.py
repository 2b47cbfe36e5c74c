"""Rules as people type them on a command line."""

from __future__ import annotations

from typing import Any

import yaml

from emulator.errors import UsageError


def written(text: str) -> Any:
    """A fault's bare name, or a mapping in YAML."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"--fault {text!r}: bad YAML: {getattr(error, 'problem', error)}") from None
