"""Files that a flow reads from S3, line by line: CSV with a header row, and JSON Lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from typing import NoReturn

from emulator.flows.plan import FlowFailed, Row

_BOM = b"\xef\xbb\xbf"
LONGEST = 125 * 1024 * 1024  # characters in a cell; csv's own limit is 128 KB, and less than CRMs' text fields hold


def lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A file's lines with their ends, from pieces of any size."""
    begun: list[bytes] = []
    for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield b"".join((*begun, line, b"\n"))
            begun = []
        if rest:
            begun.append(rest)
    if begun:
        yield b"".join(begun)


class Reading:
    """The records of one file. name: in messages. taken: bytes read so far. UTF-8, with a byte order mark or without;
    lines end with a line feed or with carriage return and line feed."""

    def __init__(self, name: str, file_type: str, given: Iterable[bytes]) -> None:
        self._name, self._given = name, given
        self.taken, self._line = 0, 0
        self._records = self._csv() if file_type == "CSV" else self._json()

    def page(self, most: int) -> list[Row]:
        """The next records, as many as there are. FlowFailed names the line that cannot be read."""
        rows: list[Row] = []
        for row in self._records:
            rows.append(row)
            if len(rows) == most:
                break
        return rows

    def _lines(self) -> Iterator[str]:
        for line in self._given:
            self._line += 1
            self.taken += len(line)
            try:
                yield line.removeprefix(_BOM if self._line == 1 else b"").decode()
            except UnicodeDecodeError:
                self._fail("is no UTF-8")

    def _csv(self) -> Iterator[Row]:
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST))
        rows = self._rows()
        names = next(rows, None)
        if names is None:
            raise FlowFailed(f"{self._name} is empty: a CSV file begins with a header row.")
        if len(set(names)) < len(names) or "" in names:
            self._fail("the header row has a name twice, or an empty one")
        for cells in rows:
            if len(cells) != len(names):
                self._fail(f"has {len(cells)} fields, and the header row {len(names)}")
            yield dict(zip(names, cells, strict=True))

    def _rows(self) -> Iterator[list[str]]:
        """Lines without anything are no rows."""
        reader = csv.reader(self._lines(), strict=True)
        begin = 1
        try:
            for cells in reader:
                if cells:
                    yield cells
                begin = self._line + 1
        except csv.Error as error:
            self._fail(f"is no CSV ({error})", begin)

    def _json(self) -> Iterator[Row]:
        for line in self._lines():
            if line.strip():
                yield self._object(line)

    def _object(self, line: str) -> Row:
        try:
            given = json.loads(line, parse_constant=_refuse)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            self._fail("is no JSON object; each line of a JSON file has one, and the file is no array")
        return given

    def _fail(self, what: str, line: int = 0) -> NoReturn:
        raise FlowFailed(f"{self._name}, line {line or self._line}: {what}.")


def _refuse(name: str) -> NoReturn:
    """NaN and the infinities are Python's, not JSON's."""
    raise ValueError(name)
