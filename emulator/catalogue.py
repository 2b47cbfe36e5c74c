"""Finds faults by name (entry point group `lambdarig.faults`) and makes rules from what people write."""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from emulator.errors import FaultError, FileProblem, UsageError
from emulator.fault import Fault, Rule, parameters
from emulator.fault_check import problem as problem_of
from emulator.fault_check import too_small
from emulator.scope import MATCH_KEYS, PER, WHEN_KEYS, Match, When

GROUP = "lambdarig.faults"
RULE_KEYS = ("fault", "name", "with", "match", "when", "optional")
LABEL = re.compile(r"\w[\w .:-]*")
GROUPS = {  # points -> the heading under which people look for a fault that strikes there first
    "AWS calls": ("aws_call", "read"),
    "Environments": ("start", "warm"),
    "Invocations": ("request", "permit", "invoke", "deliver"),
    "Flows": ("query", "write"),
    "Sockets": ("connect", "resume"),
    "SaaS hosts": ("resolve", "handshake", "upstream"),
}
OTHERS = "At points of their own"
_WHEN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "per": (lambda v: v in PER, f"must be one of {', '.join(PER)}"),
    "every": (lambda v: v >= 1, "must be 1 or more"),
    "after": (lambda v: v >= 0, "must be 0 or more"),
    "times": (lambda v: v is None or v >= 1, "must be 1 or more"),
    "probability": (lambda v: 0 <= v <= 1, "must be between 0 and 1"),
    "ttl": (lambda v: v is None or v > 0, "must be more than 0"),
    "between": (lambda v: v is None or 0 <= v[0] < v[1], "must be two numbers, 0 or more, the second the larger"),
}


@lru_cache
def faults() -> Mapping[str, type[Fault]]:
    """Every installed fault by name. Raises FaultError for one that cannot be used, naming it."""
    return collected(entry_points(group=GROUP))


def grouped() -> dict[str, list[str]]:
    """Names of faults by heading, both in the order in which they are to be shown; no heading is empty."""
    groups: dict[str, list[str]] = {heading: [] for heading in (*GROUPS, OTHERS)}
    for name, fault in faults().items():
        heading = next((heading for heading, points in GROUPS.items() if fault.points()[0] in points), OTHERS)
        groups[heading].append(name)
    return {heading: names for heading, names in groups.items() if names}


def choices(fault: type[Fault], parameter: str) -> tuple[Any, ...]:
    """What a parameter may be, where its type is a Literal; else nothing."""
    hint = typing.get_type_hints(fault)[parameter]
    return typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()


def about(fault: type[Fault]) -> str:
    """What a fault says of itself, in one sentence."""
    return re.split(r"(?<=\.)\s+(?=[A-Z`])", " ".join((inspect.getdoc(fault) or "").split()), maxsplit=1)[0]


def collected(points: Iterable[EntryPoint]) -> dict[str, type[Fault]]:
    """The faults behind entry points. Raises FaultError naming the one that cannot be used, and why."""
    found: dict[str, type[Fault]] = {}
    for point in sorted(points, key=lambda p: p.name):
        problem, fault = _loaded(point)
        if not problem and found.get(point.name, fault) is not fault:
            problem = "has the name of another fault"
        if problem:
            raise FaultError(f"fault {point.name!r} ({point.value}) {problem}")
        found[point.name] = fault
    return found


def _loaded(point: EntryPoint) -> tuple[str, Any]:
    try:
        fault = point.load()
    except Exception as error:
        return f"cannot be imported: {error!r}", None
    return problem_of(fault, point.name), fault


def rule(written: Any, file: str = "fault", key: str = "") -> Rule:
    """A rule from `{fault: NAME, with: {...}, match: {...}, when: {...}}`, or from a bare name.

    Raises FileProblem naming file, key and choices.
    """
    mapping = _mapping({"fault": written} if isinstance(written, str) else written, file, key)
    only(mapping, RULE_KEYS, file, key)
    name = mapping.get("fault")
    if not isinstance(name, str) or name not in faults():
        problem = f"unknown fault {name!r}" if name else "is missing"
        raise FileProblem(file, _join(key, "fault"), problem, faults(), given=name)
    kind = faults()[name]
    inside = {part: _mapping(mapping.get(part), file, _join(key, part)) for part in ("with", "match", "when")}
    values = _parameters(kind, inside["with"], file, _join(key, "with"))
    match = _values(Match, inside["match"], file, _join(key, "match"))
    when = _values(When, inside["when"], file, _join(key, "when"))
    for part, (good, problem) in _WHEN.items():
        if part in when and not good(when[part]):
            raise FileProblem(file, _join(key, f"when.{part}"), f"{problem}, not {inside['when'][part]!r}")
    optional = _typed(mapping.get("optional", False), bool, file, _join(key, "optional"))
    label = _label(mapping.get("name", ""), file, _join(key, "name"))
    return Rule(_built(kind, values, file, _join(key, "with")), Match(**match), When(**when), label, optional)


