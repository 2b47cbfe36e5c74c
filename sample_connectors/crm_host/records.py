"""What the CRM has: entities, their fields, and tables that take what fits and nothing else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

NAMES = ("Ada", "Alan", "Barbara", "Edsger", "Frances", "Grace", "John", "Katherine", "Ken", "Margaret")
TYPES = {"String": str, "Integer": int, "DateTime": str}
TEXT = "All work and no play makes Jack a dull boy. " * 15_900
# Of a field: type; key: told by it; unique: no two the same; given: by the CRM, never by a client.
ENTITIES: dict[str, dict[str, dict[str, Any]]] = {
    "Account": {
        "Id": {"type": "String", "key": True, "given": True},
        "Name": {"type": "String", "required": True},
        "Employees": {"type": "Integer"},
    },
    "Contact": {
        "Id": {"type": "String", "key": True, "given": True},
        "Name": {"type": "String", "required": True},
        "Email": {"type": "String", "unique": True},
        "CreatedAt": {"type": "DateTime", "incremental": True},
    },
    "Document": {
        "Id": {"type": "String", "key": True, "given": True},
        "Name": {"type": "String", "required": True},
        "Text": {"type": "String"},
    },
}


class Bad(Exception):
    """What the CRM refuses. status: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def account(instance: str, number: int) -> dict:
    return {"Name": f"Account {number}", "Employees": number * 10}


def contact(instance: str, number: int) -> dict:
    name = NAMES[number % len(NAMES)]
    email, day = f"{name.lower()}{number}@{instance}.example.com", number % 28 + 1
    return {"Name": f"{name} {number}", "Email": email, "CreatedAt": f"2024-01-{day:02}T09:00:00Z"}


def document(instance: str, number: int) -> dict:
    return {"Name": f"Document {number}", "Text": TEXT}


class Table:
    """The records of an entity by Id, `INSTANCE-LETTER001` and so on, in the order of these."""

    def __init__(self, instance: str, entity: str, rows: list[dict]) -> None:
        self.name, self.fields = entity, ENTITIES[entity]
        self._prefix, self._last = f"{instance}-{entity[0].lower()}", 0
        self.rows: dict[str, dict] = {}
        for row in rows:
            self.insert(row)

    def insert(self, row: dict) -> str:
        self._check(row, whole=True)
        self._last += 1
        id = f"{self._prefix}{self._last:03}"
        self.rows[id] = {"Id": id, **row}
        return id

    def find(self, field: str, value: str) -> dict:
        if not (self.fields.get(field, {}).keys() & {"key", "unique"}):
            raise Bad(422, f"{self.name}s cannot be told by {field}")
        for row in self.rows.values():
            if row.get(field) == value:
                return row
        raise Bad(404, f"no {self.name} has the {field} {value}")

    def update(self, row: dict, changes: dict) -> str:
        changes = {name: value for name, value in changes.items() if name != "Id"}
        self._check(changes, itself=row)
        row.update(changes)
        return row["Id"]

    def _check(self, row: dict, whole: bool = False, itself: dict | None = None) -> None:
        for name, value in row.items():
            field = self.fields.get(name)
            if field is None or field.get("given"):
                raise Bad(422, f"{name} is no field of {self.name} that can be written")
            if value is not None and not isinstance(value, TYPES[field["type"]]):
                raise Bad(422, f"{name} must be of type {field['type']}")
            if name == "Email" and value and "@" not in value:
                raise Bad(422, f"{value} is no e-mail address")
            for other in self.rows.values() if field.get("unique") and value else ():
                if other is not itself and other.get(name) == value:
                    raise Bad(409, f"{name} {value} is there already ({other['Id']})")
        for name in self.fields if whole else ():
            if self.fields[name].get("required") and not row.get(name):
                raise Bad(422, f"{name} is missing")
