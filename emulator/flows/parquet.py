"""Parquet files, by pyarrow (the extra `parquet`). Loaded when the first one is written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from dateutil.parser import isoparse

from emulator.flows.formats import Header, encoded, text
from emulator.flows.plan import FlowFailed, Row

_ILL = (ValueError, TypeError, ArithmeticError, pa.ArrowException)
_PLACES, _DIGITS = Decimal("1e-18"), Context(prec=38)


class Parquet:
    """typed: values in AppFlow's data types (Arrow's of the same width: Short int16, Integer int32, Long int64, Float
    float32, Double float64, BigInteger decimal(38, 0), BigDecimal decimal(38, 18), Boolean, Date date32, DateTime
    timestamp in microseconds, UTC; String and ByteArray text, Struct, Map and List JSON); else all columns are text, as
    in CSV. null is null either way. block: bytes of rows, as Arrow holds them, that make a row group."""

    def __init__(self, header: Header, typed: bool, block: int) -> None:
        self._header, self._typed, self._block = header, typed, block
        self._sink = _Sink()
        self._writer: Any = None
        self._schema: Any = None
        self._batches: list[Any] = []
        self._held = 0

    def add(self, rows: Sequence[Row]) -> bytes:
        kinds = {name: kind if self._typed else "" for name, kind in self._header.of(rows).items()}
        if self._writer is None:
            self._schema = pa.schema([(_text(name), _type(kind).arrow) for name, kind in kinds.items()])
            self._writer = pq.ParquetWriter(self._sink, self._schema)
        arrays = [_array(name, kind, [row.get(name) for row in rows]) for name, kind in kinds.items()]
        batch = pa.record_batch(arrays, schema=self._schema)
        self._batches.append(batch)
        self._held += batch.nbytes
        return self._group() if self._held >= self._block else b""

    def _group(self) -> bytes:
        if self._batches:
            self._writer.write_table(pa.Table.from_batches(self._batches, self._schema))
        self._batches, self._held = [], 0
        return self._sink.taken()

    def end(self) -> bytes:
        if self._writer is None:
            return b""
        rest = self._group()
        self._writer.close()
        return rest + self._sink.taken()


class _Sink:
    """A file that forgets what was taken from it: to Parquet's writer it only grows."""

    def __init__(self) -> None:
        self._left, self._size, self.closed = bytearray(), 0, False

    def write(self, more: Any) -> int:
        self._left += more
        self._size += len(more)
        return len(more)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        taken, self._left = bytes(self._left), bytearray()
        return taken


@dataclass(frozen=True)
class _Type:
    """turn: a value from JSON into what pyarrow takes; raises one of _ILL."""

    arrow: Any
    turn: Callable[[Any], Any]

    def array(self, values: Sequence[Any]) -> Any:
        """Empty text is null in a column that is no text."""
        null = (None,) if self is _TEXT else (None, "")
        return pa.array([None if value in null else self.turn(value) for value in values], self.arrow)


def _array(name: str, kind: str, values: Sequence[Any]) -> Any:
    type_ = _type(kind)
    try:
        return type_.array(values)
    except _ILL:
        ill = next(value for value in values if not _fits(type_, value))
        said = f"The field {name} is said to be {kind}, and a record has {text(ill)[:100]!r} there."
        raise FlowFailed(said) from None


def _fits(type_: _Type, value: Any) -> bool:
    try:
        type_.array([value])
    except _ILL:
        return False
    return True


def _text(value: Any) -> str:
    return encoded(text(value)).decode()


def _integer(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _decimal(value: Any) -> Decimal:
    """Rounded to 18 places, with as many digits before them as the column has."""
    return Decimal(str(value)).quantize(_PLACES, context=_DIGITS)


def _boolean(value: Any) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if not isinstance(value, bool):
        raise TypeError
    return value


def _moment(value: Any) -> datetime:
    """ISO 8601; UTC where it names no offset."""
    if not isinstance(value, str):
        raise TypeError
    moment: datetime = isoparse(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _date(value: Any) -> date:
    return _moment(value).date()


_TEXT = _Type(pa.string(), _text)
_TYPES = {
    "short": _Type(pa.int16(), _integer),
    "integer": _Type(pa.int32(), _integer),
    "long": _Type(pa.int64(), _integer),
    "float": _Type(pa.float32(), _number),
    "double": _Type(pa.float64(), _number),
    "biginteger": _Type(pa.decimal128(38, 0), lambda value: Decimal(_integer(value))),
    "bigdecimal": _Type(pa.decimal128(38, 18), _decimal),
    "boolean": _Type(pa.bool_(), _boolean),
    "date": _Type(pa.date32(), _date),
    "datetime": _Type(pa.timestamp("us", "UTC"), _moment),
}


def _type(kind: str) -> _Type:
    """Data types are written with capitals by connectors, without by AppFlow's tasks (`string`)."""
    return _TYPES.get(kind.lower(), _TEXT)
