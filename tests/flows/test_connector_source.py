"""A custom connector as a flow's source: its pages, one after the other, however it answers."""

import contextlib
import dataclasses
import json

import pytest
from appflow_rig import OK
from asking_rig import Asked, in_turn, page, refusal
from hypothesis import given
from hypothesis import strategies as st

from emulator.fault import Fault
from emulator.flows import connector_source
from emulator.flows.connector_source import SEEN_MOST, ConnectorSource
from emulator.flows.plan import Canceled, FlowFailed
from emulator.frontdoors.appflow import ConnectorError
from emulator.model import Outcome
from emulator.scope import When


@pytest.fixture
def asked():
    return Asked()


def pages(asked, filtering=None):
    return list(ConnectorSource(asked.asking, ["Id"], filtering).pages())


def test_pages_are_asked_for_until_one_has_no_token(asked):
    asked.says(QueryData=in_turn(page({"Id": 1}, {"Id": 2}, token="b"), page(token="c"), page({"Id": 3})))
    first, second, third = pages(asked)
    assert [request["nextToken"] for request in asked.connector.requests] == [None, "b", "c"]
    assert (first.rows, second.rows, third.rows) == ([{"Id": 1}, {"Id": 2}], [], [{"Id": 3}])
    told = [(one.number, one.mark, one.read) for one in (first, second, third)]
    assert told == [(1, "b", 18), (2, "c", 0), (3, "", 9)]


def test_an_empty_token_is_none(asked):
    asked.says(QueryData=page({"Id": 1}, token=""))
    assert [one.mark for one in pages(asked)] == [""]


def test_a_request_has_fields_filter_and_context_in_awss_names(asked):
    asked.says(QueryData=page())
    pages(asked, "(Id = 1)")
    [request] = asked.connector.requests
    context = request.pop("connectorContext")
    assert request == {"type": "QueryDataRequest", "entityIdentifier": "Contact", "selectedFieldNames": ["Id"],
                       "filterExpression": "(Id = 1)", "nextToken": None, "maxResults": 1000}
    named = [context[name] for name in ("flowName", "connectorProfileLabel", "executionId")]
    assert named == ["contacts", "acme", "e-1"]


def test_nothing_is_recorded_of_pages_that_no_rule_struck(asked):
    asked.says(QueryData=in_turn(page(token="b"), page()))
    pages(asked)
    assert asked.events() == []


def test_a_token_given_ten_times_ends_the_run_and_is_named_to_the_author(asked):
    asked.says(QueryData=page({"Id": 1}, token="again"))
    got = []
    with pytest.raises(FlowFailed, match="the same nextToken 10 times: again"):
        got.extend(ConnectorSource(asked.asking, ["Id"]).pages())
    assert len(asked.connector.requests) == SEEN_MOST
    [lint] = asked.lints
    assert "QueryData: nextToken: 'again' was given 10 times" in lint


def test_tokens_that_go_in_a_circle_end_the_run(asked):
    circle = [page(token=token) for token in "abc"]
    asked.says(QueryData=in_turn(*(circle * SEEN_MOST)))
    with pytest.raises(FlowFailed, match="10 times: a"):
        pages(asked)
    assert len(asked.connector.requests) == 3 * (SEEN_MOST - 1) + 1


def test_tokens_are_remembered_up_to_a_number(asked, monkeypatch):
    monkeypatch.setattr(connector_source, "REMEMBERED", 3)
    source = ConnectorSource(asked.asking, ["Id"])
    asked.says(QueryData=in_turn(*(page(token=str(n)) for n in range(9)), page()))
    assert len(list(source.pages())) == 10
    assert list(source._given) == ["6", "7", "8"]


@pytest.mark.parametrize("record", ["[1]", "1", "null", "{", "", '"text"', "[" * 100_000])
def test_a_record_that_is_no_object_ends_the_run(asked, record):
    asked.says(QueryData={**OK, "records": ['{"Id": 1}', record]})
    with pytest.raises(FlowFailed, match="The connector gave a record that is no JSON object: ") as failed:
        pages(asked)
    assert len(failed.value.message) < 300
    assert "must be the text of a JSON object" in asked.lints[0]


def test_half_a_surrogate_pair_in_a_record_is_read(asked):
    asked.says(QueryData=page({"Id": "\ud800"}))
    assert [one.rows for one in pages(asked)] == [[{"Id": "\ud800"}]]


def test_a_connector_that_says_when_is_asked_again_then_and_nobody_waits(asked):
    busy = refusal("RateLimitExceeded", after=30)
    asked.says(QueryData=in_turn(busy, refusal("ServiceUnavailable", after=60), busy, page({"Id": 1})))
    assert [one.rows for one in pages(asked)] == [[{"Id": 1}]]
    assert asked.clock.now() == 120
    waits = [event for event in asked.timeline.events() if event.outcome == "retry_waits"]
    assert [(event.subject, event.point, event.detail) for event in waits] == [
        ("contacts/run-1/page-1", "flow", text) for text in ("30 s", "60 s", "30 s")
    ]


def test_it_is_asked_again_three_times_at_most_for_each_page(asked):
    busy = refusal("RateLimitExceeded", "slow down", after=1)
    asked.says(QueryData=in_turn(busy, busy, busy, page(token="b"), busy))
    got = []
    with pytest.raises(ConnectorError, match="slow down"):
        got.extend(ConnectorSource(asked.asking, ["Id"]).pages())
    assert len(asked.connector.requests) == 4 + 4


