"""All of AppFlow's state in one folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.aws.services.appflow.kept.aws_side import AwsSide
from emulator.aws.services.appflow.kept.database import Database
from emulator.aws.services.appflow.kept.folder import Folder
from emulator.aws.services.appflow.kept.objects import Copied, Objects
from emulator.aws.services.appflow.kept.restoring import Restored, Restoring
from emulator.aws.services.appflow.kept.texts import to_text
from emulator.aws.services.appflow.store import Execution, Flow, Store
from emulator.flows.run import Progress

if TYPE_CHECKING:
    from emulator.aws.backend import Backend


class State:
    """A `families.Keeper`. The folder is this rig's until `close`. UsageError where it cannot be."""

    def __init__(self, path: Path, backend: Backend, account: str, region: str) -> None:
        self._folder = Folder(path)
        try:
            self._database = Database(self._folder.file)
        except BaseException:
            self._folder.release()
            raise
        self._aws = AwsSide(backend, account, region)
        self._objects = Objects(self._database, self._aws)

    @property
    def path(self) -> Path:
        return self._folder.path

    # --- what changes ---

    def keep(self, family: str, name: str, value: Any | None) -> None:
        """A family of the store has this under that name now; None: nothing any more."""
        if value is None:
            self._database.write("delete from kept where family = ? and name = ?", family, name)
            return
        with self.together():
            self._database.write(
                "insert into kept values (?, ?, ?) on conflict (family, name) do update set value = excluded.value",
                family, name, to_text(family, value),
            )
            if isinstance(value, Flow):
                for bucket in _buckets(value):
                    self._objects.bucket(bucket)

    def together(self) -> AbstractContextManager[None]:
        return self._database.together()

    def secret(self, arn: str) -> None:
        """One of AppFlow's secrets has changed, or is gone."""
        if found := self._aws.secret(arn):
            self._database.write("insert or replace into secrets values (?, ?)", arn, json.dumps(found))
        else:
            self._database.write("delete from secrets where arn = ?", arn)

    def copy(self, flow: Flow, keys: Sequence[str]) -> Sequence[Copied]:
        """Objects that a run has finished are on disk, and count with the page that is told next."""
        bucket = _written_to(flow)
        return self._objects.copy(bucket, keys) if bucket else ()

    def page(self, progress: Progress, copied: Sequence[Copied], before: Execution, after: Execution) -> None:
        """A page is done, or the run is over (page 0). before, after: the run's record without it, and with it."""
        with self.together():
            self._objects.count(copied, after.id, after.updated_at)
            self._database.write(
                "insert into pages values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                after.id, after.flow, after.number, progress.page, progress.mark, after.records - before.records,
                after.read - before.read, after.written - before.written, after.failed - before.failed,
                json.dumps(progress.objects), after.updated_at.isoformat(),
            )

    def clear(self) -> None:
        """Everything is forgotten."""
        with self.together():
            for table in ("kept", "pages", "objects", "pieces", "secrets", "buckets"):
                self._database.write(f"delete from {table}")
            self._objects.forget()

    def tidy(self) -> None:
        """What was forgotten is nowhere in the file. Outside of `together`."""
        self._database.tidy()

    def close(self) -> None:
        """The folder is another rig's to take."""
        self._database.close()
        self._folder.release()

    # --- what was ---

    def restore(self, store: Store) -> Restored:
        """Everything is there again, in an empty store and an empty AWS; the store tells of changes from now on. Runs
        that were under way have ended. UsageError for a file that cannot be read."""
        restoring = Restoring(self._database, self._aws, self._objects)
        restored = restoring.everything(store)
        store.keep(self)
        restoring.end(store)
        return restored


def _buckets(flow: Flow) -> set[str]:
    """Those it reads, and those it writes."""
    return {name for name in (flow.s3.get("bucketName"), _written_to(flow)) if name}


def _written_to(flow: Flow) -> str:
    """The bucket of a run's objects: of its records, or of those that the connector refused; empty without one."""
    if flow.reads_connector:
        return str(flow.s3["bucketName"])
    return str((flow.connector_properties.get("errorHandlingConfig") or {}).get("bucketName") or "")
