"""Incremental runs: what the connector is told of the window, and what the record says of it."""

import re
from datetime import datetime, timedelta, timezone

import pytest
from appflow_rig import OK, error_of, failure
from custom_connector_queryfilter.queryfilter.parse_tree_builder import parse
from flow_rig import DEFINITION, ENTITY, FIELDS, flow, paged, projected, records, run, scheduled, to_connector

pytest_plugins = ["appflow_rig", "flow_rig"]  # fixtures: crm, crm_both
TIMES = {"readProperties": {"isRetrievable": True, "isTimestampFieldForIncrementalQueries": True}}
CHANGED = {"fieldName": "Changed", "dataType": "DateTime", **TIMES}
DAY = {"fieldName": "Day", "dataType": "Date", **TIMES}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"
PLAIN = {"fieldName": "Seen", "dataType": "DateTime"}


@pytest.fixture
def dated(crm):
    """People with times."""
    fields = [*FIELDS, CHANGED, DAY, PLAIN]
    crm.connector.answers["DescribeEntity"] = {**OK, "entityDefinition": {"entity": ENTITY, "fields": fields}}
    return crm


def incremental(field="Changed", pull=None, **more):
    given = flow(triggerConfig=scheduled("rate(1hours)", dataPullMode="Incremental", **more))
    given["sourceFlowConfig"]["incrementalPullConfig"] = pull or {"datetimeTypeFieldName": field}
    return given


def start(rig, given):
    rig.appflow.create_flow(**given)
    rig.appflow.start_flow(flowName="contacts")
    rig.clock.advance(0)


def filters(rig):
    """Of each run's first request."""
    asked = [request for request in rig.connector.requests if request["type"] == "QueryDataRequest"]
    return [request["filterExpression"] for request in asked if request["nextToken"] is None]


def windows(rig):
    """(begin, end) of each run as its record has them, oldest first."""
    return [(record.get("dataPullStartTime"), record.get("dataPullEndTime")) for record in records(rig)[::-1]]


def moments(expression):
    """(begin, end) that a connector is told, to the millisecond."""
    found = re.fullmatch(rf"\(Changed > ({TIME})Z and Changed <= ({TIME})Z\)", expression)
    return [datetime.fromisoformat(f"{text}+00:00") for text in found.groups()]


def same(moment, other):
    return abs(moment - other) < timedelta(seconds=0.01)


def now(rig):
    return datetime.fromtimestamp(rig.clock.epoch(), timezone.utc)


def test_the_first_run_pulls_thirty_days_and_a_later_one_what_came_since(dated):
    start(dated, incremental())
    first = now(dated)
    dated.clock.advance(7200)
    [(begin, end), second, third] = windows(dated)
    assert same(end, first)
    assert end - begin == timedelta(days=30)
    assert (second[0], third[0]) == (end, second[1])
    assert same(third[1], first + timedelta(hours=2))
    for told, (left, right) in zip(filters(dated), windows(dated), strict=True):
        assert all(same(*pair) for pair in zip(moments(told), (left, right), strict=True))


def test_awss_parser_reads_the_window(dated):
    start(dated, incremental())
    assert parse(filters(dated)[0]) is not None


