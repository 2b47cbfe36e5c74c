"""Records from S3: every object under a prefix, in the order of their keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.flows.plan import Canceled, FlowFailed, Page
from emulator.flows.reading import Reading, lines
from emulator.flows.s3_errors import telling

ROWS = 1000  # of a page
PIECE = 8 * 1024 * 1024  # of an object, that is in memory at once
LARGEST = 125 * 1024 * 1024  # bytes of a file: a quota of AppFlow's for S3 as a source


@dataclass(frozen=True)
class _Object:
    key: str
    size: int
    etag: str


class S3Source:
    """s3: boto3's client. config: the flow's s3InputFormatConfig; AppFlow's default is CSV. canceled: looked at before
    each request and each page."""

    def __init__(
        self, s3: Any, bucket: str, prefix: str, config: Mapping[str, Any] | None, canceled: threading.Event
    ) -> None:
        self._s3, self._bucket, self._prefix, self._canceled = s3, bucket, prefix, canceled
        self._file_type = (config or {}).get("s3InputFileType", "CSV")

    def pages(self) -> Iterator[Page]:
        """At least one for each object, of at most ROWS records. mark: the key of the object that the next page is of.
        read: together the objects' sizes. Raises FlowFailed, Canceled."""
        number = 0
        for this, following in _with_next(self._objects()):
            reading = self._reading(this)
            while True:
                self._look()
                before, rows = reading.taken, reading.page(ROWS)
                number, left = number + 1, reading.taken < this.size
                mark = this.key if left else following.key if following else ""
                yield Page(number, rows, reading.taken - before, mark)
                if not left:
                    break

    def _objects(self) -> Iterator[_Object]:
        """Without the empty objects that stand for folders in S3's console."""
        pages = iter(self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix))
        while True:
            self._look()
            with telling("reading from S3", self._bucket, self._prefix):
                page = next(pages, None)
            if page is None:
                return
            for item in page.get("Contents", []):
                if not item["Key"].endswith("/"):
                    yield _Object(item["Key"], item["Size"], item["ETag"])

    def _reading(self, this: _Object) -> Reading:
        name = f"s3://{self._bucket}/{this.key}"
        if this.size > LARGEST:
            raise FlowFailed(f"{name} has {this.size} bytes; AppFlow reads files of at most 125 MB from S3.")
        return Reading(name, self._file_type, lines(self._pieces(this)))

    def _pieces(self, this: _Object) -> Iterator[bytes]:
        """Each is asked for when it is needed. An object that is replaced meanwhile ends the run."""
        for begin in range(0, this.size, PIECE):
            self._look()
            end = min(begin + PIECE, this.size) - 1
            with telling("reading from S3", self._bucket, this.key):
                said = self._s3.get_object(
                    Bucket=self._bucket, Key=this.key, Range=f"bytes={begin}-{end}", IfMatch=this.etag
                )
                body = said["Body"].read()
            yield body

    def _look(self) -> None:
        if self._canceled.is_set():
            raise Canceled


def _with_next(objects: Iterator[_Object]) -> Iterator[tuple[_Object, _Object | None]]:
    this = next(objects, None)
    while this is not None:
        following = next(objects, None)
        yield this, following
        this = following
