"""Finds faults by name (entry point group `lambdarig.faults`) and makes rules from what people write."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Any

from emulator.errors import FaultError, FileProblem, UsageError
from emulator.fault import Fault, Rule, parameters
from emulator.scope import MATCH_KEYS, PER, WHEN_KEYS, Match, When

GROUP = "lambdarig.faults"
RULE_KEYS = ("fault", "name", "with", "match", "when", "optional")


@lru_cache
def faults() -> dict[str, type[Fault]]:
    """Every installed fault by name. Raises FaultError for one that cannot be used, naming it."""
    found: dict[str, type[Fault]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        fault = point.load()
        if not (isinstance(fault, type) and issubclass(fault, Fault) and dataclasses.is_dataclass(fault)):
            raise FaultError(
                f"fault {point.name!r} ({point.value}) is not a dataclass derived from emulator.fault.Fault"
            )
        if fault.name != point.name:
            raise FaultError(f"fault {point.name!r} ({point.value}) calls itself {fault.name!r}: the two must agree")
        if not fault.points():
            raise FaultError(f"fault {point.name!r} ({point.value}) hooks no point")
        found[point.name] = fault
    return found


def rule(written: Any, file: str = "fault", key: str = "") -> Rule:
    """A rule from `{fault: NAME, with: {...}, match: {...}, when: {...}}`, or from a bare name.

    Raises FileProblem naming file, key and choices.
    """
    given = {"fault": written} if isinstance(written, str) else written
    mapping = _mapping(given, file, key)
    _only(mapping, RULE_KEYS, file, key)
    name = mapping.get("fault")
    if name not in faults():
        raise FileProblem(file, _join(key, "fault"), f"unknown fault {name!r}", faults())
    kind = faults()[name]
    values = _values(kind, _mapping(mapping.get("with") or {}, file, _join(key, "with")), file, _join(key, "with"))
    match = _values(Match, _mapping(mapping.get("match") or {}, file, _join(key, "match")), file, _join(key, "match"))
    when = _when(_mapping(mapping.get("when") or {}, file, _join(key, "when")), file, _join(key, "when"))
    optional, label = mapping.get("optional", False), mapping.get("name", "")
    _typed(optional, bool, file, _join(key, "optional"))
    _typed(label, str, file, _join(key, "name"))
    return Rule(_built(kind, values, file, _join(key, "with")), Match(**match), when, label, optional)


def rule_of(
    name: str, params: Mapping[str, Any], match: Mapping[str, Any], when: Mapping[str, Any], **rest: Any
) -> Rule:
    """The same from Python's keyword arguments."""
    return rule({"fault": name, "with": dict(params), "match": dict(match), "when": dict(when), **rest}, file=name)


def _built(kind: Callable[..., Fault], values: dict[str, Any], file: str, key: str) -> Fault:
    try:
        return kind(**values)
    except ValueError as error:  # a fault's own __post_init__ refuses a combination
        raise FileProblem(file, key, str(error)) from None


def _when(mapping: dict[str, Any], file: str, key: str) -> When:
    values = _values(When, mapping, file, key)
    checks: dict[str, tuple[Callable[[Any], bool], str]] = {
        "per": (lambda v: v in PER, f"must be one of {', '.join(PER)}"),
        "every": (lambda v: v >= 1, "must be 1 or more"),
        "after": (lambda v: v >= 0, "must be 0 or more"),
        "times": (lambda v: v is None or v >= 1, "must be 1 or more"),
        "probability": (lambda v: 0 <= v <= 1, "must be between 0 and 1"),
    }
    for name, (good, problem) in checks.items():
        if name in values and not good(values[name]):
            raise FileProblem(file, _join(key, name), f"{problem}, not {values[name]!r}")
    return When(**values)


def _values(kind: type[Any], mapping: dict[str, Any], file: str, key: str) -> dict[str, Any]:
    names = {Match: MATCH_KEYS, When: WHEN_KEYS}.get(kind) or tuple(parameters(kind))
    _only(mapping, names, file, key)
    hints = typing.get_type_hints(kind)
    return {name: _typed(value, hints[name], file, _join(key, name)) for name, value in mapping.items()}


def _typed(value: Any, hint: Any, file: str, key: str) -> Any:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    try:
        checked = TypeAdapter(hint, config=ConfigDict(strict=True)).validate_python(_pair(value))
    except ValidationError as error:
        raise FileProblem(file, key, f"{error.errors()[0]['msg']}, not {value!r}") from None
    return checked


def _pair(value: Any) -> Any:
    """YAML has no tuples."""
    return tuple(value) if isinstance(value, list) and len(value) == 2 else value


def _mapping(value: Any, file: str, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FileProblem(file, key, f"must be a mapping, not {value!r}")
    return value


def _only(mapping: Mapping[str, Any], names: tuple[str, ...], file: str, key: str) -> None:
    for name in mapping:
        if name not in names:
            raise FileProblem(file, _join(key, str(name)), "unknown key", names)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def one(name: str) -> type[Fault]:
    """A fault by name. Raises UsageError listing the choices."""
    if name not in faults():
        raise UsageError.unknown("fault", name, faults())
    return faults()[name]
