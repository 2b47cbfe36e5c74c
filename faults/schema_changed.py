"""schema_changed: the SaaS host's records are not what they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

from emulator.fault import Context, Fault, param
from emulator.model import Query

Type = Literal["string", "array", "object", "null"]


@dataclass(frozen=True)
class SchemaChanged(Fault):
    """A field of the connector's records is gone, has another name, or is of another type, although the entity's
    description still says what it said: somebody changed the SaaS product's schema in the middle of a flow. With
    `when: {after: 2}` from the third page on."""

    name: ClassVar[str] = "schema_changed"

    field: str = param("", "", "its name; without one the first field of each record")
    change: Literal["remove", "rename", "retype"] = param("remove", "", "what has become of it")
    to: str = param("", "", "its new name; or its new JSON type, `string`, `array`, `object` or `null`")

    def __post_init__(self) -> None:
        if (self.change == "remove") == bool(self.to):
            raise ValueError(f"to: {'nothing comes' if self.to else 'must say what comes'} of it by {self.change}")
        if self.change == "retype" and self.to not in get_args(Type):
            raise ValueError(f"to: must be one of {', '.join(get_args(Type))}, not {self.to!r}")

    def on_query(self, query: Query, proceed: Callable[[], Any], ctx: Context) -> Any:
        """Strikes pages with a record that has the field."""
        reply = proceed()
        return replace(reply, records=tuple(map(self._changed, reply.records)))

    def _changed(self, record: str) -> str:
        """What is no JSON object is for the flow to find."""
        try:
            given = json.loads(record)
        except (ValueError, RecursionError):
            return record
        field = self.field or next(iter(given), None) if isinstance(given, dict) else None
        if field is None or field not in given:
            return record
        changed = self._with(given, field)
        return record if changed == given else json.dumps(changed, ensure_ascii=False)

    def _with(self, given: dict[str, Any], field: str) -> dict[str, Any]:
        """The record with another field in that one's place; one that has the new name already gives way."""
        if self.change == "remove":
            return {name: value for name, value in given.items() if name != field}
        if self.change == "retype":
            return {**given, field: _retyped(given[field], self.to)}
        rest = {name: value for name, value in given.items() if name == field or name != self.to}
        return {self.to if name == field else name: value for name, value in rest.items()}


def _retyped(value: Any, kind: str) -> Any:
    """The value wrapped or written out, as a product does that changes a field's type; one of that type stays."""
    if kind == "string":
        return value if isinstance(value, str) else json.dumps(value)
    if kind == "array":
        return value if isinstance(value, list) else [value]
    if kind == "object":
        return value if isinstance(value, dict) else {"value": value}
    return None
