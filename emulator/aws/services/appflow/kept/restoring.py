"""What a state has is there again: in the store, in Secrets Manager and in S3."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.services.appflow.kept.aws_side import AwsSide
from emulator.aws.services.appflow.kept.database import ANEW, Database
from emulator.aws.services.appflow.kept.objects import Objects
from emulator.aws.services.appflow.kept.texts import from_text
from emulator.aws.services.appflow.store import RUNNING, Execution, Store
from emulator.errors import UsageError, one_line

SHOWN = 200  # characters of a nextToken in a run's message, which has its limit


@dataclass(frozen=True)
class Restored:
    """How many of each were there. ended: runs that were under way when the rig ended."""

    connectors: int = 0
    profiles: int = 0
    flows: int = 0
    runs: int = 0
    ended: int = 0
    objects: int = 0


class Restoring:
    """Into an empty store and an empty AWS. UsageError for what cannot be read."""

    def __init__(self, database: Database, aws: AwsSide, objects: Objects) -> None:
        self._database, self._aws, self._objects = database, aws, objects

    def everything(self, store: Store) -> Restored:
        """Runs that were under way are still so in the store: see `end`."""
        families = store.families()
        for family, name, text in self._database.read("select family, name, value from kept order by rowid"):
            families[family][name] = self._value(family, name, text)
        objects = self._objects.restore()
        self._secrets({profile.secret_arn for profile in store.profiles.values()})
        ended = sum(run.status in RUNNING for run in store.executions.values())
        return Restored(
            len(store.registrations), len(store.profiles), len(store.flows), len(store.executions), ended, objects
        )

    def _value(self, family: str, name: str, text: str) -> Any:
        try:
            return from_text(family, text)
        except (KeyError, TypeError, ValueError) as error:
            place = f"the state {self._database.path} is damaged: {family}, {name!r}"
            raise UsageError(f"{place}: {one_line(error)}", ANEW) from None

    def _secrets(self, used: set[str]) -> None:
        """A secret without a profile is of a profile that was never made, or is deleted."""
        for arn, text in self._database.read("select arn, value from secrets order by rowid"):
            if arn in used:
                self._aws.put_secret(json.loads(text))
            else:
                self._database.write("delete from secrets where arn = ?", arn)

    def end(self, store: Store) -> None:
        """Runs that were under way have failed. Their counts are of the pages in the journal: kept with them."""
        for run in [run for run in store.executions.values() if run.status in RUNNING]:
            store.executions[run.id] = replace(run, status="Error", message=self._ending(run), updated_at=store.now())

    def _ending(self, run: Execution) -> str:
        [(pages,)] = self._database.read("select count(*) from pages where execution = ? and page > 0", run.id)
        [(objects,)] = self._database.read("select count(*) from objects where execution = ?", run.id)
        last = self._database.read(
            "select mark from pages where execution = ? and page > 0 order by rowid desc limit 1", run.id
        )
        mark = next((f" (the last one's nextToken: {mark[:SHOWN]})" for (mark,) in last if mark), "")
        return f"The rig ended while this run was under way. Pages done: {pages}{mark}. Objects written: {objects}."
