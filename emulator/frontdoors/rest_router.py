"""Which route serves a method and a path: one tree of path segments, for REST and HTTP APIs alike.

AWS resolves method and path as one step (measured on REST APIs, Aug and Sep 2026): at each segment a literal comes
before `{param}`, and that before `{proxy+}`, but only where a route with the request's method (or ANY) lies at the
end; otherwise the next less specific one is tried.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")
Match = tuple[T, dict[str, str]]


class _Node(Generic[T]):
    """One segment of the paths. names of parameters belong to the route, not to the node."""

    __slots__ = ("any_segment", "greedy", "literals", "methods")

    def __init__(self) -> None:
        self.literals: dict[str, _Node[T]] = {}
        self.any_segment: _Node[T] | None = None
        self.greedy: dict[str, tuple[T, tuple[str, ...]]] = {}
        self.methods: dict[str, tuple[T, tuple[str, ...]]] = {}


class Router(Generic[T]):
    """Routes as `add("GET", "/orders/{id}", target)`; `match` never raises."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, template: str, target: T) -> None:
        """Add a route; a later one with the same method and template replaces it. method: an HTTP method or ANY."""
        node, names = self._root, []
        for segment in segments(template):
            name = _parameter(segment)
            if name is None:
                node = node.literals.setdefault(segment, _Node())
                continue
            names.append(name.removesuffix("+"))
            if name.endswith("+"):
                node.greedy[method] = (target, tuple(names))
                return
            node.any_segment = node.any_segment or _Node()
            node = node.any_segment
        node.methods[method] = (target, tuple(names))

    def match(self, method: str, path: str) -> Match[T] | None:
        """The route and its path parameters, as they stand in the path (AWS does not decode them)."""
        return _walk(self._root, method, segments(path), 0, ())


def segments(path: str) -> list[str]:
    """`/a/b/` -> [a, b]: slashes at both ends do not count; an empty segment inside does."""
    inner = path.strip("/")
    return inner.split("/") if inner else []


def _parameter(segment: str) -> str | None:
    return segment[1:-1] if segment.startswith("{") and segment.endswith("}") else None


def _walk(node: _Node[T], method: str, path: list[str], at: int, values: tuple[str, ...]) -> Match[T] | None:
    if at == len(path):
        return _taken(node.methods, method, values)
    literal = node.literals.get(path[at])
    if literal is not None and (found := _walk(literal, method, path, at + 1, values)):
        return found
    any_segment = node.any_segment
    if any_segment is not None and path[at] and (
        found := _walk(any_segment, method, path, at + 1, (*values, path[at]))
    ):
        return found
    return _taken(node.greedy, method, (*values, "/".join(path[at:]))) if node.greedy else None


def _taken(routes: dict[str, tuple[T, tuple[str, ...]]], method: str, values: tuple[str, ...]) -> Match[T] | None:
    route = routes.get(method) or routes.get("ANY")
    return (route[0], dict(zip(route[1], values, strict=True))) if route else None
