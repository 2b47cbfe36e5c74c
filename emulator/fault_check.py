"""Whether a class can be used as a fault, and a fault as it was made: a mistake is told before it strikes."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from emulator.fault import POINTS, Fault, parameters

HOOK = ("subject", "proceed", "ctx")


def problem(fault: Any, name: str) -> str:
    """What is wrong with it, beginning with a verb; empty where nothing is. name: what its entry point calls it."""
    for look in (_is_fault, _is_named, _is_complete, _points, _hooks, _state, _documented, _parameters, _builds):
        if found := look(fault, name):
            return found
    return ""


def misfit(fault: Fault) -> str:
    """Which parameter of a fault that was made in Python is none, as the catalogue says it of one that was written;
    empty where all are right."""
    kind = type(fault)
    if not dataclasses.is_dataclass(kind):
        return ""
    hints = typing.get_type_hints(kind)
    for key, row in parameters(kind).items():
        value = getattr(fault, key)
        if wrong := untyped(value, hints[key]) or too_small(value, row):
            return f"with.{key}: {wrong}, not {value!r}"
    return ""


def untyped(value: Any, hint: Any) -> str:
    """Why a value is not of this type, strictly; or nothing."""
    from pydantic import TypeAdapter, ValidationError

    try:
        TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return ""


def too_small(value: Any, row: Mapping[str, Any]) -> str:
    """Why a value is less than its parameter (a row of `parameters`) may be; or nothing."""
    least = row.get("least", value)
    return f"must be {least:g} or more" if isinstance(value, int | float) and value < least else ""


def _is_fault(fault: Any, name: str) -> str:
    if not (isinstance(fault, type) and issubclass(fault, Fault) and dataclasses.is_dataclass(fault)):
        return "is not a dataclass derived from emulator.fault.Fault"
    return "" if fault.__dataclass_params__.frozen else "is not frozen: its state belongs into ctx.state"


def _is_named(fault: type[Fault], name: str) -> str:
    return "" if fault.name == name else f"calls itself {fault.name!r}: the two must agree"


def _is_complete(fault: type[Fault], name: str) -> str:
    """Nothing that its base leaves to it is missing."""
    for method in sorted(getattr(fault, "__abstractmethods__", ())):
        return f"has no {method}({', '.join(inspect.signature(getattr(fault, method)).parameters)})"
    return ""


def _points(fault: type[Fault], name: str) -> str:
    own = fault.own_points
    if not isinstance(own, Mapping) or not all(isinstance(part, str) for pair in own.items() for part in pair):
        return "has own_points that are no mapping of names to what they mean"
    for point in own:
        if point in POINTS:
            return f"has an own point {point!r}, which is the name of one of the rig's"
        if not point.isidentifier():
            return f"has an own point {point!r}, which is no name"
    return ""


def _hooks(fault: type[Fault], name: str) -> str:
    choices = (*POINTS, *fault.own_points)
    hooks = [name.removeprefix("on_") for name in dir(fault) if name.startswith("on_")]
    if unknown := sorted(set(hooks) - set(choices)):
        return f"hooks {unknown[0]!r}, which is no point: choose from {', '.join(choices)}"
    if not hooks:
        return f"hooks no point: choose from {', '.join(choices)}"
    return next(filter(None, (_signature(fault, f"on_{hook}", HOOK) for hook in hooks)), "")


def _state(fault: type[Fault], name: str) -> str:
    return _signature(fault, "new_state", ()) or _signature(fault, "heal", ("ctx",))


def _signature(fault: type[Fault], method: str, takes: tuple[str, ...]) -> str:
    called: Callable[..., Any] = getattr(fault, method)
    if not callable(called):
        return f"has {method} that is no method"
    if inspect.iscoroutinefunction(called):
        return f"has an async {method}: it is called, not awaited"
    try:
        inspect.signature(called).bind(fault, *takes)
    except TypeError:
        return f"has {method}{inspect.signature(called)}: it must take ({', '.join(('self', *takes))})"
    return ""


def _documented(fault: type[Fault], name: str) -> str:
    """A dataclass without a docstring is given its signature as one."""
    own = fault.__doc__ or ""
    return "says nothing of itself: give it a docstring" if not own or own.startswith(f"{fault.__name__}(") else ""


def _parameters(fault: type[Fault], name: str) -> str:
    try:
        hints = typing.get_type_hints(fault)
    except Exception as error:
        return f"has a type that cannot be resolved: {error!r}"
    for key, row in parameters(fault).items():
        if "about" not in row:
            return f"has a parameter {key!r} without param(): give it a default, a unit and a meaning"
        if wrong := _default(key, row, hints[key]):
            return wrong
    return ""


def _default(key: str, row: dict[str, Any], hint: Any) -> str:
    """By the rules for a person's value."""
    default = row["default"]
    if default is dataclasses.MISSING:
        return ""
    if wrong := untyped(default, hint):
        return f"has a parameter {key!r} whose default {default!r} does not fit: {wrong}"
    if too_small(default, row):
        return f"has a parameter {key!r} whose default {default!r} is less than its least, {row['least']:g}"
    return ""


def _builds(fault: type[Fault], name: str) -> str:
    if any(row["default"] is dataclasses.MISSING for row in parameters(fault).values()):
        return ""
    try:
        fault()
    except Exception as error:
        return f"cannot be made of its own defaults: {error}"
    return ""
