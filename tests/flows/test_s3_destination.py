"""Objects that a run leaves in S3: how many, how large, and nothing that is half done."""

import csv
import io
import json
from datetime import datetime, timezone

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import EndpointConnectionError

from emulator.flows import s3_destination
from emulator.flows.formats import FileFormat
from emulator.flows.layout import Layout
from emulator.flows.plan import FlowFailed, Put
from emulator.flows.s3_destination import MB, Aggregation, S3Destination, whole

pytest_plugins = ["appflow_rig"]  # fixture: bare
LAYOUT = Layout("lake", "raw", "contacts", "run-1", 1, datetime(2024, 3, 5, tzinfo=timezone.utc))
PAGES = [[{"Id": f"{page}-{n}", "Country": "DE" if n % 2 else "FR"} for n in range(4)] for page in range(3)]
ROWS = [row for page in PAGES for row in page]
COLUMNS = {"Id": "String", "Country": "String"}
EACH, SINGLE = Aggregation(), Aggregation(single=True)


@pytest.fixture
def s3(bare):
    bare.s3.create_bucket(Bucket="lake")
    return bare.s3


def by_country(row):
    return (f"country={row['Country']}",)


def destination(s3, file_type="JSON", aggregation=EACH, partition=whole, block=16 * MB):
    return S3Destination(s3, LAYOUT, FileFormat(file_type, COLUMNS, block=block), aggregation, partition)


def given(to, pages=PAGES):
    return [*map(to.write, pages), to.finish()]


def files(s3):
    listed = s3.list_objects_v2(Bucket="lake").get("Contents", [])
    return {item["Key"]: s3.get_object(Bucket="lake", Key=item["Key"])["Body"].read() for item in listed}


def parsed(body, file_type="JSON"):
    if file_type == "PARQUET":
        return pq.read_table(io.BytesIO(body)).to_pylist()
    lines = body.decode().splitlines()
    return [json.loads(line) for line in lines] if file_type == "JSON" else list(csv.DictReader(lines))


def uploads(s3):
    return s3.list_multipart_uploads(Bucket="lake").get("Uploads", [])


@pytest.mark.parametrize("file_type", ["JSON", "CSV", "PARQUET"])
def test_without_aggregation_every_page_is_an_object(s3, file_type):
    puts = given(destination(s3, file_type))
    left = files(s3)
    assert [put.objects for put in puts] == [(LAYOUT.key(1),), (LAYOUT.key(2),), (LAYOUT.key(3),), ()]
    assert [parsed(left[LAYOUT.key(number)], file_type) for number in (1, 2, 3)] == PAGES
    assert [put.written for put in puts] == [*(len(left[LAYOUT.key(number)]) for number in (1, 2, 3)), 0]


@pytest.mark.parametrize("file_type", ["JSON", "CSV", "PARQUET"])
def test_a_single_file_is_one_object_when_the_run_is_over(s3, file_type):
    to = destination(s3, file_type, SINGLE)
    assert [to.write(page) for page in PAGES] == [Put()] * 3
    assert files(s3) == {}
    put = to.finish()
    assert put == Put(len(files(s3)[LAYOUT.key(1)]), objects=(LAYOUT.key(1),))
    assert {key: parsed(body, file_type) for key, body in files(s3).items()} == {LAYOUT.key(1): ROWS}


@pytest.fixture
def cells_of_any_size():
    before = csv.field_size_limit(100 * MB)
    yield
    csv.field_size_limit(before)


@pytest.mark.usefixtures("cells_of_any_size")
@pytest.mark.parametrize("file_type", ["JSON", "CSV", "PARQUET"])
def test_a_large_single_file_is_uploaded_in_parts(s3, file_type, monkeypatch):
    monkeypatch.setattr(s3_destination, "PART", 5 * MB)
    pages = [[{"Id": f"{page}-{n}-" + format(hash((page, n)) % 16**8, "x") * 125_000, "Country": "FR"}
              for n in range(2)] for page in range(9)]
    to = destination(s3, file_type, SINGLE, block=1)
    puts = [to.write(page) for page in pages]
    assert len(uploads(s3)) == (0 if file_type == "PARQUET" else 1)  # repeated text shrinks
    puts.append(to.finish())
    [(key, body)] = files(s3).items()
    assert [put.written for put in puts] == [0] * 9 + [len(body)]
    assert parsed(body, file_type) == [row for page in pages for row in page]
    assert (key, uploads(s3)) == (LAYOUT.key(1), [])


def test_no_more_than_two_parts_are_in_memory(s3):
    seen, upload = [], s3_destination._File._part

    class Watched(s3_destination._File):
        def _part(self, size):
            seen.append((size, len(self._left)))
            upload(self, size)

    file = Watched(s3, "lake", "key", FileFormat("JSON").file())
    for _ in range(20):
        file.add([{"a": "x" * MB}])
    file.finish()
    assert [size for size, _ in seen[:-1]] == [s3_destination.PART] * 2
    assert max(left for _, left in seen) < 2 * s3_destination.PART
    assert s3.head_object(Bucket="lake", Key="key")["ContentLength"] == file.size


