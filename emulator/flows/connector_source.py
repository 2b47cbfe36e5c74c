"""A custom connector as the source of a flow: page after page, as long as it gives a nextToken."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from emulator.flows.asking import Asking
from emulator.flows.plan import FlowFailed, Page, Row
from emulator.frontdoors.appflow import PAGE, query_data
from emulator.model import Queried, Query

SEEN_MOST = 10  # times that a run takes the same token (ours: AppFlow's own limit is not known)
REMEMBERED = 10_000  # tokens, so that a run of any length needs the same memory


class ConnectorSource:
    """selected: fields that the connector is asked for. filtering: an expression of the connector SDK's grammar."""

    def __init__(self, asking: Asking, selected: Sequence[str], filtering: str | None = None) -> None:
        self._asking, self._selected, self._filtering = asking, selected, filtering
        self._given: OrderedDict[str, int] = OrderedDict()

    def pages(self) -> Iterator[Page]:
        """Raises ConnectorError, FlowFailed, Canceled."""
        asking, token, number = self._asking, None, 1
        while True:
            query = Query(f"{asking.run}/page-{number}", asking.flow, asking.function, asking.entity, number, token)
            said = asking.through("query", query, self._send)
            token = said.token
            self._watch(token)
            yield self._page(number, said)
            if not token:
                return
            number += 1

    def _send(self, query: Query) -> Queried:
        asking = self._asking
        request = query_data(asking.context, asking.entity, self._selected, query.token, self._filtering, PAGE)
        answer = asking.calls.call(asking.lambda_arn, request)
        return Queried(tuple(answer.records), answer.nextToken or None)

    def _page(self, number: int, said: Queried) -> Page:
        rows = [self._row(record) for record in said.records]
        read = sum(len(record.encode("utf-8", "replace")) for record in said.records)
        return Page(number, rows, read, said.token or "")

    def _row(self, record: str) -> Row:
        try:
            given = json.loads(record)
        except (ValueError, RecursionError):
            given = None
        if not isinstance(given, dict):
            problem = f"a record that is no JSON object: {record[:200]}"
            self._lint(f"records: {problem}; each one must be the text of a JSON object")
            raise FlowFailed(f"The connector gave {problem}")
        return given

    def _watch(self, token: str | None) -> None:
        """A connector that gives a token over and over would be asked for ever."""
        if not token:
            return
        self._given[token] = self._given.pop(token, 0) + 1
        if len(self._given) > REMEMBERED:
            self._given.popitem(last=False)
        if self._given[token] >= SEEN_MOST:
            self._lint(f"nextToken: {token[:200]!r} was given {SEEN_MOST} times, so its pages have no end; the last "
                       "page must come without a nextToken, and every other one with the next page's")
            raise FlowFailed(f"The connector gave the same nextToken {SEEN_MOST} times: {token[:200]}")

    def _lint(self, problem: str) -> None:
        self._asking.calls.lint(self._asking.lambda_arn, "QueryData", [problem])
