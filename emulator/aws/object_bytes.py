"""Where moto's S3 has the bytes of its objects: on disk, in one file for the whole process, which has no name.

moto keeps each object in a SpooledTemporaryFile of its own: up to 5 MB in memory, beyond it with a file descriptor open
as long as the object is there. A thousand pages of a flow are a thousand objects, too many for either. And what moto
puts together in memory when a multipart upload is complete goes from disk to disk here, part by part.
"""

from __future__ import annotations

import os
import tempfile
import threading
from base64 import b64encode
from bisect import bisect
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from hashlib import md5
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any
from zlib import crc32

SMALL = 4096  # bytes that an object may have in memory


class Disk:
    """Places in one file, which is gone with the process however that ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._file: Any = None
        self._free: list[tuple[int, int]] = []  # (begin, end), in order; no two of them touch
        self._given: deque[tuple[int, int]] = deque()
        self.size, self.forked = 0, False

    def take(self, size: int) -> int:
        """Where so many bytes have their place."""
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="lambdarig-s3-")  # noqa: SIM115 - as long as the process
            self._settle()
            for index, (begin, end) in enumerate(self._free):
                if end - begin >= size:
                    self._free[index:index + 1] = [(begin + size, end)] if end - begin > size else []
                    return begin
            begin, self.size = self.size, self.size + size
            return begin

    def give(self, begin: int, size: int) -> None:
        """They are free again. Objects are collected while this very thread has the lock: then whoever takes next
        settles it. A child of this process has the same file, and no business in it."""
        if self.forked or not size:
            return
        self._given.append((begin, begin + size))
        if self._lock.acquire(blocking=False):
            try:
                self._settle()
            finally:
                self._lock.release()

    def _settle(self) -> None:
        """The file gets shorter where its end is free."""
        before = self.size
        while self._given:
            begin, end = self._given.popleft()
            at = bisect(self._free, (begin, end))
            if at < len(self._free) and self._free[at][0] == end:
                end = self._free.pop(at)[1]
            if at and self._free[at - 1][1] == begin:
                at -= 1
                begin = self._free.pop(at)[0]
            if end == self.size:
                self.size = begin
            else:
                self._free.insert(at, (begin, end))
        if self.size < before:
            os.ftruncate(self._file.fileno(), self.size)

    def write(self, at: int, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            done = os.pwrite(self._file.fileno(), rest, at)
            rest, at = rest[done:], at + done

    def read(self, at: int, size: int) -> bytes:
        return os.pread(self._file.fileno(), size, at)


_disks = [Disk()]


def _forked() -> None:
    """What a child puts is not for its parent's file."""
    _disks[-1].forked = True
    _disks.append(Disk())


os.register_at_fork(after_in_child=_forked)


class Kept:
    """What moto needs of a SpooledTemporaryFile: what is written replaces what was there; it is read from `seek` on."""

    def __init__(self, max_size: int = 0) -> None:
        self._disk, self._at, self._size = _disks[-1], 0, 0
        self._memory: bytes | None = b""  # None: on disk
        self._place = 0
        self.closed = False

    @classmethod
    def of(cls, pieces: Iterable[bytes], size: int) -> Kept:
        """On disk, of pieces that have that size together. To be written into another, which takes it over."""
        made = cls()
        made._memory, made._size, made._place = None, size, made._disk.take(size)
        at = made._place
        for piece in pieces:
            made._disk.write(at, piece)
            at += len(piece)
        return made

    def __len__(self) -> int:
        return self._size

    def seek(self, at: int) -> int:
        self._at = at
        return at

    def truncate(self) -> None:
        """To nothing."""
        if self._memory is None:
            self._memory = b""
            self._disk.give(self._place, self._size)
        self._size = 0

    def write(self, data: bytes | Kept) -> int:
        self.truncate()
        if not isinstance(data, Kept) and len(data) <= SMALL:
            self._memory, self._size = bytes(data), len(data)
        else:
            made = data if isinstance(data, Kept) else Kept.of([data], len(data))
            self._disk, self._place, self._size, self._memory = made._disk, made._place, made._size, None
        self._at = self._size
        return self._size

    def read(self, size: int = -1) -> bytes:
        """ValueError once it is closed, as of files."""
        if self.closed:
            raise ValueError("I/O operation on closed file.")
        begin, end = self._at, self._size if size < 0 else min(self._at + size, self._size)
        self._at = end
        return self.part(begin, end - begin)

    def part(self, begin: int, size: int) -> bytes:
        """Up to so many bytes from there, wherever others read."""
        if self._memory is not None:
            return self._memory[begin:begin + size]
        return self._disk.read(self._place + begin, min(size, self._size - begin))

    def close(self) -> None:
        self.truncate()
        self.closed = True