@pytest.mark.parametrize("file_type", ["JSON", "CSV", "PARQUET"])
def test_a_target_size_makes_files_of_about_that_size(s3, file_type):
    pages = [[{"Id": f"{page}-{n}" + "".join(map(str, range(n, n + 9000))), "Country": ""} for n in range(8)]
             for page in range(10)]
    to = destination(s3, file_type, Aggregation(target=MB // 2))
    given(to, pages)
    sizes = [len(files(s3)[LAYOUT.key(number)]) for number in range(1, len(files(s3)) + 1)]
    page = len(FileFormat("JSON").file().add(pages[0]))
    if file_type != "PARQUET":  # its size is known when a block is packed
        assert all(MB // 2 <= size < MB // 2 + page + 100 for size in sizes[:-1])
    assert 1 < len(sizes) < len(pages)
    rows = [row for n in range(1, len(sizes) + 1) for row in parsed(files(s3)[LAYOUT.key(n)], file_type)]
    assert rows == [row for page in pages for row in page]


@pytest.mark.parametrize(("aggregation", "count"), [(EACH, 6), (SINGLE, 2)])
def test_partitions_have_files_of_their_own(s3, aggregation, count):
    given(destination(s3, "CSV", aggregation, by_country))
    left = files(s3)
    assert len(left) == count
    for country in ("DE", "FR"):
        mine = {key: body for key, body in left.items() if f"raw/contacts/run-1/country={country}/" in key}
        assert len(mine) == count // 2
        rows = [row for body in mine.values() for row in parsed(body, "CSV")]
        assert sorted(row["Id"] for row in rows) == sorted(row["Id"] for row in ROWS if row["Country"] == country)


@pytest.mark.parametrize(("name", "fits"), [("x" * 960, True), ("ü" * 500, False)])
def test_a_key_has_1024_bytes_at_most(s3, name, fits):
    to = destination(s3, partition=lambda row: (f"c={name}",) if row["Id"] == "0-3" else ())
    if fits:
        assert len(to.write(PAGES[0]).objects) == 2
        return
    with pytest.raises(FlowFailed, match="Your key is too long") as failed:
        to.write(PAGES[0])
    assert failed.value.put.objects == (LAYOUT.key(1),)


@pytest.mark.parametrize("aggregation", [EACH, SINGLE, Aggregation(target=MB)])
@pytest.mark.parametrize("partition", [whole, by_country])
def test_a_run_without_records_leaves_nothing(s3, aggregation, partition):
    assert given(destination(s3, "CSV", aggregation, partition), [[], []]) == [Put()] * 3
    assert files(s3) == {}


def test_a_run_that_is_abandoned_leaves_its_complete_files_and_nothing_else(s3):
    to = destination(s3)
    to.write(PAGES[0])
    to.abandon()
    assert list(files(s3)) == [LAYOUT.key(1)]
    to = destination(s3, aggregation=SINGLE)
    to.write([{"Id": "x" * 9 * MB}])
    assert len(uploads(s3)) == 1
    to.abandon()
    assert (list(files(s3)), uploads(s3)) == ([LAYOUT.key(1)], [])
    to.abandon()
    assert to.finish() == Put()


def test_a_refusal_of_s3s_ends_the_run_and_names_the_object(s3):
    s3.delete_bucket(Bucket="lake")
    with pytest.raises(FlowFailed) as failed:
        destination(s3).write(PAGES[0])
    said = "Error while writing to S3: The specified bucket does not exist"
    assert failed.value.message == f"{said} (s3://lake/{LAYOUT.key(1)})"
    assert failed.value.put == Put()


class Failing:
    """S3, whose one operation fails after so many calls."""

    def __init__(self, s3, name, good):
        self._s3, self._name, self._good = s3, name, good

    def __getattr__(self, name):
        if name != self._name:
            return getattr(self._s3, name)
        self._good -= 1
        return getattr(self._s3, name) if self._good >= 0 else self._fail

    def _fail(self, **params):
        raise EndpointConnectionError(endpoint_url="https://s3")


def test_what_was_complete_before_a_failure_is_told_with_it(s3):
    with pytest.raises(FlowFailed) as failed:
        destination(Failing(s3, "put_object", 1), partition=by_country).write(PAGES[0])
    assert failed.value.message.startswith('Error while writing to S3: Could not connect to the endpoint URL')
    [(key, body)] = files(s3).items()
    assert failed.value.put == Put(len(body), objects=(key,))


@pytest.mark.parametrize("name", ["create_multipart_upload", "upload_part", "complete_multipart_upload"])
def test_an_upload_that_fails_is_dropped(s3, name):
    to = destination(Failing(s3, name, 0), aggregation=SINGLE)
    with pytest.raises(FlowFailed, match="Error while writing to S3"):
        given(to, [[{"Id": "x" * 9 * MB}]])
    to.abandon()
    assert (files(s3), uploads(s3)) == ({}, [])


def test_an_upload_that_cannot_be_dropped_is_logged(s3, caplog):
    to = destination(Failing(s3, "abort_multipart_upload", 0), aggregation=SINGLE)
    to.write([{"Id": "x" * 9 * MB}])
    to.abandon()
    assert "Error while dropping an upload to S3: Could not connect" in caplog.text


def test_aggregation_is_read_from_a_flows_settings():
    assert Aggregation.of(None) == Aggregation.of({"aggregationType": "None"}) == EACH
    assert Aggregation.of({"aggregationType": "SingleFile"}) == SINGLE
    assert Aggregation.of({"aggregationType": "None", "targetFileSize": 64}) == Aggregation(target=64 * MB)
