"""What a run writes, as text."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.frontdoors.flow_output import Fields, Format

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
VALUE = st.none() | st.booleans() | st.integers() | TEXT | st.lists(st.integers(), max_size=2)
ROWS = st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUE), max_size=5)


@given(ROWS)
def test_json_lines_give_back_every_record(rows):
    body = Format("JSON", ["a", "b", "c"]).body(rows).decode()
    assert [json.loads(line) for line in body.split("\n")[:-1]] == rows


@given(ROWS)
def test_csv_gives_back_a_row_for_every_record(rows):
    body = Format("CSV", ["a", "b", "c"]).body(rows).decode()
    assert len(list(csv.reader(io.StringIO(body, newline="")))) == len(rows) + 1


@pytest.mark.parametrize("file_type", ["CSV", "JSON"])
def test_half_a_surrogate_pair_is_a_question_mark(file_type):
    assert b"?" in Format(file_type, ["a"]).body([{"a": "\ud800"}])


@given(st.text())
def test_a_record_is_an_object_or_refused(text):
    from emulator.frontdoors.flow_output import BadRecord

    try:
        row = Fields(("a",), (("a", "b"),)).row(text)
    except BadRecord:
        return
    assert row.keys() <= {"b"}
