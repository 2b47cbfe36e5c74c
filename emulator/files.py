"""The two files people write: a rig file (what there is) and a scenario file (what happens, and what must come of it).

Shapes are pydantic models; every mistake becomes one FileProblem that names file, key and choices.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emulator.errors import FileProblem


class Strict(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class FunctionSpec(Strict):
    """A function made when the rig starts. folder: relative to the file. requirements: install the folder's own
    requirements.txt for the runtime's Python first. Sizes in MB, times in seconds."""

    folder: Path
    handler: str
    runtime: str = "python"
    memory: int = Field(128, ge=128, le=10240)
    timeout: int = Field(3, ge=1, le=900)
    ephemeral: int = Field(512, ge=512, le=10240)
    role: str = "arn:aws:iam::123456789012:role/lambdarig"
    environment: dict[str, str] = {}
    requirements: bool = False
    reserved_concurrency: int | None = Field(None, ge=0)


class RouteSpec(Strict):
    """One REST API: path -> function, `ANY` unless given as `GET /orders/{id}`."""

    stage: str = "dev"
    routes: dict[str, str]


class Step(Strict):
    """One thing done, and what must come of it. Exactly one of invoke, aws, http, advance, arm, disarm."""

    name: str = ""
    invoke: dict[str, Any] | None = None
    aws: dict[str, Any] | None = None
    http: dict[str, Any] | None = None
    advance: float | None = Field(None, ge=0)
    arm: Any = None
    disarm: str | None = None
    expect: dict[str, Any] = {}
    repeat: int = Field(1, ge=1, le=10000)


class RigFile(Strict):
    """What there is: functions, APIs, SaaS hosts, databases, secrets, faults."""

    functions: dict[str, FunctionSpec] = {}
    apis: dict[str, RouteSpec] = {}
    upstreams: Path | None = None
    databases: dict[str, Literal["embedded"] | str] = {}
    secrets: dict[str, Any] = {}
    faults: list[Any] = []


class ScenarioFile(RigFile):
    """What happens in it. texts: generation of AWS's log texts. clock: `manual` moves only by `advance` steps."""

    scenario: str
    about: str = ""
    seed: int = 0
    engine: str = "auto"
    clock: Literal["manual", "real"] = "manual"
    texts: str = "current"
    steps: list[Step] = Field(min_length=1)


F = TypeVar("F", bound=RigFile)


def load(path: Path, model: type[F]) -> F:
    """Read and check a file; relative paths in it become absolute. Raises FileProblem."""
    written = _yaml(path)
    if not isinstance(written, dict):
        raise FileProblem(path, "", "must be a mapping of keys", model.model_fields)
    try:
        loaded = model.model_validate(written)
    except ValidationError as error:
        raise _problem(path, error, model) from None
    return _absolute(loaded, path)


def _yaml(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise FileProblem(path, "", "no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileProblem(path, "", f"cannot be read: {error}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise FileProblem(path, place, f"bad YAML: {getattr(error, 'problem', None) or error}") from None


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


def _problem(path: Path, error: ValidationError, model: type[BaseModel]) -> FileProblem:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return FileProblem(path, key, "unknown key", _choices(model, first["loc"][:-1]))
    if first["type"] == "missing":
        return FileProblem(path, key, "is missing")
    return FileProblem(path, key, f"{first['msg']}, not {first['input']!r}")


def _choices(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at `place`."""
    known: dict[str, type[BaseModel]] = {"functions": FunctionSpec, "apis": RouteSpec, "steps": Step}
    return list(known.get(str(place[0]), model).model_fields if place else model.model_fields)
