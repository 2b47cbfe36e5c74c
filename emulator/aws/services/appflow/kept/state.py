"""All of AppFlow's state in one folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.aws.services.appflow.kept.aws_side import AwsSide
from emulator.aws.services.appflow.kept.database import ANEW, Database
from emulator.aws.services.appflow.kept.folder import Folder
from emulator.aws.services.appflow.kept.objects import Copied, Objects
from emulator.aws.services.appflow.store import RUNNING, Execution, Flow, Store
from emulator.errors import UsageError
from emulator.flows.run import Progress

if TYPE_CHECKING:
    from emulator.aws.backend import Backend


@dataclass(frozen=True)
class Restored:
    """How many of each were there. ended: runs that were under way when the rig ended."""

    connectors: int = 0
    profiles: int = 0
    flows: int = 0
    runs: int = 0
    ended: int = 0
    objects: int = 0


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
        from emulator.aws.services.appflow.kept.texts import to_text

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
        families = store.families()
        for family, name, text in self._database.read("select family, name, value from kept order by rowid"):
            families[family][name] = self._value(family, name, text)
        objects = self._objects.restore()
        self._secrets({profile.secret_arn for profile in store.profiles.values()})
        store.keep(self)
        ended = [run for run in store.executions.values() if run.status in RUNNING]
        for run in ended:
            store.executions[run.id] = replace(
                run, status="Error", message=self._ending(run), updated_at=store.clock.utc()
            )
        return Restored(
            len(store.registrations), len(store.profiles), len(store.flows), len(store.executions), len(ended), objects
        )

    def _value(self, family: str, name: str, text: str) -> Any:
        from emulator.aws.services.appflow.kept.texts import from_text

        try:
            return from_text(family, text)
        except (KeyError, ValueError) as error:
            problem = " ".join(str(error).split())
            raise UsageError(f"the state {self._folder.file} is damaged: {family}, {name!r}: {problem}", ANEW) from None

    def _secrets(self, used: set[str]) -> None:
        """A secret without a profile is of a profile that was never made, or is deleted."""
        for arn, text in self._database.read("select arn, value from secrets order by rowid"):
            if arn in used:
                self._aws.put_secret(json.loads(text))
            else:
                self._database.write("delete from secrets where arn = ?", arn)

    def _ending(self, run: Execution) -> str:
        [(pages,)] = self._database.read("select count(*) from pages where execution = ? and page > 0", run.id)
        [(objects,)] = self._database.read("select count(*) from objects where execution = ?", run.id)
        last = self._database.read(
            "select mark from pages where execution = ? and page > 0 order by rowid desc limit 1", run.id
        )
        mark = next((f" (the last one's nextToken: {mark})" for (mark,) in last if mark), "")
        return f"The rig ended while this run was under way. Pages done: {pages}{mark}. Objects written: {objects}."


def _buckets(flow: Flow) -> set[str]:
    """Those it reads, and those it writes."""
    return {name for name in (flow.s3.get("bucketName"), _written_to(flow)) if name}


def _written_to(flow: Flow) -> str:
    """The bucket of a run's objects: of its records, or of those that the connector refused; empty without one."""
    if flow.reads_connector:
        return str(flow.s3["bucketName"])
    return str((flow.connector_properties.get("errorHandlingConfig") or {}).get("bucketName") or "")