def test_first_execution_from_is_where_the_first_run_begins(dated):
    begin = datetime(2024, 5, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    start(dated, incremental(firstExecutionFrom=begin))
    dated.clock.advance(3600)
    [first, second] = windows(dated)
    assert (first[0], second[0]) == (begin, first[1])
    assert filters(dated)[0].startswith("(Changed > 2024-05-01T08:00:00.000Z and ")


def test_what_a_failed_run_was_to_pull_the_next_one_pulls_too(dated):
    start(dated, incremental())
    dated.connector.answers["QueryData"] = failure("ServerError", "down")
    dated.clock.advance(7200)
    dated.connector.answers["QueryData"] = paged
    dated.clock.advance(3600)
    [first, second, third, fourth] = windows(dated)
    assert [record["executionStatus"] for record in records(dated)] == ["Successful", "Error", "Error", "Successful"]
    assert {begin for begin, _ in (second, third, fourth)} == {first[1]}
    assert same(fourth[1], first[1] + timedelta(hours=3))


def test_a_flow_that_never_went_well_pulls_thirty_days_each_time(dated):
    dated.connector.answers["QueryData"] = failure("ServerError", "down")
    start(dated, incremental())
    dated.clock.advance(3600)
    assert {end - begin for begin, end in windows(dated)} == {timedelta(days=30)}


def test_a_pause_leaves_no_hole(dated):
    start(dated, incremental())
    dated.appflow.stop_flow(flowName="contacts")
    dated.clock.advance(86400)
    dated.appflow.start_flow(flowName="contacts")
    dated.clock.advance(0)
    [first, second] = windows(dated)
    assert second[0] == first[1]


def test_a_window_goes_with_the_flows_own_filters(dated):
    own = {"taskType": "Filter", "sourceFields": ["Name"], "connectorOperator": {"CustomConnector": "EQUAL_TO"},
           "taskProperties": {"DATA_TYPE": "string", "VALUE": "Ann"}}
    start(dated, incremental() | {"tasks": [*projected("Id", "Name"), own]})
    assert filters(dated)[0].startswith('(Name = "Ann") and (Changed > ')


def test_a_window_of_a_date_is_of_whole_days(dated):
    start(dated, incremental("Day"))
    begin, end = windows(dated)[0]
    assert filters(dated) == [f"(Day >= {begin:%Y-%m-%d} and Day <= {end:%Y-%m-%d})"]


def test_every_page_has_the_same_window(dated):
    start(dated, incremental())
    asked = [r["filterExpression"] for r in dated.connector.requests if r["type"] == "QueryDataRequest"]
    assert (len(asked), len(set(asked))) == (3, 1)


def test_a_complete_pull_is_whole_every_time(dated):
    given = incremental()
    given["triggerConfig"] = scheduled("rate(1hours)", dataPullMode="Complete")
    start(dated, given)
    dated.clock.advance(3600)
    assert (filters(dated), windows(dated)) == ([None, None], [(None, None)] * 2)


def test_without_a_pull_mode_it_is_whole(dated):
    start(dated, flow(triggerConfig=scheduled("rate(1hours)")))
    assert (filters(dated), windows(dated)) == ([None], [(None, None)])


def test_an_on_demand_flow_never_gets_a_window(dated):
    given = incremental()
    given["triggerConfig"] = {"triggerType": "OnDemand"}
    dated.appflow.create_flow(**given)
    run(dated)
    assert (filters(dated), windows(dated)) == ([None], [(None, None)])


def test_a_flow_that_becomes_incremental_begins_with_thirty_days(dated):
    given = incremental()
    start(dated, given | {"triggerConfig": scheduled("rate(1hours)", dataPullMode="Complete")})
    dated.appflow.update_flow(**given)
    dated.clock.advance(3600)
    begin, end = windows(dated)[1]
    assert end - begin == timedelta(days=30)


@pytest.mark.parametrize("field", ["Seen", "Name", "none"])
def test_a_field_that_is_not_for_it_is_refused(dated, field):
    code, _, message = error_of(dated.appflow.create_flow, **incremental(field))
    assert (code, field in message) == ("ValidationException", True)


def test_an_entity_that_is_not_described_as_having_one_is_refused(crm):
    assert crm.connector.answers["DescribeEntity"] == DEFINITION
    assert error_of(crm.appflow.create_flow, **incremental())[0] == "ValidationException"


def test_from_s3_it_is_refused_by_name(crm_both):
    trigger = scheduled("rate(1hours)", dataPullMode="Incremental")
    code, _, message = error_of(crm_both.appflow.create_flow, **to_connector() | {"triggerConfig": trigger})
    assert code == "UnsupportedOperationException"
    assert "dataPullMode Incremental from S3" in message
