"""Files that a flow reads: what is read, and which line is told where it cannot be."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.flows.plan import FlowFailed
from emulator.flows.reading import Reading, lines


def reading(file_type, body, size=5):
    pieces = [body[begin:begin + size] for begin in range(0, len(body), size)]
    return Reading("s3://lake/people", file_type, lines(pieces))


def rows(file_type, body, most=100):
    return reading(file_type, body).page(most)


def refusal(file_type, body):
    with pytest.raises(FlowFailed) as failed:
        rows(file_type, body)
    return failed.value.message


@given(st.binary(), st.integers(1, 9))
def test_lines_are_the_bytes_whatever_the_pieces(body, size):
    pieces = [body[begin:begin + size] for begin in range(0, len(body), size)]
    assert list(lines(pieces)) == io.BytesIO(body).readlines()


@pytest.mark.parametrize(
    "body",
    [
        b"Id,Name\n1,Ann\n2,Bob\n",
        b"Id,Name\n1,Ann\n2,Bob",
        b"Id,Name\r\n1,Ann\r\n2,Bob\r\n",
        b"\xef\xbb\xbfId,Name\n1,Ann\n2,Bob\n",
        b'"Id","Name"\n"1","Ann"\n"2","Bob"\n',
        b"\nId,Name\n\n1,Ann\n\r\n2,Bob\n\n",
    ],
)
def test_csv_as_programs_write_it(body):
    assert rows("CSV", body) == [{"Id": "1", "Name": "Ann"}, {"Id": "2", "Name": "Bob"}]


def test_csv_values_may_have_commas_quotes_and_line_ends():
    body = 'Id,Note\n1,"a, ""b""\r\nc\n\nd"\n2, ä \n'.encode()
    assert rows("CSV", body) == [{"Id": "1", "Note": 'a, "b"\r\nc\n\nd'}, {"Id": "2", "Note": " ä "}]


def test_a_header_only_is_no_record():
    assert rows("CSV", b"Id,Name\n") == []


@pytest.mark.parametrize(
    "body", [b'{"Id":"1"}\n{"Id":2}\n', b'{"Id":"1"}\r\n{"Id":2}', b'\xef\xbb\xbf\n{"Id": "1"}\n\n  {"Id": 2}  \n\n']
)
def test_json_is_an_object_a_line(body):
    assert rows("JSON", body) == [{"Id": "1"}, {"Id": 2}]


def test_an_empty_json_file_has_no_records():
    assert rows("JSON", b"") == []


def test_an_empty_csv_file_lacks_its_header():
    assert refusal("CSV", b"") == "s3://lake/people is empty: a CSV file begins with a header row."
    assert refusal("CSV", b"\xef\xbb\xbf\n") == "s3://lake/people is empty: a CSV file begins with a header row."


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"Id,Name\n1,Ann\n2\n", "line 3: has 1 fields, and the header row 2."),
        (b"Id,Name\n1,Ann,x\n", "line 2: has 3 fields, and the header row 2."),
        (b"Id,Id\n1,1\n", "line 1: the header row has a name twice, or an empty one."),
        (b"Id,\n1,1\n", "line 1: the header row has a name twice, or an empty one."),
        (b"Id\n1\n\xff\n", "line 3: is no UTF-8."),
        ("Id\nä\n".encode("latin-1"), "line 2: is no UTF-8."),
        (b'Id\n"1\n2"\n"3\n\n4', "line 4: is no CSV (unexpected end of data)."),
        (b'Id,Name\n1,"a"b\n', "line 2: is no CSV (',' expected after '\"')."),
    ],
)
def test_the_line_of_a_csv_file_that_cannot_be_read_is_named(body, said):
    assert refusal("CSV", body) == f"s3://lake/people, {said}"


def test_carriage_returns_alone_end_no_lines():
    assert refusal("CSV", b"Id,Name\r1,Ann\r").startswith("s3://lake/people, line 1: is no CSV (")


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'[{"Id": 1}]\n', 1), (b'{"Id": 1}\n{"Id":\n2}\n', 2), (b'{"Id": 1}\n\n"x"\n', 3), (b"null\n", 1),
        (b'{"Id": NaN}\n', 1), (b'{"Id": 1} {"Id": 2}\n', 1), (b"[" * 100_000 + b"\n", 1),
    ],
)
def test_the_line_of_a_json_file_that_is_no_object_is_named(body, line):
    assert refusal("JSON", body) == (
        f"s3://lake/people, line {line}: is no JSON object; each line of a JSON file has one, and the file is no array."
    )


def test_the_line_of_a_json_file_that_is_no_utf8_is_named():
    assert refusal("JSON", b'{"Id": 1}\n{"Id": "\xc3"}\n') == "s3://lake/people, line 2: is no UTF-8."


@pytest.mark.parametrize("file_type", ["CSV", "JSON"])
def test_bytes_are_counted_as_they_are_read(file_type):
    body = b"Id\n" + b"".join(b"%d\n" % n for n in range(5))
    if file_type == "JSON":
        body = b"".join(json.dumps({"Id": n}).encode() + b"\n" for n in range(5)) + b"\n\n"
    one, taken = reading(file_type, body), []
    while one.taken < len(body):
        one.page(2)
        taken.append(one.taken)
    assert taken == sorted(set(taken))
    assert (len(taken), taken[-1]) == (3, len(body))
