"""Where the files of a run to S3 go: their keys."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

# How much of a date a prefix shows, as folders (the flow's settings call it prefixFormat).
_DATES = {"YEAR": "%Y", "MONTH": "%Y/%m", "DAY": "%Y/%m/%d", "HOUR": "%Y/%m/%d/%H", "MINUTE": "%Y/%m/%d/%H/%M"}


@dataclass(frozen=True)
class Layout:
    """began: of the run, UTC. prefixes: the flow's PrefixConfig; without one, files are in a folder of the execution's
    id. File names are a number and the time, as AppFlow's, without an extension; the same run has the same names again.
    """

    bucket: str
    prefix: str
    flow: str
    execution_id: str
    schema_version: int
    began: datetime
    prefixes: Mapping[str, Any] = field(default_factory=dict)

    def key(self, number: int, partition: Iterable[str] = ()) -> str:
        """Of the run's n-th file. partition: folders of the records in it, `country=DE`; they come last."""
        parts = {"EXECUTION_ID": self.execution_id, "SCHEMA_VERSION": f"schemaVersion_{self.schema_version}"}
        hierarchy = self.prefixes.get("pathPrefixHierarchy", [] if self.prefixes else ["EXECUTION_ID"])
        folders = [self.prefix.rstrip("/"), self.flow, *(parts[name] for name in hierarchy)]
        # Eight bytes of the digest: two files of a run must not get the same name, however many there are.
        digits = int.from_bytes(hashlib.sha256(f"{self.execution_id}/{number}".encode()).digest()[:8], "big")
        name = f"{digits}-{self.began:%Y-%m-%dT%H:%M:%S}"
        shown, date = self.prefixes.get("prefixType", ""), self._date()
        if date and shown in ("PATH", "PATH_AND_FILENAME"):
            folders.append(date)
        if date and shown in ("FILENAME", "PATH_AND_FILENAME"):
            name = f"{date.replace('/', '-')}-{name}"
        return "/".join([*filter(None, folders), *partition, name])

    def _date(self) -> str:
        return self.began.strftime(_DATES.get(self.prefixes.get("prefixFormat", ""), ""))