@pytest.mark.parametrize(
    ("code", "after"),
    [("RateLimitExceeded", None), ("ServerError", 5), ("RequestTimeout", 5), ("ServiceUnavailable", 86_401),
     ("RateLimitExceeded", 10**400)],
)
def test_without_a_time_or_for_another_reason_it_is_not_asked_again(asked, code, after):
    asked.says(QueryData=refusal(code, after=after))
    with pytest.raises(ConnectorError):
        pages(asked)
    assert (len(asked.connector.requests), asked.clock.now()) == (1, 0)


def test_a_moment_that_has_passed_is_now(asked):
    asked.says(QueryData=in_turn(refusal("RateLimitExceeded", after=-5), page()))
    assert (len(pages(asked)), asked.clock.now()) == (1, 0)


ANSWERS = st.fixed_dictionaries({}, optional={
    "isSuccess": st.booleans() | st.none() | st.text(max_size=3),
    "records": st.lists(st.text(max_size=5) | st.just("{}") | st.integers(), max_size=3) | st.none() | st.integers(),
    "nextToken": st.none() | st.just("a") | st.integers(),
    "errorDetails": st.none() | st.fixed_dictionaries({
        "errorCode": st.sampled_from(["RateLimitExceeded", "InvalidCredentials", "Other"]),
        "errorMessage": st.text(max_size=3) | st.none(), "retryAfterSeconds": st.none() | st.integers() | st.text(),
    }),
})


@given(ANSWERS | st.none() | st.integers() | st.lists(st.integers(), max_size=2), st.booleans())
def test_whatever_a_connector_answers_a_run_has_an_end(said, renews):
    asked = Asked()
    asked.renews = renews
    asked.says(QueryData=Outcome("ok", json.dumps(said).encode()))
    with contextlib.suppress(ConnectorError, FlowFailed):
        assert all(isinstance(row, dict) for one in pages(asked) for row in one.rows)
    assert len(asked.connector.requests) <= SEEN_MOST


def test_with_new_credentials_the_same_request_is_made_once_more(asked):
    asked.renews = True
    asked.says(QueryData=in_turn(page(token="b"), refusal("InvalidCredentials"), page({"Id": 1})))
    assert len(pages(asked)) == 2
    [_, first, second] = asked.connector.requests
    assert first == second
    assert asked.renewals == 1
    assert ("contacts/run-1/page-2", "flow", "", "credentials_renewed") in asked.events()


@pytest.mark.parametrize(("renews", "requests"), [(True, 2), (False, 1)])
def test_credentials_that_stay_invalid_end_the_run(asked, renews, requests):
    asked.renews = renews
    asked.says(QueryData=refusal("InvalidCredentials", "expired"))
    with pytest.raises(ConnectorError, match="Error authenticating to connector: expired"):
        pages(asked)
    assert (len(asked.connector.requests), asked.renewals) == (requests, 1)


def test_a_canceled_run_asks_no_more(asked):
    asked.says(QueryData=page(token="b"))
    source = ConnectorSource(asked.asking, ["Id"]).pages()
    next(source)
    asked.canceled.set()
    with pytest.raises(Canceled):
        next(source)
    assert len(asked.connector.requests) == 1


class Lost(Fault):
    """The page's records are lost."""

    name = "lost"

    def on_query(self, subject, proceed, ctx):
        return dataclasses.replace(proceed(), records=())


class Elsewhere(Fault):
    """Another page is asked for."""

    name = "elsewhere"

    def on_query(self, subject, proceed, ctx):
        return proceed(dataclasses.replace(subject, token="elsewhere"))


class Slow(Fault):
    """The answer comes late, on the rig's clock."""

    name = "slow"

    def on_query(self, subject, proceed, ctx):
        ctx.delay(31)
        return proceed()


def echo(request):
    return page({"Id": request["nextToken"]}, token=None if request["nextToken"] else "b")


def test_a_rule_at_query_changes_what_a_page_holds_and_is_recorded(asked):
    asked.says(QueryData=echo)
    asked.arm(Lost(), When(after=1), flow="contacts", entity="Contact", function="crm", origin="appflow")
    assert [one.rows for one in pages(asked)] == [[{"Id": None}], []]
    assert asked.events() == [("contacts/run-1/page-2", "query", "lost", "answered")]


def test_a_rule_at_query_can_ask_for_another_page(asked):
    asked.says(QueryData=echo)
    asked.arm(Elsewhere(), When(times=1))
    assert [one.rows for one in pages(asked)] == [[{"Id": "elsewhere"}]]


def test_a_page_that_a_rule_makes_later_than_appflow_waits_is_no_answer(asked):
    asked.says(QueryData=page())
    asked.arm(Slow())
    with pytest.raises(ConnectorError, match="No valid response and error details found"):
        pages(asked)
    assert asked.lints == ["QueryData: answered after 31.0 s; AppFlow waits 30 s"]


def test_memory_does_not_grow_with_the_pages(asked):
    """A page of a connector is a stream's piece: a hundred of them need no more than ten."""
    import tracemalloc

    record = json.dumps({"Id": "x" * 200})
    asked.says(QueryData=lambda r: {**OK, "records": [record] * 500, "nextToken": str(int(r["nextToken"] or 0) + 1)})
    asked.connector.requests = type("Forgetful", (list,), {"append": lambda self, one: None})()
    source = ConnectorSource(asked.asking, ["Id"]).pages()
    tracemalloc.start()
    try:
        for _ in range(10):
            next(source)
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(100):
            next(source)
        assert tracemalloc.get_traced_memory()[0] - before < 200_000
    finally:
        tracemalloc.stop()
