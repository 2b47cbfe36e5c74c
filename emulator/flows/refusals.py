"""Records that a flow's destination did not take, in the bucket that the flow's errorHandlingConfig names.

AppFlow says that it keeps them there, not how: keys and contents are ours. Objects are JSON Lines of
`{"record": {..}, "errorMessage": ".."}`, under `PREFIX/FLOW/EXECUTION_ID/`, one for each batch with such records.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.flows.s3_errors import telling


@dataclass(frozen=True)
class Refused:
    """A record as it was sent, JSON as text, and why it was refused."""

    record: str
    message: str


class Refusals(Protocol):
    """Gives the names of the objects that it has written."""

    def keep(self, refused: Sequence[Refused]) -> tuple[str, ...]: ...


class Dropped:
    """For a flow without such a bucket: they are only counted."""

    def keep(self, refused: Sequence[Refused]) -> tuple[str, ...]:
        return ()


class ErrorBucket:
    """s3: boto3's client. folder: of the run, `PREFIX/FLOW/EXECUTION_ID`."""

    def __init__(self, s3: Any, bucket: str, folder: str) -> None:
        self._s3, self._bucket, self._folder, self._number = s3, bucket, folder, 0

    def keep(self, refused: Sequence[Refused]) -> tuple[str, ...]:
        """Raises FlowFailed."""
        if not refused:
            return ()
        self._number += 1
        key = f"{self._folder}/errors-{self._number}"
        body = "".join(f'{{"record":{one.record},"errorMessage":{json.dumps(one.message)}}}\n' for one in refused)
        with telling("writing to S3", self._bucket, key):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body.encode("utf-8", "replace"))
        return (key,)


def folder(prefix: str, flow: str, execution_id: str) -> str:
    """The folder of a run's errors."""
    return "/".join(filter(None, (prefix.strip("/"), flow, execution_id)))
