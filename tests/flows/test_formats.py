"""Files that a flow writes: JSON Lines and CSV, judged by json and csv."""

import csv
import io
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.flows import formats
from emulator.flows.formats import FileFormat, parquet_problem
from emulator.flows.plan import FlowFailed
from emulator.flows.reading import Reading, lines

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
# A byte order mark that begins a file is none of its first name, whoever reads it.
NAMES = st.lists(TEXT.filter(lambda name: name and name[0] != "\ufeff"), min_size=1, max_size=4, unique=True)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=5,
)


def written(file_format, *pages):
    file = file_format.file()
    return b"".join([*(file.add(page) for page in pages), file.end()])


def read(file_type, body, size=7):
    """By the rig's own reader, in small pieces."""
    pieces = [body[begin:begin + size] for begin in range(0, len(body), size)]
    return Reading("s3://lake/file", file_type, lines(pieces)).page(sys.maxsize)


def columns(*names):
    return dict.fromkeys(names, "")


@given(st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1))
def test_json_lines_hold_what_was_written(rows):
    body = written(FileFormat("JSON"), rows[:1], rows[1:])
    assert [json.loads(line) for line in body.decode().split("\n") if line] == rows
    assert read("JSON", body) == rows


@given(st.data(), NAMES)
def test_csv_holds_what_was_written(data, names):
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(names, TEXT)), min_size=1))
    body = written(FileFormat("CSV", columns(*names)), rows[:1], rows[1:])
    judged = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    assert judged == rows
    assert read("CSV", body) == rows


def test_json_is_one_compact_object_a_line_with_the_fields_a_record_has():
    rows = [{"a": 1, "b": None, "c": {"d": [1.5, True]}}, {"b": "ä\n\u2028"}]
    assert written(FileFormat(), rows).decode() == '{"a":1,"b":null,"c":{"d":[1.5,true]}}\n{"b":"ä\\n\u2028"}\n'


def test_csv_has_its_header_once_a_file_and_a_line_for_each_record():
    rows = [{"Id": "1", "Name": 'the "x"'}, {"Name": "a,b\r\nc", "other": "no column"}, {"Id": None}]
    body = written(FileFormat("CSV", columns("Id", "Name")), rows[:2], rows[2:])
    assert body.decode() == 'Id,Name\n1,"the ""x"""\n,"a,b\r\nc"\n,\n'


def test_what_is_no_text_is_json_in_csv():
    row = {"a": 1, "b": 1.5, "c": True, "d": {"x": [1, None]}, "e": [], "f": 10**20}
    [said] = csv.DictReader(io.StringIO(written(FileFormat("CSV", columns(*row)), [row]).decode()))
    assert said == {"a": "1", "b": "1.5", "c": "true", "d": '{"x": [1, null]}', "e": "[]", "f": "1" + "0" * 20}


@pytest.mark.parametrize("value", ["\r", "a\rb", "\n", "\r\n", '"', ",", " ", "", "\x0b", "\u2029", "\ufeff"])
def test_characters_that_csv_trips_over_come_back(value):
    rows = [{"a": value}, {"a": "b"}]
    assert read("CSV", written(FileFormat("CSV", columns("a")), rows)) == rows


def test_a_text_longer_than_csvs_own_limit_comes_back():
    row = {"a": "x" * 200_000}
    assert read("CSV", written(FileFormat("CSV", columns("a")), [row]), 50_000) == [row]


def test_columns_that_are_not_known_are_the_first_rows_fields():
    rows = [{"a": "1"}, {"b": "2"}]
    assert written(FileFormat("CSV"), rows, [{"b": "3"}]).decode() == "a,b\n1,\n,2\n,3\n"


def test_a_field_that_a_file_has_no_column_for_ends_the_run():
    file = FileFormat("CSV").file()
    file.add([{"a": "1"}])
    with pytest.raises(FlowFailed, match="the field b, which the first records of the file have not"):
        file.add([{"a": "1", "b": "2"}])


def test_records_without_fields_make_no_columns():
    with pytest.raises(FlowFailed, match="without any field"):
        FileFormat("CSV").file().add([{}])


@pytest.mark.parametrize("file_type", ["JSON", "CSV"])
@pytest.mark.parametrize("value", [float("nan"), {"a": [float("inf")]}])
def test_a_number_that_json_has_not_ends_the_run(file_type, value):
    with pytest.raises(FlowFailed, match="JSON cannot hold"):
        written(FileFormat(file_type, columns("a")), [{"a": value}])


@pytest.mark.parametrize("file_type", ["JSON", "CSV"])
def test_half_a_surrogate_pair_becomes_a_question_mark(file_type):
    assert "a?b" in written(FileFormat(file_type, columns("a")), [{"a": "a\ud800b"}]).decode()


def test_a_format_is_read_from_a_flows_settings():
    assert FileFormat.of(None, {}) == FileFormat("JSON", {})
    given = {"fileType": "PARQUET", "preserveSourceDataTyping": True}
    assert FileFormat.of(given, {"a": "Long"}) == FileFormat("PARQUET", {"a": "Long"}, typed=True)


def test_parquet_without_pyarrow_is_refused_with_what_to_install(monkeypatch):
    assert parquet_problem() == ""
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    assert parquet_problem() == "Parquet files need pyarrow. Install it with: pip install 'lambdarig[parquet]'"
    with pytest.raises(FlowFailed, match="pip install"):
        FileFormat("PARQUET").file()
