"""A query: compiled once, then run over the events of its time range."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from emulator.aws.services.logs.insights.expressions import Compiler, Expression, field_name, unexpected, unquoted
from emulator.aws.services.logs.insights.values import Malformed, Value, sort_key, text, truth
from emulator.aws.services.logs.insights.values import unexpected as unexpected_symbol

DEEPEST = 60  # expressions in expressions
SAMPLE = 1000  # events whose fields are known when a query is compiled
DEFAULT = ("@timestamp", "@message")
MOST_ROWS = 1e9  # that `limit` can mean
Rows = list[Any]
Step = Callable[[Rows], Rows]
Item = tuple[str, Expression]


class Unserved(Exception):
    """A command that AWS has and the rig has not."""

    def __init__(self, command: str) -> None:
        super().__init__(command)
        self.command = command


class Answer(NamedTuple):
    """rows: each a list of (field, text). matched: events past the filters."""

    rows: list[list[tuple[str, str]]]
    matched: int


class Group:
    """A line that `stats` makes of the rows that belong together."""

    __slots__ = ("rows", "values")

    def __init__(self, values: dict[str, Value], rows: Rows) -> None:
        self.values, self.rows = values, rows

    def get(self, name: str) -> Value:
        return self.values.get(name)

    def put(self, name: str, value: Value) -> None:
        self.values[name] = value


class Query:
    """Malformed or Unserved when the text is none. now_s: what `now()` is, in seconds since the epoch."""

    def __init__(self, query: str, now_s: int = 0) -> None:
        self.text, self.compiler = query, Compiler(query, now_s)
        self.steps: list[tuple[str, Step]] = []
        self.columns: list[str] = []
        self.displayed: list[str] | None = None
        self.listed = self.aggregated = False
        self._ephemeral: dict[str, Any] = {}
        commands = _parsed(query).children
        for number, command in enumerate(commands):
            unique = any(earlier.data == "dedup" for earlier in commands[:number])
            if unique and command.data not in ("limit", "unserved"):
                start = command.meta.start_pos  # AWS: only limit may come after dedup
                raise unexpected_symbol(query, start, start + len(command.data))
            self.steps.append((command.data, getattr(self, f"_{command.data}")(command)))

    def check(self, records: Rows) -> None:
        """Malformed when a name of the query's own is a field that the newest events have, as AWS refuses it."""
        for record in records[:SAMPLE] if self._ephemeral else []:
            for name in self._ephemeral.keys() & record.discovered().keys():
                raise _defined(name, self._ephemeral[name])

    def run(self, records: Rows, limit: int) -> Answer:
        """records: newest first, as AWS has them where nothing sorts."""
        rows, matched, whole = records, len(records), True
        for command, step in self.steps:
            rows = step(rows)
            whole = whole and command not in ("limit", "dedup", "stats")
            matched = len(rows) if whole else matched
        names = self._shown()
        return Answer([cells for row in rows[:limit] if (cells := _cells(row, names))], matched)

    def _shown(self) -> list[str]:
        names = self.displayed
        if names is None:
            names = self.columns if self.listed or self.aggregated else [*DEFAULT, *self.columns]
        return list(dict.fromkeys(names)) + ([] if self.aggregated else ["@ptr"])

    def _items(self, nodes: list[Any], aggregating: bool = False) -> list[Item]:
        """(name, expression) of `expression as name`; without `as` the name is what was written."""
        items = []
        for node in nodes:
            labelled, *alias = node.children
            expression = self.compiler.compile(labelled.children[0], aggregating)
            written = self.text[labelled.meta.start_pos:labelled.meta.end_pos]
            plain = labelled.children[0].data == "name"
            name = field_name(str(alias[0])) if alias else field_name(written) if plain else written
            if alias:
                self._define(name, alias[0])
            items.append((name, expression))
        return items

    def _define(self, name: str, token: Any) -> None:
        if name in self._ephemeral:
            raise _defined(name, token)
        self._ephemeral[name] = token

    def _fields(self, command: Any) -> Step:
        for node in command.children:
            inner = node.children[0].children[0]
            if len(node.children) == 1 and inner.data == "name" and field_name(inner.children[0]) in self._ephemeral:
                self._define(field_name(inner.children[0]), inner.children[0])  # AWS: listing it defines it again
        items, self.listed = self._items(command.children), True
        self.columns += [name for name, _ in items]
        return _put(items)

    def _display(self, command: Any) -> Step:
        items = self._items(command.children)
        self.displayed = [name for name, _ in items]
        return _put(items)

    def _filter(self, command: Any) -> Step:
        holds = self.compiler.compile(command.children[0])
        return lambda rows: [row for row in rows if truth(holds(row))]

    def _stats(self, command: Any) -> Step:
        grouped = [node for node in command.children if node.data == "by"]
        keys = self._items(grouped[0].children if grouped else [])
        items = self._items([node for node in command.children if node.data == "item"], aggregating=True)
        self.columns = [name for name, _ in [*keys, *items]]
        self.displayed, self.aggregated = None, True

        def step(rows: Rows) -> Rows:
            groups: dict[tuple[Value, ...], Rows] = {}
            for row in rows:
                groups.setdefault(tuple(expression(row) for _, expression in keys), []).append(row)
            return [_summed(items, keys, key, members) for key, members in groups.items()]

        return step

    def _sort(self, command: Any) -> Step:
        keys = [(field_name(str(key.children[0])), _descending(key)) for key in command.children]

        def step(rows: Rows) -> Rows:
            for name, descending in reversed(keys):
                rows = sorted(rows, key=lambda row: sort_key(row.get(name)), reverse=descending)
            return rows

        return step

    def _limit(self, command: Any) -> Step:
        count = int(min(float(command.children[0]), MOST_ROWS))
        return lambda rows: rows[:count]

    def _dedup(self, command: Any) -> Step:
        names = [field_name(str(name)) for name in command.children]

        def step(rows: Rows) -> Rows:
            first: dict[Any, Any] = {}
            for row in rows:
                key = tuple(row.get(name) for name in names)
                first.setdefault(id(row) if None in key else key, row)  # AWS: nulls are no duplicates
            return list(first.values())

        return step

    def _parse(self, command: Any) -> Step:
        source, pattern, *aliases = command.children
        found = self.compiler.pattern(pattern) if pattern.type == "REGEX" else _glob(unquoted(str(pattern)))
        names = [field_name(str(alias)) for alias in aliases] or list(found.groupindex)
        if len(names) != found.groups:
            where = aliases[-1] if aliases else pattern
            raise Malformed("The number of fields must be the number of captures", where.start_pos, where.end_pos)
        for name, token in zip(names, aliases or [pattern] * len(names), strict=True):
            self._define(name, token)
        self.columns += names
        return _extract(field_name(str(source)), found, names)

    def _unserved(self, command: Any) -> Step:
        raise Unserved(str(command.children[0]).split()[0].lower())


