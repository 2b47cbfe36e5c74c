"""YAML as the files of this project mean it: what JSON can say, once.

So `off`, `12:30`, `007` and a date are texts, as in YAML 1.2 and unlike PyYAML's 1.1; a key given twice, an alias
inside what it names, `.inf` and `.nan` are refused, as are YAML's own types. Whatever was read can be sent as JSON.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

JSON_HAS = ("null", "bool", "int", "float", "str", "seq", "map")
_SCALARS = {  # tag -> (what it looks like, what it begins with)
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}


class BadYaml(ValueError):
    """place: `line 3, column 7`, or empty where YAML does not say."""

    def __init__(self, problem: str, place: str = "") -> None:
        super().__init__(problem)
        self.place = place


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}
    yaml_constructors = {
        tag: make
        for tag, make in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in JSON_HAS
    }

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._begun: list[str | None] = []

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) and event.anchor in self._begun:
            mark: Any = event.start_mark
            raise yaml.composer.ComposerError(None, None, f"*{event.anchor} is inside &{event.anchor}", mark)
        return super().compose_node(parent, index)

    def compose_sequence_node(self, anchor: Any) -> Any:
        self._begun.append(anchor)
        node = super().compose_sequence_node(anchor)
        self._begun.pop()
        return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        self._begun.append(anchor)
        node = super().compose_mapping_node(anchor)
        self._begun.pop()
        seen = set()
        for key, _ in node.value:
            if (key.tag, str(key.value)) in seen:
                raise yaml.composer.ComposerError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
            seen.add((key.tag, str(key.value)))
        return node

    def construct_yaml_float(self, node: Any) -> float:
        number = float(super().construct_yaml_float(node))
        if not math.isfinite(number):
            raise yaml.constructor.ConstructorError(None, None, f"{node.value} is no number here", node.start_mark)
        return number


for _name, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def parse(text: str) -> Any:
    """The one document in `text`; None when it is empty. Raises BadYaml."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        said = [part for part in (getattr(error, "context", ""), getattr(error, "problem", "")) if part]
        raise BadYaml(", ".join(said) or str(error).splitlines()[0], place) from None
    except RecursionError:
        raise BadYaml("it is nested too deeply") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:  # PyYAML lets a wrong `!!int x` escape
        raise BadYaml(f"a value does not fit its tag: {error}") from None
