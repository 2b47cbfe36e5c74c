"""Deployment packages: what is unpacked, how, and what is refused in AWS's words."""

from __future__ import annotations

import base64
import contextlib
import errno
import hashlib
import io
import os
import stat
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from lambda_fixtures import zipped

from emulator.errors import EngineError
from emulator.functions import code
from emulator.functions.code import BadCode, folder, unpack

UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."


def entry(name, mode, content=b"x"):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        archive.writestr(info, content)
    return packed.getvalue()


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_package_becomes_a_folder_named_after_its_content(tmp_path):
    package = zipped({"app.py": "x = 1\n", "lib/deep/er.py": "y = 2\n"})
    made = unpack(package, tmp_path)
    assert (made.path / "app.py").read_text() == "x = 1\n"
    assert (made.path / "lib/deep/er.py").read_text() == "y = 2\n"
    assert made.sha256 == base64.b64encode(hashlib.sha256(package).digest()).decode()
    assert made.size == len(package)
    assert unpack(package, tmp_path) == made
    assert list(tmp_path.iterdir()) == [made.path]


@pytest.mark.parametrize(
    ("given", "kept"),
    [(0o755, 0o755), (0o644, 0o644), (0o600, 0o644), (0o700, 0o744), (0, 0o644), (0o4755, 0o755)],
)
def test_modes_are_kept_and_readable_to_lambdas_user(tmp_path, given, kept):
    made = unpack(entry("bin/tool", stat.S_IFREG | given), tmp_path)
    found = mode_of(made.path / "bin/tool")
    assert found & 0o444 == 0o444
    assert found & 0o111 == kept & 0o111
    assert not found & 0o7000
    assert mode_of(made.path / "bin") & 0o555 == 0o555


@pytest.mark.parametrize("name", ["../../outside", "/etc/outside", "a/../../../outside", "..\\outside"])
def test_nothing_is_written_outside(tmp_path, name):
    inside = tmp_path / "a/b/c"
    made = unpack(entry(name, stat.S_IFREG | 0o644), inside)
    written = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert written
    assert all(path.is_relative_to(made.path) for path in written)


def test_a_link_stays_a_link(tmp_path):
    packed = io.BytesIO(zipped({"real.py": "x"}))
    with zipfile.ZipFile(packed, "a") as archive:
        info = zipfile.ZipInfo("bin/tool")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "../real.py")
    made = unpack(packed.getvalue(), tmp_path)
    assert os.readlink(made.path / "bin/tool") == "../real.py"
    assert (made.path / "bin/tool").read_text() == "x"


@pytest.mark.parametrize("target", ["/etc/passwd", "../../..", "../outside"])
def test_a_link_that_leads_outside_is_refused(tmp_path, target):
    with pytest.raises(BadCode, match="Could not unzip"):
        unpack(entry("link", stat.S_IFLNK | 0o777, target.encode()), tmp_path)


def encrypted():
    package = bytearray(zipped({"a": "b"}))
    for at, signature in ((6, b"PK\x03\x04"), (8, b"PK\x01\x02")):
        package[package.index(signature) + at] |= 1
    return bytes(package)


@pytest.mark.parametrize(
    "package",
    [b"", b"not a zip", zipped({"a": "b" * 500})[:-30], zipped({"a": "b"})[10:], encrypted(),
     zipped({"a": "file", "a/b": "below it"})],
    ids=["empty", "text", "cut", "headless", "encrypted", "file and folder"],
)  # fmt: skip
def test_a_bad_package_is_refused_and_leaves_nothing(tmp_path, package):
    with pytest.raises(BadCode) as caught:
        unpack(package, tmp_path)
    assert (str(caught.value), caught.value.too_large) == (UNREADABLE, False)
    assert list(tmp_path.iterdir()) == []


@hypothesis(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_broken_package_is_never_anything_but_refused(tmp_path, changes):
    package = bytearray(zipped({"app.py": "x" * 200, "lib/a.py": "y = 1\n" * 20}))
    for at, value in changes:
        package[at % len(package)] = value
    with contextlib.suppress(BadCode):
        unpack(bytes(package), tmp_path)


def claiming(size, content="x"):
    """A package whose directory says that its one file unpacks to `size` bytes."""
    package = bytearray(zipped({"big": content}))
    at = package.index(b"PK\x01\x02") + 24
    package[at : at + 4] = struct.pack("<I", size)
    return bytes(package)


def test_an_unzipped_size_past_the_limit_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(BadCode) as caught:
        unpack(claiming(262144001), tmp_path)
    assert str(caught.value) == "Unzipped size must be smaller than 262144000 bytes"
    assert not caught.value.too_large


def test_a_size_that_lies_is_refused(tmp_path):
    with pytest.raises(BadCode, match="Could not unzip"):
        unpack(claiming(10, "x" * 100_000), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_zip_of_250_mb_of_nothing_is_refused(tmp_path):
    packed = io.BytesIO()
    archive = zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with archive, archive.open("sparse", "w") as sparse:
        for _ in range(251):
            sparse.write(bytes(1 << 20))
    with pytest.raises(BadCode, match="Unzipped size must be smaller than 262144000 bytes"):
        unpack(packed.getvalue(), tmp_path)


def test_a_zipped_size_past_the_limit_is_a_413(tmp_path):
    with pytest.raises(BadCode) as caught:
        unpack(bytes(52428801), tmp_path)
    assert (str(caught.value), caught.value.too_large) == ("Zipped size must be smaller than 52428800 bytes", True)


def test_a_full_disk_is_not_the_packages_fault(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(code, "_extract_one", full)
    with pytest.raises(EngineError, match="no room"):
        unpack(zipped({"a": "b"}), tmp_path)


def test_the_same_package_at_once_is_unpacked_once(tmp_path):
    package = zipped({f"m{n}.py": "x" * 1000 for n in range(50)})
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: unpack(package, tmp_path), range(8)))
    assert len(made) == 1
    assert [path.name for path in tmp_path.iterdir()] == [made.pop().path.name]


def test_a_folder_is_used_where_it_is(tmp_path):
    (tmp_path / "here").mkdir()
    made = folder(tmp_path / "here/../here")
    assert (made.path, made.size) == ((tmp_path / "here").resolve(), 0)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadCode, match="does not exist on the machine that runs the rig"):
        folder(tmp_path / "nowhere")
