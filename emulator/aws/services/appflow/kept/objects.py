"""The objects that flows wrote to S3, and their buckets.

An object is written piece by piece first. It counts from when it has its row, which comes with its page's row; pieces
without one are of a page that was never told of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from emulator.aws.object_bytes import Kept
from emulator.aws.services.appflow.kept.aws_side import AwsSide, Bucket, Content, pieces
from emulator.aws.services.appflow.kept.database import Database

PIECE = 8 * 1024 * 1024  # bytes at once in memory, and in a transaction


@dataclass(frozen=True)
class Copied:
    """An object whose pieces are on disk."""

    id: int
    bucket: str
    key: str
    size: int
    etag: str | None


class Objects:
    """See above."""

    def __init__(self, database: Database, aws: AwsSide) -> None:
        self._database, self._aws = database, aws
        self._buckets: dict[str, Bucket] = {}
        self._last = 0

    def copy(self, bucket: str, keys: Iterable[str]) -> Sequence[Copied]:
        """From S3 to disk. One that somebody deleted meanwhile is not there."""
        copied: list[Copied] = []
        waiting: list[tuple[int, int, bytes]] = []
        room = PIECE
        for key in keys:
            if (content := self._aws.content(bucket, key)) is None:
                continue
            copied.append(Copied(self._next(), bucket, key, len(content.bytes), content.etag))
            for number, piece in enumerate(pieces(content.bytes, PIECE)):
                waiting.append((copied[-1].id, number, piece))
                room -= len(piece)
                if room <= 0:
                    self._write(waiting)
                    room = PIECE
        self._write(waiting)
        return copied

    def _next(self) -> int:
        with self._database.together():
            self._last += 1
            return self._last

    def _write(self, waiting: list[tuple[int, int, bytes]]) -> None:
        if waiting:
            with self._database.together():
                for one in waiting:
                    self._database.write("insert into pieces values (?, ?, ?)", *one)
            waiting.clear()

    def count(self, copied: Iterable[Copied], execution: str, at: datetime) -> None:
        """They count. Within a transaction."""
        for one in copied:
            self.bucket(one.bucket)
            place = (one.bucket, one.key)
            self._database.write(
                "delete from pieces where object in (select id from objects where bucket = ? and key = ?)", *place
            )
            self._database.write(
                "insert or replace into objects values (?, ?, ?, ?, ?, ?, ?)",
                one.id, *place, one.size, one.etag, execution, at.isoformat(),
            )

    def bucket(self, name: str) -> None:
        """As it is now, if there is one."""
        found = self._aws.bucket(name)
        if found and self._buckets.get(name) != found:
            self._buckets[name] = found
            self._database.write("insert or replace into buckets values (?, ?, ?)", name, found.region, found.policy)

    def restore(self) -> int:
        """Put everything into S3; how many objects there are."""
        self._database.write("delete from pieces where object not in (select id from objects)")
        for row in self._database.read("select name, region, policy from buckets"):
            self._buckets[row[0]] = Bucket(*row)
            self._aws.make_bucket(self._buckets[row[0]])
        rows = list(self._database.read("select id, bucket, key, size, etag, at from objects order by id"))
        for number, bucket, key, size, etag, at in rows:
            content = Content(Kept.of(self._pieces(number), size), etag)
            self._aws.put(bucket, key, content, datetime.fromisoformat(at))
            self._last = number
        return len(rows)

    def _pieces(self, number: int) -> Iterator[bytes]:
        for (each,) in self._database.read("select number from pieces where object = ? order by number", number):
            [(piece,)] = self._database.read("select bytes from pieces where object = ? and number = ?", number, each)
            yield piece

    def forget(self) -> None:
        """All of them are gone from the database."""
        self._buckets.clear()