def install() -> None:
    """Into moto; again is free."""
    import moto.s3.models as loaded

    models: Any = loaded
    if models.tempfile is not _INSTEAD:
        models.tempfile = _INSTEAD
        if hasattr(models, "MultipartChecksumBuilder"):  # moto 5.2; before, `complete` gave something else
            models.FakeMultipart.complete = _complete(models, models.FakeMultipart.complete)


_INSTEAD = SimpleNamespace(SpooledTemporaryFile=Kept)


def _complete(models: Any, plain: Any) -> Any:
    """moto's `complete` with nothing put together: (content, ETag, checksum). Where the checksum of all bytes cannot be
    taken part by part it is moto's own."""

    def complete(self: Any, body: Iterator[tuple[int, str]]) -> tuple[Any, str, Any]:
        asked = self.metadata
        builder = models.MultipartChecksumBuilder(
            asked.get("x-amz-checksum-algorithm"), asked.get("x-amz-checksum-type")
        )
        whole = builder.checksum_type == "FULL_OBJECT"
        running = _running(builder.checksum_algorithm)
        if whole and running is None:
            said: tuple[Any, str, Any] = plain(self, body)
            return said
        parts = list(_listed(models, self.parts, body))
        if not parts:
            raise models.MalformedXML
        etag = md5(b"".join(bytes.fromhex(part.etag.strip('"')) for part in parts), usedforsecurity=False)
        checksum = _of_all(running, parts) if whole and running else _of_each(builder, parts)
        content = Kept.of((part.value for part in parts), sum(part.contentsize for part in parts))
        return content, f"{etag.hexdigest()}-{len(parts)}", checksum

    return complete


def _listed(models: Any, parts: Any, body: Iterator[tuple[int, str]]) -> Iterator[Any]:
    """The parts that are to be the object; S3's refusals."""
    last = None
    for number, etag in body:
        part = parts.get(number)
        if part is None or part.etag.strip('"') != etag.replace('"', ""):
            raise models.InvalidPart()
        if last is not None and last.contentsize < models.S3_UPLOAD_PART_MIN_SIZE:
            raise models.EntityTooSmall()
        yield part
        last = part


def _running(algorithm: str) -> tuple[Callable[[bytes, int], int], int] | None:
    """A checksum that can be taken of one part after the other, and its width, as moto computes it."""
    if algorithm == "CRC64NVME" and find_spec("awscrt"):
        return import_module("awscrt.checksums").crc64nvme, 8
    return (crc32, 4) if algorithm in ("CRC64NVME", "CRC32") else None


def _of_all(running: tuple[Callable[[bytes, int], int], int], parts: list[Any]) -> tuple[str, str, int]:
    (step, width), value = running, 0
    for part in parts:
        value = step(part.value, value)
    return "FULL_OBJECT", b64encode(value.to_bytes(width, "big")).decode(), 1


def _of_each(builder: Any, parts: list[Any]) -> Any:
    for part in parts:
        builder.addPart(part.value)
    return builder.build()
