"""What a flow puts into S3: which fields under which names, in which format, under which keys."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = dict[str, Any]
# How much of a date a prefix shows, as folders (the flow's settings call it prefixFormat).
_DATES = {"YEAR": "%Y", "MONTH": "%Y/%m", "DAY": "%Y/%m/%d", "HOUR": "%Y/%m/%d/%H", "MINUTE": "%Y/%m/%d/%H/%M"}


class BadRecord(ValueError):
    """A record that is no JSON object."""


@dataclass(frozen=True)
class Fields:
    """selected: what the connector is asked for. pairs: (source field, name at the destination)."""

    selected: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, tasks: Sequence[Mapping[str, Any]], retrievable: Sequence[str]) -> Fields:
        """From a flow's tasks. retrievable: the entity's fields, which Map_all takes. A flow that only projects writes
        its fields under their own names."""
        projected = [name for task in tasks if task["taskType"] == "Filter" for name in task["sourceFields"]]
        whole = [task for task in tasks if task["taskType"] == "Map_all"]
        maps = [(t["sourceFields"][0], t["destinationField"]) for t in tasks if t["taskType"] == "Map"]
        excluded = {name for task in whole for name in _excluded(task)} | {source for source, _ in maps}
        every = (projected or retrievable) if whole or not maps else ()
        pairs = (*((name, name) for name in every if name not in excluded), *maps)
        return cls(tuple(projected) or tuple(dict.fromkeys(source for source, _ in pairs)), pairs)

    def row(self, record: str) -> Row:
        """A record as the connector gave it -> what is written. A field the record has not is left out."""
        try:
            given = json.loads(record)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            raise BadRecord(f"The connector gave a record that is no JSON object: {record[:200]}")
        return {name: given[source] for source, name in self.pairs if source in given}

    @property
    def columns(self) -> list[str]:
        """Names at the destination, in order."""
        return list(dict.fromkeys(name for _, name in self.pairs))


def _excluded(task: Mapping[str, Any]) -> list[str]:
    """`[]`, `["a", "b"]` or `[a, b]`: all are seen in use."""
    given = (task.get("taskProperties") or {}).get("EXCLUDE_SOURCE_FIELDS_LIST", "").strip("[] ")
    return [name.strip("\"' ") for name in given.split(",") if name.strip("\"' ")]


@dataclass(frozen=True)
class Layout:
    """Where a run's files go. began: of the run, UTC. prefixes: the flow's PrefixConfig; without one, files are in a
    folder of the execution's id. File names are a number and the time, as AppFlow's, without an extension."""

    bucket: str
    prefix: str
    flow: str
    execution_id: str
    schema_version: int
    began: datetime
    prefixes: Mapping[str, Any] = field(default_factory=dict)

    def key(self, number: int) -> str:
        """Of the run's n-th file."""
        parts = {"EXECUTION_ID": self.execution_id, "SCHEMA_VERSION": f"schemaVersion_{self.schema_version}"}
        hierarchy = self.prefixes.get("pathPrefixHierarchy", [] if self.prefixes else ["EXECUTION_ID"])
        folders = [self.prefix.rstrip("/"), self.flow, *(parts[name] for name in hierarchy)]
        digits = int.from_bytes(hashlib.sha256(f"{self.execution_id}/{number}".encode()).digest()[:4], "big")
        name = f"{digits}-{self.began:%Y-%m-%dT%H:%M:%S}"
        shown, date = self.prefixes.get("prefixType", ""), self._date()
        if date and shown in ("PATH", "PATH_AND_FILENAME"):
            folders.append(date)
        if date and shown in ("FILENAME", "PATH_AND_FILENAME"):
            name = f"{date.replace('/', '-')}-{name}"
        return "/".join([*filter(None, folders), name])

    def _date(self) -> str:
        return self.began.strftime(_DATES.get(self.prefixes.get("prefixFormat", ""), ""))


@dataclass(frozen=True)
class Format:
    """JSON is one object a line; CSV has a header row in each file, and JSON for what is no single value."""

    file_type: str
    columns: Sequence[str]

    def body(self, rows: Iterable[Row], first: bool = True) -> bytes:
        """first: at the beginning of a file."""
        if self.file_type == "CSV":
            return self._csv(rows, first)
        return encoded("".join(f"{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}\n" for row in rows))

    def _csv(self, rows: Iterable[Row], first: bool) -> bytes:
        lines = _Lines()
        writer = csv.writer(lines)
        if first:
            writer.writerow(self.columns)
        writer.writerows([_cell(row.get(name)) for name in self.columns] for row in rows)
        return encoded("".join(lines.written))


class _Lines:
    """Ends rows with a line feed. csv itself would, but then leaves a value with a lone carriage return unquoted."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, row: str) -> None:
        self.written.append(row.removesuffix("\r\n") + "\n")


def encoded(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark, as in Java."""
    return text.encode("utf-8", "replace")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
