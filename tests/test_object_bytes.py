"""Where S3's objects are: on disk, whole, and gone when they are deleted."""

import gc
import inspect
import os
import random

import pytest
from appflow_rig import Rig

from emulator.aws import object_bytes
from emulator.aws.object_bytes import SMALL, Disk, Kept

MB = 1024 * 1024


@pytest.fixture
def disk(monkeypatch):
    """One of the test's own."""
    made = Disk()
    monkeypatch.setattr(object_bytes, "_disks", [made])
    return made


def kept(content):
    one = Kept()
    one.write(content)
    return one


def content(one):
    one.seek(0)
    return one.read()


@pytest.mark.parametrize("size", [0, 1, SMALL, SMALL + 1, 3 * MB])
def test_what_is_written_is_read(disk, size):
    data = os.urandom(size)
    one = kept(data)
    assert (content(one), content(one), one.read()) == (data, data, b"")
    one.seek(5)
    assert (one.read(7), one.read()) == (data[5:12], data[12:])
    assert disk.size == (size if size > SMALL else 0)


def test_what_is_written_again_replaces_it(disk):
    one = kept(b"a" * MB)
    for data in (b"b" * 2 * MB, b"c", b"", b"d" * MB):
        one.seek(0)
        one.truncate()
        one.write(data)
        assert content(one) == data
    assert disk.size == MB
    one.close()
    assert disk.size == 0
    with pytest.raises(ValueError, match="closed"):
        one.read()


def test_pieces_become_one_content_that_another_takes_over(disk):
    made = Kept.of([b"a" * MB, b"b" * MB], 2 * MB)
    assert len(made) == 2 * MB
    one = kept(made)
    assert content(one) == b"a" * MB + b"b" * MB
    assert disk.size == 2 * MB
    one.close()
    assert disk.size == 0


def test_places_are_used_again_and_no_two_overlap(disk):
    dice, held = random.Random(1), {}
    for number in range(2000):
        if held and dice.random() < 0.45:
            one, data = held.pop(dice.choice(list(held)))
            assert content(one) == data
            one.close()
        else:
            data = bytes([number % 256]) * dice.choice([SMALL + 1, 5000, 9000, 20_000])
            held[number] = kept(data), data
    assert all(content(one) == data for one, data in held.values())
    assert disk.size < 3 * sum(len(data) for _, data in held.values())
    for one, _ in held.values():
        one.close()
    assert (disk.size, disk._free, os.fstat(disk._file.fileno()).st_size) == (0, [], 0)


def test_what_is_collected_while_the_disk_is_asked_is_free_later(disk):
    first, second = kept(b"a" * MB), kept(b"b" * MB)
    with disk._lock:  # as where the collector strikes within `take`
        second.close()
    assert disk.size == 2 * MB
    first.close()
    assert disk.size == 0


def test_a_child_has_a_file_of_its_own_and_leaves_its_parents_alone(disk):
    one = kept(b"a" * MB)
    child = os.fork()
    if not child:
        own = kept(b"b" * 2 * MB)
        ok = content(own) == b"b" * 2 * MB and content(one) == b"a" * MB
        one.close()
        own.close()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert content(one) == b"a" * MB
    assert (disk.size, os.fstat(disk._file.fileno()).st_size) == (MB, MB)


@pytest.fixture
def s3(disk):
    rig = Rig()
    rig.s3.create_bucket(Bucket="lake")
    yield rig.s3
    rig.backend.close()


def body(s3, key="k", **more):
    return s3.get_object(Bucket="lake", Key=key, **more)["Body"].read()


