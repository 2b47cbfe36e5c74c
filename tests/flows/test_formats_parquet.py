"""Parquet files that a flow writes, judged by pyarrow's own reader."""

import io
from datetime import date, datetime, timezone
from decimal import Decimal

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.flows.formats import FileFormat
from emulator.flows.plan import FlowFailed

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LONG = st.integers(-(2**63), 2**63 - 1)
MOMENTS = st.datetimes(datetime(1600, 1, 1), datetime(9000, 1, 1), timezones=st.just(timezone.utc))


def written(columns, *pages, typed=False, block=1 << 24):
    file = FileFormat("PARQUET", columns, typed, block).file()
    return b"".join([*(file.add(page) for page in pages), file.end()])


def judged(body):
    return pq.read_table(io.BytesIO(body)).to_pylist()


@given(st.lists(st.fixed_dictionaries({"a": TEXT, "b": st.none() | TEXT}), min_size=1), st.integers(1, 200))
def test_text_is_as_it_was_written_in_whatever_row_groups(rows, block):
    assert judged(written({"a": "", "b": "String"}, rows[:1], rows[1:2], rows[2:], block=block)) == rows


TYPED = {"s": TEXT, "i": LONG, "f": st.floats(allow_nan=False), "b": st.booleans(), "n": st.integers(-9 ** 37, 9 ** 37)}


@given(st.lists(st.fixed_dictionaries({}, optional={**TYPED, "t": MOMENTS, "d": st.dates()}), min_size=1))
def test_types_are_as_they_were_written(rows):
    kinds = {"s": "String", "i": "Long", "f": "Double", "b": "Boolean", "n": "BigInteger", "t": "DateTime", "d": "Date"}
    given = [{k: v.isoformat() if isinstance(v, date) else v for k, v in row.items()} for row in rows]
    assert judged(written(kinds, given, typed=True)) == [{name: row.get(name) for name in kinds} for row in rows]


def test_everything_is_text_unless_types_are_kept():
    row = {"a": 1, "b": 1.5, "c": True, "d": {"x": [1]}, "e": None, "f": "t"}
    body = written({**dict.fromkeys(row, "Long"), "missing": "Long"}, [row])
    said = {"a": "1", "b": "1.5", "c": "true", "d": '{"x": [1]}', "e": None, "f": "t", "missing": None}
    assert judged(body) == [said]
    assert {str(field.type) for field in pq.read_schema(io.BytesIO(body))} == {"string"}


@pytest.mark.parametrize(
    ("kind", "arrow", "value", "said"),
    [
        ("String", "string", "x", "x"),
        ("string", "string", "x", "x"),
        ("", "string", 1, "1"),
        ("Unheard", "string", 1, "1"),
        ("Short", "int16", 32767, 32767),
        ("Integer", "int32", "-7", -7),
        ("Integer", "int32", 7.0, 7),
        ("Long", "int64", 2**62, 2**62),
        ("Float", "float", 1.5, 1.5),
        ("Double", "double", "0.1", 0.1),
        ("BigInteger", "decimal128(38, 0)", 10**37, Decimal(10**37)),
        ("BigDecimal", "decimal128(38, 18)", "12.50", Decimal("12.5")),
        ("BigDecimal", "decimal128(38, 18)", 0.1, Decimal("0.1")),
        ("BigDecimal", "decimal128(38, 18)", "", None), ("Date", "date32[day]", "", None), ("String", "string", "", ""),
        ("BigDecimal", "decimal128(38, 18)", 12345678901.5, Decimal("12345678901.5")),
        ("BigDecimal", "decimal128(38, 18)", f"{10**20 - 1}.5", Decimal(f"{10**20 - 1}.5")),
        ("BigDecimal", "decimal128(38, 18)", "0.1234567890123456789", Decimal("0.123456789012345679")),
        ("Boolean", "bool", False, False),
        ("Boolean", "bool", "true", True),
        ("Date", "date32[day]", "2024-02-29", date(2024, 2, 29)),
        ("DateTime", "timestamp[us, tz=UTC]", "2024-02-29T10:00:00.5Z",
         datetime(2024, 2, 29, 10, 0, 0, 500000, timezone.utc)),
        ("DateTime", "timestamp[us, tz=UTC]", "2024-02-29T10:00:00.000+0200",
         datetime(2024, 2, 29, 8, tzinfo=timezone.utc)),
        ("DateTime", "timestamp[us, tz=UTC]", "2024-02-29", datetime(2024, 2, 29, tzinfo=timezone.utc)),
        ("ByteArray", "string", "AQID", "AQID"),
        ("Struct", "string", {"a": 1}, '{"a": 1}'),
        ("Map", "string", {"a": "b"}, '{"a": "b"}'),
        ("List", "string", [1, "b"], '[1, "b"]'),
    ],
)
def test_a_type_that_is_kept_has_arrows_of_the_same_width(kind, arrow, value, said):
    body = written({"x": kind}, [{"x": value}], typed=True)
    assert str(pq.read_schema(io.BytesIO(body)).field("x").type) == arrow
    assert judged(body) == [{"x": said}]


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("Integer", "seven", "seven"), ("Integer", 7.5, "7.5"), ("Integer", True, "true"),
        ("Integer", 2**31, "2147483648"),
        ("Short", 32768, "32768"), ("Long", [1], "[1]"), ("Double", "x", "x"), ("Double", False, "false"),
        ("BigInteger", 10**38, "1" + "0" * 38), ("BigDecimal", "1e25", "1e25"), ("BigDecimal", "NaN", "NaN"),
        ("Boolean", "yes", "yes"), ("Boolean", 1, "1"), ("Date", "29.2.2024", "29.2.2024"), ("Date", 5, "5"),
        ("DateTime", 1709200800000, "1709200800000"), ("DateTime", "soon", "soon"),
    ],
)
def test_a_value_that_is_not_of_its_type_ends_the_run(kind, value, shown):
    with pytest.raises(FlowFailed) as failed:
        written({"x": kind}, [{"x": None}, {"x": value}], typed=True)
    assert failed.value.message == f"The field x is said to be {kind}, and a record has '{shown}' there."


def test_pages_are_one_row_group_until_a_block_is_full():
    pages = [[{"a": "x" * 100}] * 10] * 9
    groups = pq.ParquetFile(io.BytesIO(written({"a": ""}, *pages, block=3000))).metadata
    assert [groups.row_group(n).num_rows for n in range(groups.num_row_groups)] == [30, 30, 30]


def test_a_block_that_is_not_full_is_not_written_yet():
    file = FileFormat("PARQUET", {"a": ""}).file()
    begin, more = file.add([{"a": "x"}]), file.add([{"a": "y"}])
    assert (begin, more) == (b"", b"")
    assert judged(begin + file.end()) == [{"a": "x"}, {"a": "y"}]


def test_columns_that_are_not_known_are_the_first_rows_fields():
    assert judged(written({}, [{"a": "1"}, {"b": 2}], [{"b": "3"}], typed=True)) == [
        {"a": "1", "b": None}, {"a": None, "b": "2"}, {"a": None, "b": "3"}
    ]


def test_half_a_surrogate_pair_becomes_a_question_mark():
    assert judged(written({"a": ""}, [{"a": "a\ud800b"}])) == [{"a": "a?b"}]
    assert judged(written({"a\ud800": ""}, [{"a\ud800": "b"}])) == [{"a?": "b"}]


def test_a_file_without_rows_is_nothing():
    assert FileFormat("PARQUET", {"a": ""}).file().end() == b""