def _defined(name: str, token: Any) -> Malformed:
    return Malformed(f"Ephemeral field is already defined: {name}", token.start_pos, token.end_pos)


def _parsed(query: str) -> Any:
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput

    try:
        tree = _parser().parse(query)
    except UnexpectedCharacters as error:
        raise _at(query, error.pos_in_stream or 0) from None
    except UnexpectedInput as error:
        token = getattr(error, "token", None)
        if token is None or token.type == "$END":
            raise unexpected_symbol(query, len(query), len(query)) from None
        raise unexpected(query, token) from None
    if _depth(tree) > DEEPEST:
        raise Malformed("The query is nested too deeply", 0, len(query))
    return tree


@lru_cache(maxsize=1)
def _parser() -> Any:
    from lark import Lark

    return Lark.open("grammar.lark", rel_to=__file__, parser="lalr", propagate_positions=True)


def _at(query: str, start: int) -> Malformed:
    word = re.compile(r"\w+|.", re.DOTALL).match(query, start)
    return unexpected_symbol(query, start, word.end() if word else start)


def _depth(tree: Any) -> int:
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting += [(child, depth + 1) for child in node.children if hasattr(child, "children")]
    return deepest


def _put(items: list[Item]) -> Step:
    """Gives every row the fields that are computed."""

    def step(rows: Rows) -> Rows:
        for row in rows:
            for name, value in [(name, expression(row)) for name, expression in items]:
                row.put(name, value)
        return rows

    return step


def _summed(items: list[Item], keys: list[Item], key: tuple[Value, ...], rows: Rows) -> Group:
    """One line of `stats`; an item may use those before it."""
    group = Group({name: value for (name, _), value in zip(keys, key, strict=True)}, rows)
    for name, expression in items:
        group.put(name, expression(group))
    group.rows = []
    return group


def _descending(key: Any) -> bool:
    return len(key.children) > 1 and str(key.children[1]).lower() == "desc"


def _glob(written: str) -> re.Pattern[str]:
    """Each `*` is as little as can be; the last one of a glob that ends with it, the rest of the line."""
    parts = [re.escape(part) for part in written.split("*")]
    body = "(.*?)".join(parts)
    return re.compile(body[: -len("(.*?)")] + "(.*)" if written.endswith("*") else body)


def _extract(source: str, pattern: re.Pattern[str], names: list[str]) -> Step:
    def step(rows: Rows) -> Rows:
        for row in rows:
            value = row.get(source)
            found = pattern.search(text(value)) if value is not None else None
            for name, captured in zip(names, found.groups() if found else [None] * len(names), strict=True):
                row.put(name, captured)
        return rows

    return step


def _cells(row: Any, names: list[str]) -> list[tuple[str, str]]:
    return [(name, text(value)) for name in names if (value := row.get(name)) is not None]
