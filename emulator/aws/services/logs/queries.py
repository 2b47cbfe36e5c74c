"""Logs Insights' queries: started, looked at, stopped. A query runs whole when it is started and is told as Running
until it is first looked at, so that what it finds does not depend on how fast anything is."""

from __future__ import annotations

import random
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from emulator.aws.modelled import ServiceError
from emulator.aws.services.logs.insights.records import Record, pointed
from emulator.aws.services.logs.insights.values import Malformed
from emulator.aws.services.logs.reading import LogGroups, events, invalid, not_found
from emulator.clock import Clock

KEPT = 64  # queries with their results; AWS keeps them for days
MOST_GROUPS = 50
DEFAULT_LIMIT = PAGE = 10_000
MILLISECONDS = 100_000_000_000  # a time from here on cannot be seconds: AWS takes milliseconds too


@dataclass
class Started:
    """A query: its results as AWS writes them, and its status."""

    id: str
    groups: list[str]
    text: str
    created: int
    results: list[list[dict[str, str]]]
    statistics: dict[str, float]
    status: str = "Running"


class Queries:
    """Of all regions. Ids are the same in every run."""

    def __init__(self, groups: LogGroups, account: str, clock: Clock) -> None:
        self._groups, self._account, self._clock = groups, account, clock
        self._started: OrderedDict[tuple[str, str], Started] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget every query."""
        with self._lock:
            self._started.clear()
            self._count = 0

    def start(self, params: dict[str, Any], region: str) -> str:
        """Compile it, run it, keep what it found; its id."""
        text, now = params["queryString"], self._clock.wall()
        if language := {"SQL", "PPL"} & {params.get("queryLanguage")}:
            raise _unserved(f"the query language {language.pop()}")
        compiled = _well_formed(lambda: _compiled(text, int(now)))
        groups = self._asked(params, region)
        begin, end = params["startTime"], params["endTime"]
        begin_ms = begin if begin >= MILLISECONDS else begin * 1000
        end_ms = end if end >= MILLISECONDS else end * 1000 + 999  # both ends are included, to the whole second
        records = [
            Record(f"{self._account}:{group.name}", event)
            for group in groups for event in events(list(group.streams.values()), begin_ms, end_ms)
        ]  # fmt: skip
        records.sort(key=attrgetter("event"), reverse=True)
        _well_formed(lambda: compiled.check(records))
        answer = compiled.run(records, params.get("limit", DEFAULT_LIMIT))
        names = [group.name for group in groups]
        made = Started(
            id="", groups=names, created=int(now * 1000), text=_sourced(names, begin_ms, end_ms, text),
            results=[[{"field": name, "value": value} for name, value in row] for row in answer.rows],
            statistics={
                "recordsMatched": answer.matched, "recordsScanned": len(records),
                "bytesScanned": sum(len(record.event.message) for record in records), "logGroupsScanned": len(names),
                "estimatedRecordsSkipped": 0, "estimatedBytesSkipped": 0,
            },
        )  # fmt: skip
        return self._keep(made, region)

    def find(self, query_id: str, region: str) -> Started:
        found = self._started.get((region, query_id))
        if found is None:
            raise ServiceError("ResourceNotFoundException", f"Query with id {query_id} does not exist.")
        return found

    def results(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        """GetQueryResults: a running query is complete from now on."""
        query = self.find(params["queryId"], region)
        if query.status == "Running":
            query.status = "Complete"
        begin = _position(params.get("nextToken"))
        end = begin + (params.get("maxItems") or PAGE)
        more = {"nextToken": str(end)} if end < len(query.results) else {}
        statistics = {**query.statistics, "resultCount": len(query.results)}
        page = query.results[begin:end]
        return {"queryLanguage": "CWLI", "results": page, "statistics": statistics, "status": query.status, **more}

    def stop(self, query_id: str, region: str) -> None:
        """Cancel it, as long as nobody has looked."""
        query = self.find(query_id, region)
        if query.status != "Running":
            raise invalid(f"Query with id {query_id} is not running: its status is {query.status}.")
        query.status, query.results = "Cancelled", []

    def describe(self, params: dict[str, Any], region: str) -> dict[str, Any]:
        """DescribeQueries: newest first."""
        with self._lock:
            known = [query for (where, _), query in self._started.items() if where == region][::-1]
        group, status = params.get("logGroupName"), params.get("status")
        found = [q for q in known if group in (None, *q.groups) and status in (None, q.status)]
        begin = _position(params.get("nextToken"))
        end = begin + params.get("maxResults", 1000)
        more = {"nextToken": str(end)} if end < len(found) else {}
        return {"queries": [_described(query) for query in found[begin:end]], **more}

    def _asked(self, params: dict[str, Any], region: str) -> list[Any]:
        given = [key for key in ("logGroupName", "logGroupNames", "logGroupIdentifiers") if params.get(key)]
        if len(given) != 1:
            raise invalid("Exactly one of logGroupName, logGroupNames and logGroupIdentifiers must be given.")
        names = params[given[0]] if given[0] != "logGroupName" else [params["logGroupName"]]
        if len(names) > MOST_GROUPS:
            raise invalid(f"A query can search at most {MOST_GROUPS} log groups.")
        return [self._known(name, region) for name in dict.fromkeys(names)]

    def _known(self, name: str, region: str) -> Any:
        group = self._groups.find(name, region)
        if group is None:
            raise ServiceError(
                "ResourceNotFoundException",
                f"Log group '{name}' does not exist for account ID '{self._account}' (Service: AWSLogs; Status Code: "
                f"400; Error Code: ResourceNotFoundException; Request ID: {uuid.uuid4()}; Proxy: null)",
            )
        return group

    def _keep(self, made: Started, region: str) -> str:
        with self._lock:
            self._count += 1
            made.id = str(uuid.UUID(int=random.Random(f"query/{self._count}").getrandbits(128), version=4))
            self._started[region, made.id] = made
            while len(self._started) > KEPT:
                self._started.popitem(last=False)
        return made.id


def _compiled(text: str, now_s: int) -> Any:
    from emulator.aws.services.logs.insights.query import Query, Unserved

    try:
        return Query(text, now_s)
    except Unserved as error:
        raise _unserved(f"the query command {error.command}") from None


def _well_formed(compile: Callable[[], Any]) -> Any:
    """MalformedQueryException, with the place."""
    try:
        return compile()
    except Malformed as error:
        location = {"startCharOffset": error.start, "endCharOffset": error.end}
        wrong = {"location": location, "message": error.message}
        raise ServiceError("MalformedQueryException", error.message, queryCompileError=wrong) from None


def log_record(groups: LogGroups, account: str, pointer: str, region: str) -> dict[str, str]:
    """GetLogRecord: every field of the event that a `@ptr` points at."""
    where = pointed(pointer)
    if where is None:
        raise invalid("The specified logRecordPointer is invalid.")
    group_name, stream_name, event_id = where
    group = groups.find(group_name, region)
    stream = group.streams.get(stream_name) if group else None
    for event in events([stream] if stream else [], None, None):
        if event.id == event_id:
            return Record(f"{account}:{group_name}", event).everything()
    raise not_found("log record")


def _sourced(groups: list[str], begin_ms: int, end_ms: int, text: str) -> str:
    """A query as DescribeQueries shows it."""
    return f'SOURCE {", ".join(f"{chr(34)}{name}{chr(34)}" for name in groups)} START={begin_ms} END={end_ms} | {text}'


def _described(query: Started) -> dict[str, Any]:
    only = {"logGroupName": query.groups[0]} if len(query.groups) == 1 else {}
    return {
        "queryLanguage": "CWLI", "queryId": query.id, "queryString": query.text, "status": query.status,
        "createTime": query.created, **only,
    }  # fmt: skip


def _position(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise invalid("The specified nextToken is invalid.")
    return int(token)


def _unserved(what: str) -> ServiceError:
    return ServiceError("UnsupportedOperationException", f"lambdarig does not serve {what} yet")
