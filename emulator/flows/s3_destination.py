"""Records into S3: an object for each page, or larger files, written in parts as they grow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any

from emulator.flows.formats import FileFormat, FileWriter
from emulator.flows.layout import Layout
from emulator.flows.plan import FlowFailed, Put, Row
from emulator.flows.s3_errors import telling

log = logging.getLogger(__name__)
MB = 1024 * 1024
PART = 8 * MB  # of a multipart upload; S3 takes no less than 5 MB
LONGEST_KEY = 1024  # bytes: S3's limit, which a folder of a partition may break
Partition = Callable[[Row], tuple[str, ...]]


@dataclass(frozen=True)
class Aggregation:
    """single: one file (in each partition). target: bytes that a file should have, 0 for none; it goes before single.
    Neither: a file for each page."""

    single: bool = False
    target: int = 0

    @classmethod
    def of(cls, given: Mapping[str, Any] | None) -> Aggregation:
        """given: a flow's aggregationConfig."""
        config = given or {}
        return cls(config.get("aggregationType") == "SingleFile", config.get("targetFileSize", 0) * MB)


def whole(row: Row) -> tuple[str, ...]:
    """The partition of rows that are not divided."""
    return ()


class S3Destination:
    """s3: boto3's client. partition: the folders that a row belongs into. What is counted as written is in S3, whole: a
    file that is begun counts when it is complete. Up to PART bytes of each open file are in memory, for Parquet a block
    of rows more; with partitions there is an open file for each of them."""

    def __init__(
        self, s3: Any, layout: Layout, file_format: FileFormat, aggregation: Aggregation = Aggregation(),
        partition: Partition = whole,
    ) -> None:
        target = aggregation.target or file_format.block
        self._format = changed(file_format, block=min(file_format.block, target))
        self._s3, self._layout, self._aggregation, self._partition = s3, layout, aggregation, partition
        self._open: dict[tuple[str, ...], _File] = {}
        self._number = 0

    def write(self, rows: Sequence[Row]) -> Put:
        """Raises FlowFailed, with what is complete all the same."""
        done: list[Put] = []
        with _with_what_is(done):
            for folders, some in self._divided(rows).items():
                file = self._file(folders)
                file.add(some)
                if self._complete(file):
                    done.append(file.finish())
                    del self._open[folders]
        return _together(done)

    def _divided(self, rows: Sequence[Row]) -> Mapping[tuple[str, ...], Sequence[Row]]:
        if self._partition is whole:
            return {(): rows} if rows else {}
        divided: dict[tuple[str, ...], list[Row]] = {}
        for row in rows:
            divided.setdefault(self._partition(row), []).append(row)
        return divided

    def _file(self, folders: tuple[str, ...]) -> _File:
        if folders not in self._open:
            self._number += 1
            key = _checked(self._layout.key(self._number, folders), self._layout.bucket)
            self._open[folders] = _File(self._s3, self._layout.bucket, key, self._format.file())
        return self._open[folders]

    def _complete(self, file: _File) -> bool:
        if self._aggregation.target:
            return file.size >= self._aggregation.target
        return not self._aggregation.single

    def finish(self) -> Put:
        """Complete what is open. Raises as `write` does; what is still open then is for `abandon`."""
        done: list[Put] = []
        with _with_what_is(done):
            for folders in list(self._open):
                done.append(self._open[folders].finish())
                del self._open[folders]
        return _together(done)

    def abandon(self) -> None:
        """Drop what is open. Raises nothing: the run has ended already."""
        while self._open:
            self._open.popitem()[1].drop()


def _checked(key: str, bucket: str) -> str:
    if len(key.encode("utf-8", "replace")) > LONGEST_KEY:
        raise FlowFailed(f"Error while writing to S3: Your key is too long (s3://{bucket}/{key[:200]})")
    return key


@contextmanager
def _with_what_is(done: list[Put]) -> Iterator[None]:
    """A failure tells of the files that were complete before it."""
    try:
        yield
    except FlowFailed as failed:
        raise FlowFailed(failed.message, _together(done)) from failed


def _together(puts: Sequence[Put]) -> Put:
    return Put(sum(put.written for put in puts), objects=tuple(key for put in puts for key in put.objects))


class _File:
    """One object that grows: a plain one while it is small, a multipart upload from PART bytes on."""

    def __init__(self, s3: Any, bucket: str, key: str, writer: FileWriter) -> None:
        self._s3, self._bucket, self._key, self._writer = s3, bucket, key, writer
        self._left, self._upload, self._parts = bytearray(), "", list[dict[str, Any]]()
        self.size = 0

    def add(self, rows: Sequence[Row]) -> None:
        self._take(self._writer.add(rows))
        while len(self._left) >= PART:
            self._part(PART)

    def _take(self, more: bytes) -> None:
        self._left += more
        self.size += len(more)

    def _part(self, size: int) -> None:
        with self._telling():
            if not self._upload:
                self._upload = self._s3.create_multipart_upload(Bucket=self._bucket, Key=self._key)["UploadId"]
            number, body = len(self._parts) + 1, bytes(self._left[:size])
            said = self._s3.upload_part(
                Bucket=self._bucket, Key=self._key, UploadId=self._upload, PartNumber=number, Body=body
            )
        self._parts.append({"PartNumber": number, "ETag": said["ETag"]})
        del self._left[:size]

    def finish(self) -> Put:
        self._take(self._writer.end())
        if self._upload:
            self._complete()
        else:
            with self._telling():
                self._s3.put_object(Bucket=self._bucket, Key=self._key, Body=bytes(self._left))
        return Put(self.size, objects=(self._key,))

    def _complete(self) -> None:
        if self._left:
            self._part(len(self._left))
        with self._telling():
            self._s3.complete_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=self._upload, MultipartUpload={"Parts": self._parts}
            )

    def drop(self) -> None:
        """Nothing of it stays in S3."""
        if not self._upload:
            return
        try:
            with self._telling("dropping an upload to S3"):
                self._s3.abort_multipart_upload(Bucket=self._bucket, Key=self._key, UploadId=self._upload)
        except FlowFailed as failed:
            log.warning("%s", failed.message)

    def _telling(self, doing: str = "writing to S3") -> Any:
        return telling(doing, self._bucket, self._key)
