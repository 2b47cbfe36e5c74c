"""The two files people write: a rig file (what there is) and a scenario file (what happens, and what must come of it).

Shapes are pydantic models; every mistake becomes one FileProblem that names file, key and choices.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emulator.errors import FileProblem
from emulator.plain_yaml import BadYaml, parse

SHOWN = 80  # characters of a wrong value


class Strict(BaseModel):
    """Unknown keys are refused, and nothing is taken for what it is not."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


WrittenPath = Annotated[Path, Field(strict=False)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Text = Annotated[str, Field(min_length=1)]


class FunctionSpec(Strict):
    """A function made when the rig starts. folder: relative to the file. requirements: install the folder's own
    requirements.txt for the runtime's Python first. Sizes in MB, times in seconds. texts: generation of AWS's log
    texts, where it is not the rig's."""

    folder: WrittenPath
    handler: Text
    runtime: str = "python"
    memory: int = Field(128, ge=128, le=10240)
    timeout: int = Field(3, ge=1, le=900)
    ephemeral: int = Field(512, ge=512, le=10240)
    role: str = Field("arn:aws:iam::123456789012:role/lambdarig", pattern=r"^arn:aws[a-z-]*:iam::\d{12}:role/.+$")
    environment: dict[str, str] = {}
    requirements: bool = False
    reserved_concurrency: int | None = Field(None, ge=0)
    texts: Literal["current", "2023", "2020", "2018"] | None = None


class RouteSpec(Strict):
    """One REST API: path -> function, `ANY` unless given as `GET /orders/{id}`."""

    stage: str = Field("dev", pattern=r"^[A-Za-z0-9_-]{1,128}$")
    routes: dict[str, str]


class InvokeStep(Strict):
    """`lambda.invoke`, synchronous."""

    function: Text
    payload: Any = Field(default_factory=dict)
    qualifier: Text | None = None


class AwsStep(Strict):
    """Any operation as boto3 spells it, `get_secret_value`, `with` its parameters."""

    service: Text
    operation: Text
    parameters: dict[str, Any] = Field(default_factory=dict, alias="with")


class HttpStep(Strict):
    """A request to an API of the file. path: below the stage. json or body: what is sent."""

    api: Text
    method: str = Field("GET", pattern=r"^[A-Z]+$")
    path: str = Field(pattern=r"^/")
    headers: dict[str, str] = {}
    data: Any = Field(None, alias="json")
    body: str | None = None


class Step(Strict):
    """One thing done, and what must come of it. Exactly one of invoke, aws, http, advance, arm, disarm."""

    name: str = ""
    invoke: InvokeStep | None = None
    aws: AwsStep | None = None
    http: HttpStep | None = None
    advance: float | None = Field(None, ge=0)
    arm: Any = None
    disarm: str | None = None
    expect: dict[str, Any] = {}
    repeat: int = Field(1, ge=1, le=10000)


class RigFile(Strict):
    """What there is: functions, APIs, SaaS hosts, databases (`embedded`, or a PostgreSQL's URL), secrets, faults."""

    functions: dict[Name, FunctionSpec] = {}
    apis: dict[str, RouteSpec] = {}
    upstreams: WrittenPath | None = None
    databases: dict[str, str] = {}
    secrets: dict[str, Any] = {}
    faults: list[Any] = []


class ScenarioFile(RigFile):
    """What happens in it. texts: generation of AWS's log texts. clock: `manual` moves only by `advance` steps."""

    scenario: Text
    about: str = ""
    seed: int = 0
    engine: str = "auto"
    clock: Literal["manual", "real"] = "manual"
    texts: str = "current"
    steps: list[Step] = Field(min_length=1)


F = TypeVar("F", bound=RigFile)


def load(path: Path, model: type[F]) -> F:
    """Read and check a file; relative paths in it become absolute. Raises FileProblem."""
    written = _read(path)
    if not isinstance(written, dict):
        raise FileProblem(path, "", f"must be a mapping of keys, not {_short(written)}", model.model_fields)
    try:
        loaded = model.model_validate(written)
    except ValidationError as error:
        raise problem(path, error, model) from None
    return _absolute(loaded, path)


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
        return FileProblem(file, key, "unknown key", _choices(model, first["loc"][:-1]))
    if first["type"] == "missing":
        return FileProblem(file, key, "is missing")
    said = "must be a path" if first["type"] == "path_type" else first["msg"]
    return FileProblem(file, key, f"{said}, not {_short(first['input'])}")


def _choices(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys allowed at `place`."""
    parts: dict[object, type[BaseModel]] = {"functions": FunctionSpec, "apis": RouteSpec, "steps": Step}
    kinds: dict[object, type[BaseModel]] = {"invoke": InvokeStep, "aws": AwsStep, "http": HttpStep}
    here = parts.get(place[0], model) if place else model
    if here is Step and len(place) > 2:
        here = kinds[place[2]]
    return [field.alias or name for name, field in here.model_fields.items()]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."
