"""What a test asks `make_rig` for, checked before a rig is made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from emulator.errors import UsageError
from emulator.settings import IAM_MODES, Settings

WRITTEN_FREELY = ("state_dir", "state", "without")  # a text for a path, a list for a tuple
_RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "account_limit": (lambda value: value >= 1, "1 or more"),
    "idle_s": (lambda value: value is None or value > 0, "more than 0, or None"),
    "port": (lambda value: 0 <= value <= 65535, "between 0 and 65535"),
}


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """As Settings takes it. Raises UsageError naming the setting, and what it may be."""
    names = [field.name for field in fields(Settings)]
    if unknown := sorted(given.keys() - set(names)):
        raise UsageError.unknown("setting", unknown[0], names)
    made = {name: _typed(name, value) for name, value in given.items()}
    for name, value in made.items():
        if name in _RANGES and not _RANGES[name][0](value):
            raise UsageError(f"setting {name!r}: must be {_RANGES[name][1]}, not {value!r}")
    for name, choices in _choices().items():
        if name in made and made[name] not in choices:
            raise UsageError.unknown(f"{name} of a rig", made[name], choices)
    return made


def _choices() -> dict[str, tuple[str, ...]]:
    from emulator.functions.engines import NAMES
    from emulator.functions.loglines import GENERATIONS

    return {"engine": (*NAMES, "auto"), "iam": IAM_MODES, "texts": tuple(GENERATIONS)}


def _typed(name: str, value: Any) -> Any:
    from pydantic import TypeAdapter, ValidationError

    try:
        hint = get_type_hints(Settings)[name]
        return TypeAdapter(hint).validate_python(value, strict=name not in WRITTEN_FREELY)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"setting {name!r}: {first['msg']}, not {first['input']!r}") from None
