"""The files that a flow writes to S3: JSON Lines and CSV. Parquet is in parquet.py.

A file is written in pieces, so that nothing needs to be in memory but the rows at hand.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Protocol

from emulator.flows.plan import FlowFailed, Row

_LINE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_CELL = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
PARQUET_MISSING = "Parquet files need pyarrow. Install it with: pip install 'lambdarig[parquet]'"


class FileWriter(Protocol):
    """One file. What `add` and then `end` give, one after the other, is its content. Raises FlowFailed."""

    def add(self, rows: Sequence[Row]) -> bytes: ...

    def end(self) -> bytes: ...


@dataclass(frozen=True)
class FileFormat:
    """What files look like. file_type: JSON, CSV or PARQUET. columns: names at the destination, in order, with their
    data types ("" where unknown). Without any, a file has the fields that its first rows have. typed: Parquet keeps the
    types; else all is text. block: bytes of rows that Parquet keeps together, and in memory until then."""

    file_type: str = "JSON"
    columns: Mapping[str, str] = field(default_factory=dict)
    typed: bool = False
    block: int = 8 * 1024 * 1024

    @classmethod
    def of(cls, output: Mapping[str, Any] | None, columns: Mapping[str, str]) -> FileFormat:
        """output: a flow's s3OutputFormatConfig. AppFlow's default is JSON."""
        given = output or {}
        return cls(given.get("fileType", "JSON"), columns, bool(given.get("preserveSourceDataTyping")))

    def file(self) -> FileWriter:
        """A new one."""
        if self.file_type == "JSON":
            return JsonLines()
        header = Header(self.columns)
        if self.file_type == "CSV":
            return Csv(header)
        if problem := parquet_problem():
            raise FlowFailed(problem)
        from emulator.flows.parquet import Parquet

        return Parquet(header, self.typed, self.block)


def parquet_problem() -> str:
    """Why no Parquet can be written here; empty if it can. Loads nothing."""
    return "" if find_spec("pyarrow") else PARQUET_MISSING


class Header:
    """Of one file. Where they are not known beforehand, the first rows decide."""

    def __init__(self, known: Mapping[str, str]) -> None:
        self._known, self._fixed = dict(known), bool(known)
        self._begun = False

    def of(self, rows: Sequence[Row]) -> Mapping[str, str]:
        """Name -> data type. FlowFailed where later rows have a field that the file's first rows had not."""
        if not self._fixed and not self._begun:
            self._known = {name: "" for row in rows for name in row}
        self._begun = True
        if not self._known:
            raise FlowFailed("Records without any field make no file of columns.")
        if not self._fixed:
            self._check(rows)
        return self._known

    def _check(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if not row.keys() <= self._known.keys():
                name = next(name for name in row if name not in self._known)
                raise FlowFailed(f"A record has the field {name}, which the first records of the file have not.")


class JsonLines:
    """One object a line."""

    def add(self, rows: Sequence[Row]) -> bytes:
        return encoded("".join(f"{_plain(_LINE, row)}\n" for row in rows))

    def end(self) -> bytes:
        return b""


class Csv:
    """A header row, then a line for each record: text as it is, nothing for null, JSON for all else. Lines end with a
    line feed."""

    def __init__(self, header: Header) -> None:
        self._header, self._begun = header, False

    def add(self, rows: Sequence[Row]) -> bytes:
        names, lines = self._header.of(rows), _Lines()
        writer = csv.writer(lines)
        if not self._begun:
            writer.writerow(names)
        self._begun = True
        writer.writerows([text(row.get(name)) for name in names] for row in rows)
        return encoded("".join(lines.written))

    def end(self) -> bytes:
        return b""


class _Lines:
    """Ends rows with a line feed. csv itself would, but then leaves a value with a lone carriage return unquoted."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, row: str) -> None:
        self.written.append(row.removesuffix("\r\n") + "\n")


def encoded(given: str) -> bytes:
    """UTF-8; half a surrogate pair, which JSON can hold and UTF-8 cannot, becomes a question mark, as in Java."""
    return given.encode("utf-8", "replace")


def text(value: Any) -> str:
    """A value where only text can be."""
    if value is None:
        return ""
    return value if isinstance(value, str) else _plain(_CELL, value)


def _plain(encode: Any, value: Any) -> str:
    try:
        return str(encode(value))
    except (ValueError, RecursionError) as error:
        raise FlowFailed(f"A record has a value that JSON cannot hold: {error}.") from None
