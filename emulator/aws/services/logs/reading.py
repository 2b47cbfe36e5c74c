"""moto's groups, streams and events as AWS lets one read them: by name or ARN, in order, page by page."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from emulator.aws.modelled import ServiceError

PAGE_BYTES = 1024 * 1024  # of messages; AWS: a page is at most 1 MB or 10,000 events
PAGE_EVENTS = 10_000
ID_SHIFT = 144  # AWS's event ids are the timestamp shifted by so many bits, 56 digits; as read off ids seen
NEWEST_FIRST_SINCE = 1_704_067_200_000  # 2024-01-01: AWS reads backwards from then on
_ARN = re.compile(r"arn:[\w-]+:logs:[\w-]+:\d{12}:log-group:([^:]+)")


class Event(NamedTuple):
    """timestamp, ingested: milliseconds since the epoch. order: unique, in the order of writing."""

    timestamp: int
    order: int
    ingested: int
    message: str
    stream: str

    @property
    def id(self) -> str:
        return f"{(self.timestamp << ID_SHIFT) + self.order:056d}"


def invalid(message: str) -> ServiceError:
    """InvalidParameterException."""
    return ServiceError("InvalidParameterException", message)


def not_found(what: str) -> ServiceError:
    """AWS's sentence for a `log group` or `log stream` that is not there."""
    return ServiceError("ResourceNotFoundException", f"The specified {what} does not exist.")


class LogGroups:
    """moto's log groups. models: `Backend.models`."""

    def __init__(self, models: Callable[[str, str], Any]) -> None:
        self._models = models

    def find(self, name: str, region: str) -> Any:
        """moto's group by name or ARN; None when there is none."""
        arn = _ARN.fullmatch(name)
        return self._models("logs", region).groups.get(arn[1] if arn else name)

    def asked(self, params: dict[str, Any], region: str) -> Any:
        """The group of `logGroupName` or `logGroupIdentifier`."""
        names = [params[key] for key in ("logGroupName", "logGroupIdentifier") if key in params]
        if len(names) != 1:
            raise invalid("Should provider either name or id, but not both")  # AWS's spelling
        group = self.find(names[0], region)
        if group is None:
            raise not_found("log group")
        return group


def streams(group: Any, names: list[str] | None, prefix: str | None) -> list[Any]:
    """moto's streams of a group: all, by name, or by prefix."""
    if names and prefix is not None:
        raise invalid("Log stream names and log stream name prefix are mutually exclusive parameters.")
    known = dict(group.streams)
    if names:
        if any(name not in known for name in names):
            raise not_found("log stream")
        return [known[name] for name in dict.fromkeys(names)]
    return [stream for name, stream in known.items() if name.startswith(prefix or "")]


def events(
    found: Iterable[Any], begin: float | None, end: float | None, matches: Callable[[str], bool] | None = None
) -> list[Event]:
    """Events of streams from `begin` to `end` (both included) that match, by timestamp, then as they were written.

    A hundred thousand events are looked at in one call: those that do not match cost no object.
    """
    first, last = -math.inf if begin is None else begin, math.inf if end is None else end
    rows = []
    for stream in found:
        kept = [event for event in list(stream.events) if first <= event.timestamp <= last]
        if matches:
            kept = [event for event in kept if matches(event.message)]
        name = stream.log_stream_name
        rows += [Event(event.timestamp, event.event_id, event.ingestion_time, event.message, name) for event in kept]
    rows.sort(key=itemgetter(0, 1))
    return rows


def filtered(group: Any, params: dict[str, Any], matches: Callable[[str], bool]) -> tuple[list[Event], str | None]:
    """FilterLogEvents: (a page of events that match, token of the next page)."""
    found = streams(group, params.get("logStreamNames"), params.get("logStreamNamePrefix"))
    token, forward = params.get("nextToken"), params.get("startFromHead", True)
    if not forward and params.get("startTime", NEWEST_FIRST_SINCE) < NEWEST_FIRST_SINCE:
        raise invalid("startFromHead can be false only when startTime is on or after Jan 1, 2024 00:00:00 UTC.")
    after = None
    if token is not None:
        forward, after = _read_token(token, group.name)
    begin, end = params.get("startTime"), params.get("endTime")
    if after:
        begin, end = (max(begin or 0, after[0]), end) if forward else (begin, min(after[0], end or after[0]))
    rows = events(found, begin, end, matches)
    if after:
        rows = [row for row in rows if (row[:2] > after if forward else row[:2] < after)]
    page = list(_page(iter(rows if forward else rows[::-1]), params.get("limit", PAGE_EVENTS)))
    return page, _token(forward, page[-1], group.name) if len(page) < len(rows) else None


def _page(rows: Iterator[Event], limit: int) -> Iterator[Event]:
    """At most `limit` events, and no further one after PAGE_BYTES."""
    size = 0
    for row in islice(rows, limit):
        yield row
        size += len(row.message)
        if size >= PAGE_BYTES:
            return


def _token(forward: bool, last: Event, group: str) -> str:
    parts = [forward, last.timestamp, last.order, _digest(group)]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


def _read_token(token: str, group: str) -> tuple[bool, tuple[int, int]]:
    """(oldest first, timestamp and order of the last event that was given)."""
    try:
        forward, timestamp, order, digest = json.loads(base64.urlsafe_b64decode(token))
        if digest != _digest(group):
            raise ValueError(token)
        return bool(forward), (int(timestamp), int(order))
    except (ValueError, TypeError, RecursionError):
        raise invalid("The specified nextToken is invalid.") from None


def _digest(group: str) -> str:
    return hashlib.sha256(group.encode()).hexdigest()[:16]


def read(group: Any, params: dict[str, Any]) -> tuple[list[Event], str, str]:
    """GetLogEvents: (a page of one stream, oldest first; forward token; backward token).

    A token stands for an event; where nothing lies beyond it, AWS gives the same token again.
    """
    found = streams(group, [params["logStreamName"]], None)
    end = params.get("endTime")
    rows = events(found, params.get("startTime"), None if end is None else end - 1)  # AWS: the end is left out here
    forward, at = _read_direction(params)
    if at is not None:
        rows = [row for row in rows if (int(row.id) > at if forward else int(row.id) < at)]
    page = list(_page(iter(rows if forward else rows[::-1]), params.get("limit", PAGE_EVENTS)))
    if not page:
        turned = (at or 0) + (1 if forward else -1)  # the other way lies the event that the token stands for
        ahead, behind = (at or 0, turned) if forward else (max(0, turned), at or 0)
        return page, f"f/{ahead:056d}/s", f"b/{behind:056d}/s"
    first, last = (page[0], page[-1]) if forward else (page[-1], page[0])
    return page if forward else page[::-1], f"f/{last.id}/s", f"b/{first.id}/s"


def _read_direction(params: dict[str, Any]) -> tuple[bool, int | None]:
    token = params.get("nextToken")
    if token is None:
        return bool(params.get("startFromHead", False)), None
    found = re.fullmatch(r"([fb])/(\d{56})/s", token)
    if not found:
        raise invalid("The specified nextToken is invalid.")
    return found[1] == "f", int(found[2])


