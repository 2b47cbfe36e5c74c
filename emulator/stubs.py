"""Stub files: what a SaaS host answers, as YAML or as Python. Bad ones say file, key and choices.

YAML, routes in order of precedence, the path without its query, `*` any characters and `{name}` one segment:

    hosts:
      api.example.com:
        - {method: GET, path: "/v1/orders/{id}", json: {id: 1, state: open}}
        - {method: "*", path: "/v1/*", status: 503, headers: {retry-after: "5"}, text: try again}
        - {path: /logo.png, file: logo.png}

Python: a module with HOSTS, host name -> a callable taking an UpstreamCall and giving an UpstreamReply. The file is
run anew at every reset of the rig, with the files it imports from its own folder, so its state begins afresh.
"""

from __future__ import annotations

import importlib.util
import json
import mimetypes
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from emulator.errors import FileProblem
from emulator.model import UpstreamCall, UpstreamReply

Handler = Callable[[UpstreamCall], UpstreamReply]
Method = Literal["*", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
BODIES = ("file", "json", "text")
HOST_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


@dataclass(frozen=True)
class Upstream:
    """A host (lower-case name) and what answers for it."""

    host: str
    handler: Handler


def load(file: Path) -> list[Upstream]:
    """The hosts of a stub file, `.yaml`, `.yml` or `.py`. Raises FileProblem."""
    if not file.is_file():
        raise FileProblem(file, "", "there is no such file")
    if file.suffix not in _LOADERS:
        raise FileProblem(file, "", f"a stub file cannot be a {file.suffix or 'nameless'} file", _LOADERS)
    hosts = _LOADERS[file.suffix](file)
    for host in hosts:
        if not isinstance(host, str) or not HOST_NAME.fullmatch(host.lower()):
            raise FileProblem(file, f"hosts.{host}", "this is no host name: no scheme, port, path or wildcard")
    return [Upstream(host.lower(), handler) for host, handler in hosts.items()]


def _python(file: Path) -> Mapping[str, Handler]:
    name = f"lambdarig_stub_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        with _siblings(file.parent.resolve()):
            spec.loader.exec_module(module)
    except Exception as error:
        raise FileProblem(file, "", f"running it raised {error!r}") from error
    hosts = getattr(module, "HOSTS", None)
    if not isinstance(hosts, dict):
        raise FileProblem(file, "HOSTS", "must be a dict: host name -> a callable taking an UpstreamCall")
    for host, handler in hosts.items():
        if not callable(handler):
            raise FileProblem(file, f"HOSTS[{host!r}]", f"must be callable, not {type(handler).__name__}")
    return hosts


@contextmanager
def _siblings(folder: Path) -> Iterator[None]:
    """Let a stub import the files beside it, and forget them: each load runs them anew, and names cannot clash."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == folder:
                del sys.modules[name]


class Route(BaseModel):
    """One line of a YAML stub: the first that fits answers."""

    model_config = ConfigDict(extra="forbid")

    method: Method = "GET"
    path: str = Field(pattern="^/")
    status: int = Field(200, ge=200, le=599)
    headers: dict[str, str] = Field(default_factory=dict)
    content: Any = Field(None, alias="json")
    text: str | None = None
    file: str | None = None


class StubFile(BaseModel):
    """A YAML stub file."""

    model_config = ConfigDict(extra="forbid")

    hosts: dict[str, list[Route]]


def _yaml(file: Path) -> Mapping[str, Handler]:
    try:
        content = yaml.safe_load(file.read_text())
        stub = StubFile.model_validate(content)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileProblem(file, "", f"not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise _problem(file, error) from error
    return {host: _routes(file, host, routes) for host, routes in stub.hosts.items()}


def _problem(file: Path, error: ValidationError) -> FileProblem:
    """pydantic's first complaint in our words."""
    first = error.errors()[0]
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]).lstrip(".")
    if first["type"] == "extra_forbidden":
        model = Route if len(first["loc"]) > 1 else StubFile
        names = [f.alias or name for name, f in model.model_fields.items()]
        return FileProblem(file, key, "unknown key", names, given=first["loc"][-1])
    if first["type"] == "literal_error":
        return FileProblem(file, key, f"unknown method {first['input']!r}", get_args(Method))
    return FileProblem(file, key, first["msg"][0].lower() + first["msg"][1:])


def _routes(file: Path, host: str, routes: Iterable[Route]) -> Handler:
    table = [
        (route.method, _pattern(route.path), _reply(file, f"hosts.{host}[{number}]", route))
        for number, route in enumerate(routes)
    ]

    def handle(call: UpstreamCall) -> UpstreamReply:
        path = call.path.split("?")[0]
        for method, pattern, reply in table:
            if method in ("*", call.method) and pattern.fullmatch(path):
                return reply
        body = {"message": f"the stub for {call.host} has no route for {call.method} {path}"}
        return UpstreamReply(404, body=json.dumps(body).encode())

    return handle


def _pattern(path: str) -> re.Pattern[str]:
    """`*` is any characters, `{name}` one segment."""
    pieces = re.split(r"(\*|\{\w+\})", path)
    return re.compile("".join({"*": ".*"}.get(p, "[^/]+" if p.startswith("{") else re.escape(p)) for p in pieces))


def _reply(file: Path, key: str, route: Route) -> UpstreamReply:
    if len(route.model_fields_set & {"content", "text", "file"}) > 1:
        raise FileProblem(file, key, "give only one body", BODIES)
    kind, body = "application/json", b""
    if "content" in route.model_fields_set:
        body = json.dumps(route.content).encode()
    elif route.text is not None:
        kind, body = "text/plain; charset=utf-8", route.text.encode()
    elif route.file is not None:
        source = file.parent / route.file
        if not source.is_file():
            raise FileProblem(file, f"{key}.file", f"there is no file {source}")
        kind, body = mimetypes.guess_type(source.name)[0] or "application/octet-stream", source.read_bytes()
    headers = {"content-type": kind, **{name.lower(): value for name, value in route.headers.items()}}
    return UpstreamReply(route.status, tuple(headers.items()), body)


_LOADERS: Mapping[str, Callable[[Path], Mapping[str, Handler]]] = {".py": _python, ".yaml": _yaml, ".yml": _yaml}