def rules(written: list[Any], file: object) -> list[Rule]:
    """The `faults` of a file, whose labels must differ."""
    made, taken = [], set[str]()
    for number, entry in enumerate(written):
        made.append(rule(entry, str(file), f"faults.{number}"))
        claim(made[-1], taken, file, f"faults.{number}")
    return made


def rule_of(
    name: str, params: Mapping[str, Any], match: Mapping[str, Any], when: Mapping[str, Any], **rest: Any
) -> Rule:
    """The same from Python's keyword arguments."""
    return rule({"fault": name, "with": dict(params), "match": dict(match), "when": dict(when), **rest}, file=name)


def claim(rule: Rule, taken: set[str], file: object, key: str) -> None:
    """Add the rule's label to those `taken`. Raises FileProblem when it is there already."""
    if rule.label in taken:
        raise FileProblem(file, key, f"a rule named {rule.label!r} is armed already: give this one a `name` of its own")
    taken.add(rule.label)


def one(name: str) -> type[Fault]:
    """A fault by name. Raises UsageError listing the choices."""
    if name not in faults():
        raise UsageError.unknown("fault", name, faults())
    return faults()[name]


def _label(written: Any, file: str, key: str) -> str:
    label = str(_typed(written, str, file, key))
    if label and not LABEL.fullmatch(label):
        raise FileProblem(file, key, f"must be letters, digits, spaces and any of _ . : -, not {label!r}")
    return label


def _parameters(kind: type[Fault], mapping: dict[str, Any], file: str, key: str) -> dict[str, Any]:
    values = _values(kind, mapping, file, key)
    for name, row in parameters(kind).items():
        if name not in values and row["default"] is dataclasses.MISSING:
            raise FileProblem(file, _join(key, name), "is missing")
        if name in values and (wrong := too_small(values[name], row)):
            raise FileProblem(file, _join(key, name), f"{wrong}, not {values[name]!r}")
    return values


def _built(kind: Callable[..., Fault], values: dict[str, Any], file: str, key: str) -> Fault:
    try:
        return kind(**values)
    except ValueError as error:  # a fault's own __post_init__ refuses a combination
        raise FileProblem(file, key, str(error)) from None


def _values(kind: type[Any], mapping: dict[str, Any], file: str, key: str) -> dict[str, Any]:
    names = {Match: MATCH_KEYS, When: WHEN_KEYS}.get(kind) or tuple(parameters(kind))
    only(mapping, names, file, key)
    hints = typing.get_type_hints(kind)
    return {name: _typed(value, hints[name], file, _join(key, name)) for name, value in mapping.items()}


def _typed(value: Any, hint: Any, file: str, key: str) -> Any:
    """`value` as `hint` wants it, strictly, by JSON's rules: a tuple is written as a list."""
    from pydantic import ConfigDict, TypeAdapter, ValidationError
    from pydantic_core import PydanticSerializationError, to_json

    try:
        plain = to_json(value, inf_nan_mode="constants")
        return TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False)).validate_json(plain, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join((key, *map(str, first["loc"])))
        raise FileProblem(file, place, f"{first['msg']}, not {first['input']!r}") from None
    except (PydanticSerializationError, ValueError) as error:
        raise FileProblem(file, key, f"is nothing that can be written: {error}") from None


def _mapping(value: Any, file: str, key: str) -> dict[str, Any]:
    if value is None and key:
        return {}
    if not isinstance(value, dict):
        raise FileProblem(file, key, f"must be a mapping, not {value!r}", () if key else RULE_KEYS)
    return value


def only(mapping: Mapping[str, Any], names: tuple[str, ...], file: str, key: str = "") -> None:
    """Raises FileProblem for a key that is none of `names`."""
    for name in mapping:
        if name not in names:
            raise FileProblem(file, _join(key, str(name)), "unknown key", names, given=name)


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
