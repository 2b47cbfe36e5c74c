"""Records that a run reads from S3: which objects, in which order, in which pages."""

import json
import threading

import pytest

from emulator.flows import s3_source
from emulator.flows.plan import Canceled, FlowFailed
from emulator.flows.s3_source import S3Source

pytest_plugins = ["appflow_rig"]  # fixture: bare


@pytest.fixture
def s3(bare):
    bare.s3.create_bucket(Bucket="lake")
    return bare.s3


def put(s3, key, body):
    s3.put_object(Bucket="lake", Key=key, Body=body.encode() if isinstance(body, str) else body)


def lines(*ids):
    return "".join(json.dumps({"Id": i}) + "\n" for i in ids)


def source(s3, prefix="in/", file_type="JSON", canceled=None):
    return S3Source(s3, "lake", prefix, {"s3InputFileType": file_type}, canceled or threading.Event())


def ids(pages):
    return [[row["Id"] for row in page.rows] for page in pages]


def refusal(one):
    with pytest.raises(FlowFailed) as failed:
        list(one.pages())
    return failed.value.message


def test_every_object_under_the_prefix_is_read_in_the_order_of_keys(s3):
    for key in ("in/b", "in/a/2", "in/a/1", "in/Z", "in/", "in/a/", "input", "out/x"):
        put(s3, key, "" if key.endswith("/") else lines(key))
    pages = list(source(s3).pages())
    assert ids(pages) == [["in/Z"], ["in/a/1"], ["in/a/2"], ["in/b"]]
    assert [page.number for page in pages] == [1, 2, 3, 4]
    assert [page.mark for page in pages] == ["in/a/1", "in/a/2", "in/b", ""]
    assert sum(page.read for page in pages) == sum(len(lines(key)) for key in ("in/b", "in/a/2", "in/a/1", "in/Z"))


def test_a_prefix_may_be_an_objects_whole_key(s3):
    put(s3, "in/people", lines(1))
    assert ids(source(s3, "in/people").pages()) == [[1]]


def test_a_listing_of_several_pages_is_read_to_its_end(s3, monkeypatch):
    for number in range(5):
        put(s3, f"in/{number}", lines(number))
    paginator = s3.get_paginator("list_objects_v2")
    monkeypatch.setattr(s3, "get_paginator", lambda name: Small(paginator), raising=False)
    assert ids(source(s3).pages()) == [[0], [1], [2], [3], [4]]


class Small:
    """A paginator of two keys a page."""

    def __init__(self, paginator):
        self._paginator = paginator

    def paginate(self, **params):
        return self._paginator.paginate(**params, PaginationConfig={"PageSize": 2})


def test_nothing_under_the_prefix_is_no_page(s3):
    put(s3, "in/", "")
    assert list(source(s3).pages()) == []


def test_a_page_has_a_thousand_records_at_most_and_none_of_another_object(s3):
    put(s3, "in/a", lines(*range(2500)))
    put(s3, "in/b", lines(*range(1000)))
    pages = list(source(s3).pages())
    assert [len(page.rows) for page in pages] == [1000, 1000, 500, 1000]
    assert [page.mark for page in pages] == ["in/a", "in/a", "in/b", ""]
    assert ids(pages)[1] == list(range(1000, 2000))
    assert sum(page.read for page in pages[:3]) == len(lines(*range(2500)))


def test_bytes_without_records_are_read_too(s3):
    put(s3, "in/a", lines(*range(1000)) + "\n\n")
    pages = list(source(s3).pages())
    assert [(len(page.rows), page.read, page.mark) for page in pages] == [
        (1000, len(lines(*range(1000))), "in/a"), (0, 2, "")
    ]


def test_csv_is_what_is_read_where_the_flow_does_not_say(s3):
    put(s3, "in/a.csv", "Id,Name\n1,Ann\n")
    [page] = S3Source(s3, "lake", "in/", None, threading.Event()).pages()
    assert (page.rows, page.read, page.mark) == ([{"Id": "1", "Name": "Ann"}], 14, "")


def test_a_file_with_a_header_only_is_a_page_without_records(s3):
    put(s3, "in/a.csv", "Id,Name\n")
    put(s3, "in/b.csv", "Other\n1\n")
    first, second = source(s3, file_type="CSV").pages()
    assert (first.rows, first.read, first.mark) == ([], 8, "in/b.csv")
    assert second.rows == [{"Other": "1"}]


def test_an_empty_file_is_no_csv_and_no_records_of_json(s3):
    put(s3, "in/a", "")
    assert refusal(source(s3, file_type="CSV")) == "s3://lake/in/a is empty: a CSV file begins with a header row."
    [page] = source(s3).pages()
    assert (page.rows, page.read) == ([], 0)


def test_an_object_is_read_in_pieces(s3, monkeypatch):
    monkeypatch.setattr(s3_source, "PIECE", 1000)
    put(s3, "in/a", lines(*range(700)))
    asked, get = [], s3.get_object

    def watched(**params):
        asked.append(params["Range"])
        return get(**params)

    monkeypatch.setattr(s3, "get_object", watched, raising=False)
    assert ids(source(s3).pages()) == [list(range(700))]
    size = len(lines(*range(700)))
    assert asked[:2] == ["bytes=0-999", "bytes=1000-1999"]
    assert asked[-1] == f"bytes={len(asked) * 1000 - 1000}-{size - 1}"


def test_an_object_that_is_replaced_while_it_is_read_ends_the_run(s3, monkeypatch):
    monkeypatch.setattr(s3_source, "PIECE", 10_000)
    put(s3, "in/a", lines(*range(3000)))
    pages = source(s3).pages()
    next(pages)
    put(s3, "in/a", lines(*range(3001)))
    with pytest.raises(FlowFailed, match=r"Error while reading from S3: .*pre-?condition.* \(s3://lake/in/a\)"):
        list(pages)


def test_pages_before_the_line_that_cannot_be_read_are_given(s3):
    put(s3, "in/a", lines(*range(1500)) + "nonsense\n")
    pages = source(s3).pages()
    assert len(next(pages).rows) == 1000
    with pytest.raises(FlowFailed, match=r"^s3://lake/in/a, line 1501: is no JSON object"):
        next(pages)


def test_a_file_past_125_mb_is_not_read(s3, monkeypatch):
    monkeypatch.setattr(s3_source, "LARGEST", 10)
    put(s3, "in/a", "Id\n12345678\n")
    said = "s3://lake/in/a has 12 bytes; AppFlow reads files of at most 125 MB from S3."
    assert refusal(source(s3, file_type="CSV")) == said


def test_the_limit_of_a_file_is_125_mb():
    assert s3_source.LARGEST == 125 * 1024 * 1024


def test_a_bucket_that_is_not_there_ends_the_run(s3):
    s3.delete_bucket(Bucket="lake")
    assert refusal(source(s3)) == "Error while reading from S3: The specified bucket does not exist (s3://lake/in/)"


def test_a_run_that_is_canceled_reads_no_further_page(s3):
    put(s3, "in/a", lines(*range(1500)))
    canceled = threading.Event()
    pages = source(s3, canceled=canceled).pages()
    next(pages)
    canceled.set()
    with pytest.raises(Canceled):
        next(pages)


def test_a_run_that_is_canceled_before_it_begins_asks_for_nothing(s3):
    s3.delete_bucket(Bucket="lake")
    canceled = threading.Event()
    canceled.set()
    with pytest.raises(Canceled):
        list(source(s3, canceled=canceled).pages())
