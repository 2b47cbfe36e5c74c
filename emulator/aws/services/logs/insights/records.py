"""One log event as a query sees it: AWS's own fields, and those discovered in the message.

Discovered as AWS's page "Supported logs and discovered fields" says: what the lines of the Lambda service carry, and
the first JSON object of a message, flattened to `a.b.0.c`, at most 1000 fields. Numbers stay as they were written.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from typing import Any

from emulator.aws.services.logs.insights.values import Timestamp, Value
from emulator.aws.services.logs.reading import Event

MOST_FIELDS = 1000
_ATTEMPTS = 8  # braces that are tried as the beginning of an object
_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_REQUEST = re.compile(rf"RequestId: ({_UUID})|^(?:\[\w+\]\t)?\d{{4}}-\S+Z[\t ]({_UUID})\b")
_TYPE = re.compile(r"(START|END|REPORT|INIT_START|INIT_REPORT|RESTORE_START|RESTORE_REPORT)\b")
_REPORTED = (
    ("@duration", re.compile(r"(?<!Billed )(?<!Init )(?<!Restore )\bDuration: ([\d.]+) ms"), 0),
    ("@billedDuration", re.compile(r"\bBilled Duration: ([\d.]+) ms"), 0),
    ("@initDuration", re.compile(r"\bInit Duration: ([\d.]+) ms"), 0),
    ("@memorySize", re.compile(r"\bMemory Size: (\d+) MB"), 1_000_000),
    ("@maxMemoryUsed", re.compile(r"\bMax Memory Used: (\d+) MB"), 1_000_000),
    ("@xrayTraceId", re.compile(r"\bXRAY TraceId: (\S+)"), 0),
    ("@xraySegmentId", re.compile(r"\bSegmentId: (\S+)"), 0),
)
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)


class Record:
    """A row of a query that has not met `stats` yet. log: `ACCOUNT:GROUP`."""

    __slots__ = ("_discovered", "_made", "event", "log")

    def __init__(self, log: str, event: Event) -> None:
        self.log, self.event = log, event
        self._made: dict[str, Value] = {}
        self._discovered: dict[str, str] | None = None

    def get(self, name: str) -> Value:
        """A field's value; None when the event has no such field."""
        if name in self._made:
            return self._made[name]
        own = _OWN.get(name)
        return own(self) if own else self.discovered().get(name)

    def put(self, name: str, value: Value) -> None:
        """Give it a field of the query's own."""
        self._made[name] = value

    def discovered(self) -> dict[str, str]:
        """Fields found in the message."""
        if self._discovered is None:
            self._discovered = {**_embedded(self.event.message), **_of_lambda(self.event.message)}
        return self._discovered

    def everything(self) -> dict[str, str]:
        """What GetLogRecord answers: every field, times in milliseconds."""
        own = {name: str(value) for name in _OWN if name != "@ptr" and (value := self.get(name)) is not None}
        return {**self.discovered(), **own}


_OWN: dict[str, Any] = {
    "@timestamp": lambda record: Timestamp(record.event.timestamp),
    "@message": lambda record: record.event.message,
    "@logStream": lambda record: record.event.stream,
    "@log": lambda record: record.log,
    "@ingestionTime": lambda record: Timestamp(record.event.ingested),
    "@ptr": lambda record: pointer(record.log.partition(":")[2], record.event.stream, record.event.id),
}


def pointer(group: str, stream: str, event_id: str) -> str:
    """An event's `@ptr`."""
    return base64.b64encode(json.dumps([group, stream, event_id]).encode()).decode()


def pointed(text: str) -> tuple[str, str, str] | None:
    """(group, stream, event id) of a `@ptr`; None when it is none."""
    try:
        group, stream, event_id = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, RecursionError):
        return None
    return str(group), str(stream), str(event_id)


def _of_lambda(message: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if request := _REQUEST.search(message):
        found["@requestId"] = request[1] or request[2]
    kind = _TYPE.match(message)
    if not kind:
        return found
    found["@type"] = kind[1]
    for name, pattern, unit in _REPORTED:
        if reported := pattern.search(message):
            found[name] = str(int(reported[1]) * unit) if unit else reported[1]
    return found


def _embedded(message: str) -> dict[str, str]:
    """The first JSON object in the message, flat."""
    at = message.find("{")
    for _ in range(_ATTEMPTS):
        if at < 0:
            break
        try:
            document, _end = _DECODER.raw_decode(message, at)
        except (ValueError, RecursionError):
            at = message.find("{", at + 1)
            continue
        flat = _flat("", document)
        return {name: value for (name, value), _ in zip(flat, range(MOST_FIELDS), strict=False)}
    return {}


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """A name of the event's own that begins with `@` gets a second one. Booleans are 1 and 0; nulls are not there."""
    if isinstance(value, (dict, list)):
        members = value.items() if isinstance(value, dict) else enumerate(value)
        for name, member in members:
            yield from _flat(f"{path}.{name}" if path else "@" * str(name).startswith("@") + str(name), member)
    elif value is not None:
        yield path, str(int(value)) if isinstance(value, bool) else value
