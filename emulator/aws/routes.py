"""Method and URI -> operation, for the REST protocols: a service's `requestUri`s, compiled once.

The rules are Smithy's HTTP bindings: a label is one path segment, a greedy label `{Key+}` any number of them, and a
query string in the URI must be present in the request.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from emulator.aws.models import description

_LABEL = re.compile(r"{([^}]+)}")


@dataclass(frozen=True)
class Route:
    """One operation's URI. payload: the member that is the whole body; raw: that body is bytes or text, not JSON.

    query: `name=value` or `name` items the URI itself asks for. wants_query, wants_headers: required members found
    there, which tell apart operations that share a URI (S3's PutObject, UploadPart and CopyObject).
    """

    operation: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    query: tuple[str, ...]
    wants_query: tuple[str, ...]
    wants_headers: tuple[str, ...]
    payload: str
    raw: bool
    rank: tuple[int, int, int]


class Routes:
    """The routes of one service, the most particular first."""

    def __init__(self, name: str) -> None:
        model = description(name)
        self.protocol: str = model["metadata"]["protocol"]
        self._by_method: dict[str, list[Route]] = defaultdict(list)
        for operation, what in model["operations"].items():
            http = what.get("http", {})
            route = _route(operation, http.get("requestUri", "/"), what.get("input", {}).get("shape"), model["shapes"])
            self._by_method[http.get("method", "POST")].append(route)
        for found in self._by_method.values():
            found.sort(key=lambda route: route.rank)

    def find(
        self, method: str, path: str, query: Mapping[str, str], has_header: Callable[[str], object]
    ) -> tuple[Route, dict[str, str]] | None:
        """The operation and its decoded labels; None when nothing fits. path: as it was sent, without query."""
        fallback = None
        for route in self._by_method.get(method, ()):
            fit = route.pattern.fullmatch(path)
            if not fit or not _asked(route.query, query):
                continue
            found = route, {name: unquote(value) for name, value in zip(route.labels, fit.groups(), strict=True)}
            if all(name in query for name in route.wants_query) and all(map(has_header, route.wants_headers)):
                return found
            fallback = fallback or found
        return fallback


@lru_cache(maxsize=64)
def routes(name: str) -> Routes:
    """The routes of a service, by boto3's name for it."""
    return Routes(name)


def _asked(wanted: Collection[str], query: Mapping[str, str]) -> bool:
    for item in wanted:
        name, _, value = item.partition("=")
        if name not in query or (value and query[name] != value):
            return False
    return True


def _route(operation: str, uri: str, input_name: str | None, shapes: Mapping[str, Any]) -> Route:
    path, _, query = uri.partition("?")
    shape = shapes[input_name] if input_name else {}
    members = shape.get("members", {})
    payload = shape.get("payload", "")
    raw = bool(payload) and shapes[members[payload]["shape"]]["type"] in ("blob", "string")
    wanted = tuple(query.split("&")) if query else ()
    required = {place: _required(shape, place) for place in ("querystring", "header")}
    pattern, labels = _compile(path)
    rank = (-len(wanted) - len(required["querystring"]) - len(required["header"]),
            -len(_LABEL.sub("", path)), int("+}" in path))
    return Route(
        operation, pattern, labels, wanted, required["querystring"], required["header"], payload, raw, rank,
    )


def _required(shape: Mapping[str, Any], place: str) -> tuple[str, ...]:
    members = shape.get("members", {})
    return tuple(
        members[name].get("locationName", name) for name in shape.get("required", ())
        if members[name].get("location") == place
    )


def _compile(path: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """An ARN in the last label may hold unencoded slashes: some clients do not encode them."""
    path = path.rstrip("/")
    parts, labels, at = [], [], 0
    for label in _LABEL.finditer(path):
        parts.append(re.escape(path[at:label.start()]))
        at, name = label.end(), label[1]
        last = "([^/]+|arn:.+)" if at == len(path) else "([^/]+)"
        parts.append("(.+)" if name.endswith("+") else last)
        labels.append(name.rstrip("+"))
    parts.append(re.escape(path[at:]))
    greedy = path.endswith("+}")
    return re.compile("".join(parts) + ("" if greedy else "/?"), re.DOTALL), tuple(labels)
