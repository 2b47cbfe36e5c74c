"""The SQLite file of a state: opened, checked, written in transactions that are on disk when they end."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from emulator.errors import RigError, UsageError

APPLICATION = 0x6C726967  # SQLite's application_id: whose file it is
VERSION = 1
ANEW = "put a copy of the folder back, or remove it to begin anew"
_SCHEMA = f"""
create table kept (family text, name text, value text, unique (family, name));
create table pages (
    execution text, flow text, run integer, page integer, mark text, records integer,
    bytes_read integer, bytes_written integer, failed integer, objects text, at text
);
create index pages_of_execution on pages (execution);
create table objects (
    id integer primary key, bucket text, key text, size integer, etag text, execution text, at text,
    unique (bucket, key)
);
create table pieces (object integer, number integer, bytes blob, primary key (object, number));
create table secrets (arn text primary key, value text);
create table buckets (name text primary key, region text, policy blob);
pragma application_id = {APPLICATION};
pragma user_version = {VERSION};
"""


class Database:
    """Thread-safe. UsageError for a file that is no state, of a newer version, or damaged."""

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.RLock()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its other files the same mode
            path.chmod(0o600)
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"the state {path} cannot be opened: {error}", ANEW) from None
        try:
            self._open()
        except sqlite3.Error as error:
            self.close()
            raise UsageError(f"the state {path} is damaged: {error}", ANEW) from None
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        [whose], [version] = self._connection.execute("pragma application_id"), self._version()
        empty = not self._connection.execute("select count(*) from sqlite_master").fetchone()[0]
        if whose[0] != APPLICATION and not empty:
            raise UsageError(f"{self.path} is no state of lambdarig, but another SQLite file", "give a new folder")
        if version > VERSION:
            message = f"the state {self.path} has version {version}, and this lambdarig knows version {VERSION}"
            raise UsageError(message, "use the lambdarig that wrote it, or give another folder")
        for setting in ("journal_mode = wal", "synchronous = full", "secure_delete = on"):
            self._connection.execute(f"pragma {setting}")
        if empty:
            with self.together():
                for statement in _SCHEMA.split(";"):
                    self._connection.execute(statement)
            _sync(self.path.parent)
        elif (found := self._connection.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(str(found).splitlines()[-1])

    def _version(self) -> list[int]:
        return list(self._connection.execute("pragma user_version").fetchone())

    @contextmanager
    def together(self) -> Iterator[None]:
        """One transaction, or a part of the one around it. It is on disk afterwards. RigError where it cannot be."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            try:
                self._connection.execute("begin immediate")
                yield
                self._connection.execute("commit")
            except sqlite3.Error as error:
                raise RigError(f"the state {self.path} cannot be written: {error}") from error
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("rollback")

    def write(self, statement: str, *values: Any) -> int:
        """Gives the row's id."""
        with self.together():
            return int(self._connection.execute(statement, values).lastrowid or 0)

    def read(self, statement: str, *values: Any) -> Iterable[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def tidy(self) -> None:
        """What was deleted is gone from the files, too."""
        with self._lock:
            self._connection.execute("pragma wal_checkpoint(truncate)")

    def close(self) -> None:
        with self._lock:
            self._connection.close()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
