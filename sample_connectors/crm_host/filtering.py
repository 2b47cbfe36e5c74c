"""The CRM's own filters, JSON: `["and", ["=", "Name", "Ada 1"], ["not", [">", "Employees", 10]]]`."""

from __future__ import annotations

import operator
from typing import Any

from records import Bad, moment

JOINTS = {"and": all, "or": any}
TESTS = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "contains": lambda given, wanted: wanted in given,
    "between": lambda given, bounds: bounds[0] <= given <= bounds[1],
    "in": lambda given, values: given in values,
}  # fmt: skip


def passes(row: dict, said: Any, fields: dict) -> bool:
    """Whether a record is let through. Bad for a filter that is none."""
    match said:
        case ["and" | "or" as joint, *parts]:
            return JOINTS[joint](passes(row, part, fields) for part in parts)
        case ["not", part]:
            return not passes(row, part, fields)
        case [str() as test, str() as name, wanted] if test in TESTS and name in fields:
            given = row.get(name)
            return given is not None and TESTS[test](_read(given, fields[name]), _read(wanted, fields[name]))
    raise Bad(400, f"{said} is no filter")


def _read(value: Any, field: dict) -> Any:
    """As it is compared."""
    if isinstance(value, list):
        return [_read(one, field) for one in value]
    try:
        return {"Integer": float, "DateTime": moment, "String": str}[field["type"]](value)
    except ValueError:
        raise Bad(400, f"{value} is no {field['type']}") from None
