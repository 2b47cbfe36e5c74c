"""Records in batches that fit into one WriteData request."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

RECORDS = 1000  # of a batch: the SDKs' default of a page; what AppFlow itself takes is not documented
_AS_STRING = json.JSONEncoder().encode
REQUEST_LIMIT = 6 * 1024 * 1024  # bytes that Lambda takes as an event


def batches(records: Iterable[str], room: int, most: int = RECORDS) -> Iterator[list[str]]:
    """Every record once, in order; each batch has 1 to `most`, which take up less than `room` bytes of the request. One
    that is larger by itself is alone in its batch: see `fits`."""
    batch: list[str] = []
    used = 0
    for record in records:
        size = taken(record)
        if batch and (len(batch) == most or used + size >= room):
            yield batch
            batch, used = [], 0
        batch.append(record)
        used += size
    if batch:
        yield batch


def fits(batch: Sequence[str], room: int) -> bool:
    """Whether the batch can be sent."""
    return sum(map(taken, batch)) < room


def taken(record: str) -> int:
    """Bytes of a record in the request: as a JSON string, with its comma and space."""
    return len(_AS_STRING(record)) + 2
