"""The operations of CloudWatch Logs that the rig answers itself, from the events that moto keeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.services.logs.queries import Queries, log_record
from emulator.aws.services.logs.reading import LogGroups, filtered, invalid, read
from emulator.clock import Clock
from emulator.model import AwsCall

OWN = frozenset({
    "FilterLogEvents", "GetLogEvents", "StartQuery", "GetQueryResults", "StopQuery", "DescribeQueries", "GetLogRecord",
})  # fmt: skip


class Reading:
    """Searching: moto takes most filter patterns and queries for `everything`. models: `Backend.models`."""

    def __init__(self, models: Callable[[str, str], Any], account: str, clock: Clock) -> None:
        self.groups, self._account = LogGroups(models), account
        self.queries = Queries(self.groups, account, clock)

    def filter_log_events(self, params: dict[str, Any], call: AwsCall) -> dict[str, Any]:
        from emulator.aws.services.logs.filter_pattern import InvalidPattern, matcher

        try:
            matches = matcher(params.get("filterPattern", ""))
        except InvalidPattern as error:
            raise invalid(str(error)) from None
        page, token = filtered(self.groups.asked(params, call.region), params, matches)
        found = [
            {
                "logStreamName": event.stream, "timestamp": event.timestamp, "message": event.message,
                "ingestionTime": event.ingested, "eventId": event.id,
            }
            for event in page
        ]  # fmt: skip
        return {"events": found, "searchedLogStreams": [], **({"nextToken": token} if token else {})}

    def get_log_events(self, params: dict[str, Any], call: AwsCall) -> dict[str, Any]:
        page, forward, backward = read(self.groups.asked(params, call.region), params)
        found = [
            {"timestamp": event.timestamp, "message": event.message, "ingestionTime": event.ingested} for event in page
        ]
        return {"events": found, "nextForwardToken": forward, "nextBackwardToken": backward}

    def start_query(self, params: dict[str, Any], call: AwsCall) -> dict[str, Any]:
        return {"queryId": self.queries.start(params, call.region)}

    def get_query_results(self, params: dict[str, Any], call: AwsCall) -> dict[str, Any]:
        return self.queries.results(params, call.region)

    def stop_query(self, params: dict[str, Any], call: AwsCall) -> dict[str, Any]:
        self.queries.stop(params["queryId"], call.region)
        return {"success": True}

    def describe_queries(self, params: dict[str, Any], call: AwsCall) -> dict[str, Any]:
        return self.queries.describe(params, call.region)

    def get_log_record(self, params: dict[str, Any], call: AwsCall) -> dict[str, Any]:
        return {"logRecord": log_record(self.groups, self._account, params["logRecordPointer"], call.region)}