def test_objects_are_on_disk_and_gone_with_their_deletion(s3, disk):
    s3.put_object(Bucket="lake", Key="k", Body=b"a" * MB)
    assert (disk.size, body(s3), body(s3, Range="bytes=10-12")) == (MB, b"a" * MB, b"aaa")
    s3.copy_object(Bucket="lake", Key="copy", CopySource="lake/k")
    s3.put_object(Bucket="lake", Key="k", Body=b"b" * MB)
    assert (body(s3), body(s3, "copy")) == (b"b" * MB, b"a" * MB)
    s3.delete_object(Bucket="lake", Key="k")
    s3.delete_object(Bucket="lake", Key="copy")
    gc.collect()
    assert disk.size == 0


def test_many_objects_take_one_descriptor(s3, disk):
    s3.put_object(Bucket="lake", Key="0", Body=b"a" * 6 * MB)
    before = len(os.listdir("/proc/self/fd"))
    for number in range(100):
        s3.put_object(Bucket="lake", Key=str(number), Body=b"a" * 6 * MB if number < 10 else b"a" * 10_000)
    assert len(os.listdir("/proc/self/fd")) == before
    assert disk.size >= 60 * MB


def test_a_reset_empties_the_disk(disk):
    rig = Rig()
    rig.s3.create_bucket(Bucket="lake")
    for number in range(5):
        rig.s3.put_object(Bucket="lake", Key=str(number), Body=b"a" * MB)
    assert disk.size == 5 * MB
    rig.backend.reset()
    assert disk.size == 0
    rig.backend.close()


def uploaded(s3, parts, listed=None, **more):
    upload = s3.create_multipart_upload(Bucket="lake", Key="k", **more)["UploadId"]
    put = [
        {"PartNumber": number, "ETag": s3.upload_part(
            Bucket="lake", Key="k", UploadId=upload, PartNumber=number, Body=part)["ETag"]}
        for number, part in enumerate(parts, 1)
    ]
    given = {"Parts": put if listed is None else listed(put)}
    s3.complete_multipart_upload(Bucket="lake", Key="k", UploadId=upload, MultipartUpload=given)
    return s3.head_object(Bucket="lake", Key="k", ChecksumMode="ENABLED")


PARTS = [b"a" * 5 * MB, b"b" * 6 * MB, b"c"]
CHECKSUMS = [{}, {"ChecksumAlgorithm": "CRC32"}, {"ChecksumAlgorithm": "SHA256"}, {"ChecksumAlgorithm": "CRC64NVME"},
             {"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"},
             {"ChecksumAlgorithm": "CRC32C", "ChecksumType": "FULL_OBJECT"}]


@pytest.mark.parametrize("checksum", CHECKSUMS)
def test_a_multipart_upload_is_what_moto_makes_of_it(s3, disk, monkeypatch, checksum):
    import moto.s3.models as models

    head = uploaded(s3, PARTS, **checksum)
    assert body(s3) == b"".join(PARTS)
    assert disk.size >= sum(map(len, PARTS))
    plain = inspect.getclosurevars(models.FakeMultipart.complete).nonlocals["plain"]
    monkeypatch.setattr(models.FakeMultipart, "complete", plain)
    motos = uploaded(s3, PARTS, **checksum)
    names = [name for name in motos if name.startswith(("Checksum", "ETag", "ContentLength"))]
    assert {name: head.get(name) for name in names} == {name: motos[name] for name in names}


def test_only_the_parts_that_are_listed_are_the_object(s3):
    uploaded(s3, PARTS, lambda put: [put[0], put[2]])
    assert body(s3) == PARTS[0] + PARTS[2]


@pytest.mark.parametrize(
    ("parts", "listed", "code"),
    [
        ([b"a", b"b"], None, "EntityTooSmall"),
        ([b"a"], lambda put: [{**put[0], "ETag": '"0"'}], "InvalidPart"),
        ([b"a"], lambda put: [{**put[0], "PartNumber": 2}], "InvalidPart"),
    ],
)
def test_an_upload_that_cannot_be_completed_is_refused(s3, parts, listed, code):
    with pytest.raises(s3.exceptions.ClientError) as refused:
        uploaded(s3, parts, listed)
    assert refused.value.response["Error"]["Code"] == code
