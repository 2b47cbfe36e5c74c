"""The two files people write: a rig file (what there is) and a scenario file (what happens, and what must come of it).

Shapes are pydantic models; every mistake becomes one FileProblem that names file, key and choices.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from emulator.errors import FileProblem
from emulator.file_models import (
    ROLE,
    AwsStep,
    FunctionSpec,
    GuidePlace,
    GuideScenario,
    HttpStep,
    InvokeStep,
    RigFile,
    RoleSpec,
    RouteSpec,
    ScenarioFile,
    Step,
)
from emulator.plain_yaml import BadYaml, parse

__all__ = [
    "ROLE",
    "AwsStep",
    "FunctionSpec",
    "GuideScenario",
    "HttpStep",
    "InvokeStep",
    "RigFile",
    "RoleSpec",
    "RouteSpec",
    "ScenarioFile",
    "Step",
    "load",
    "problem",
    "specified",
]
SHOWN = 80  # characters of a wrong value


F = TypeVar("F", bound=RigFile)


def load(path: Path, model: type[F], changes: Mapping[str, Any] | None = None) -> F:
    """Read and check a file; relative paths in it become absolute. changes: dotted keys -> other values for them, null
    takes a key away. Raises FileProblem."""
    written = _read(path)
    if not isinstance(written, dict):
        raise FileProblem(path, "", f"must be a mapping of keys, not {_short(written)}", model.model_fields)
    for key, value in (changes or {}).items():
        _change(written, key, value, path)
    try:
        loaded = model.model_validate(written)
    except ValidationError as error:
        raise problem(path, error, model) from None
    return _absolute(loaded, path)


def _change(written: Any, key: str, value: Any, path: Path) -> None:
    """Set what the dotted key names; a number counts in a list. The place must be there."""
    *above, last = key.split(".")
    at = written
    for part in above:
        at = _below(at, part, path, key)
    place: Any = int(last) if isinstance(at, list) and last.isdecimal() else last
    if not isinstance(at, dict | list) or (isinstance(at, list) and place not in range(len(at))):
        raise FileProblem(path, key, "there is no such place in the file")
    if value is None:
        _below(at, last, path, key)
        del at[place]
    else:
        at[place] = value


def _below(at: Any, part: str, path: Path, key: str) -> Any:
    if isinstance(at, dict) and part in at:
        return at[part]
    if isinstance(at, list) and part.isdecimal() and int(part) < len(at):
        return at[int(part)]
    raise FileProblem(path, key, "there is no such place in the file")


def specified(where: str, **given: Any) -> FunctionSpec:
    """A function described in Python; `where` names it. Raises FileProblem."""
    try:
        spec = FunctionSpec(**given)
    except ValidationError as error:
        raise problem(where, error, FunctionSpec) from None
    if not spec.folder.is_dir():
        raise FileProblem(where, "folder", f"no such folder: {spec.folder}")
    return spec


def _read(path: Path) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileProblem(path, "", "no such file") from None
    except OSError as error:
        raise FileProblem(path, "", f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise FileProblem(path, "", f"is no text: {error.reason} at byte {error.start}") from None
    except BadYaml as error:
        raise FileProblem(path, error.place, f"bad YAML: {error}") from None


def _absolute(loaded: F, path: Path) -> F:
    base = path.resolve().parent
    for name, function in loaded.functions.items():
        function.folder = base / function.folder
        if not function.folder.is_dir():
            raise FileProblem(path, f"functions.{name}.folder", f"no such folder: {function.folder}")
    if loaded.upstreams is not None:
        loaded.upstreams = base / loaded.upstreams
        if not loaded.upstreams.is_file():
            raise FileProblem(path, "upstreams", f"no such file: {loaded.upstreams}")
    return loaded


def problem(file: object, error: ValidationError, model: type[BaseModel]) -> FileProblem:
    """The first mistake pydantic found."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return FileProblem(file, key, "unknown key", _choices(model, first["loc"][:-1]), given=first["loc"][-1])
    if first["type"] == "missing":
        rig_file = ": without it this is a rig file, for `lambdarig up`" if key == "scenario" else ""
        return FileProblem(file, key, f"is missing{rig_file}")
    said = "must be a path" if first["type"] == "path_type" else first["msg"]
    return FileProblem(file, key, f"{said}, not {_short(first['input'])}")


def _choices(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at `place`."""
    parts: dict[object, type[BaseModel]] = {
        "functions": FunctionSpec, "apis": RouteSpec, "roles": RoleSpec, "guide": GuidePlace,
        "steps": Step, "fix": Step,
    }
    kinds: dict[object, type[BaseModel]] = {"invoke": InvokeStep, "aws": AwsStep, "http": HttpStep}
    here = parts.get(place[0], model) if place else model
    if here is Step and len(place) > 2:
        here = kinds[place[2]]
    return [field.alias or name for name, field in here.model_fields.items()]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
