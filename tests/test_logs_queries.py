"""StartQuery and its kin through boto3."""

import json
import re

import pytest
from botocore.exceptions import ClientError
from test_logs_reading import refusal
from test_logs_service import GROUP, NOW, STREAM, Rig

from emulator.aws.services.logs.queries import KEPT

WINDOW = {"startTime": NOW // 1000 - 60, "endTime": NOW // 1000 + 60}


@pytest.fixture
def rig():
    made = Rig()
    made.store.append(GROUP, STREAM, [(NOW + n, json.dumps({"n": n, "flow": f"f{n % 2}"}) + "\n") for n in range(10)])
    made.store.append("/other", "s", [(NOW + 4, "an other line")])
    yield made
    made.backend.reset()


def start(rig, query, **params):
    return rig.logs.start_query(**{"logGroupName": GROUP, "queryString": query, **WINDOW, **params})["queryId"]


def results(rig, query, **params):
    return rig.logs.get_query_results(queryId=start(rig, query, **params))


def test_a_query_is_running_until_it_is_looked_at(rig):
    query_id = start(rig, "fields n")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", query_id)
    (described,) = rig.logs.describe_queries()["queries"]
    assert (described["queryId"], described["status"]) == (query_id, "Running")
    assert rig.logs.get_query_results(queryId=query_id)["status"] == "Complete"
    assert rig.logs.describe_queries()["queries"][0]["status"] == "Complete"


def test_results_have_awss_shape(rig):
    answer = results(rig, "fields @timestamp, n | filter n < 2 | sort n asc")
    first, second = answer["results"]
    assert [cell["field"] for cell in first] == ["@timestamp", "n", "@ptr"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", first[0]["value"])
    assert (first[1], second[1]) == ({"field": "n", "value": "0"}, {"field": "n", "value": "1"})
    statistics = answer["statistics"]
    assert (statistics["recordsMatched"], statistics["recordsScanned"], statistics["resultCount"]) == (2, 10, 2)
    assert statistics["bytesScanned"] == 10 * len('{"n": 0, "flow": "f0"}\n')
    assert answer["queryLanguage"] == "CWLI"


def test_stats_have_no_pointer(rig):
    assert results(rig, "stats count(*) as c by flow | sort flow asc")["results"] == [
        [{"field": "flow", "value": flow}, {"field": "c", "value": "5"}] for flow in ("f0", "f1")
    ]


def test_a_pointer_leads_to_the_whole_record(rig):
    (row,) = results(rig, "fields n | filter n = 3")["results"]
    record = rig.logs.get_log_record(logRecordPointer=row[-1]["value"])["logRecord"]
    assert record.pop("@ingestionTime").isdecimal()
    assert record == {
        "@timestamp": str(NOW + 3), "@message": '{"n": 3, "flow": "f1"}\n', "@logStream": STREAM,
        "@log": f"123456789012:{GROUP}", "n": "3", "flow": "f1",
    }  # fmt: skip


@pytest.mark.parametrize("pointer", ["nonsense", "WyJhIiwiYiIsImMiXQ=="])
def test_a_pointer_to_nothing_is_refused(rig, pointer):
    with pytest.raises(ClientError):
        rig.logs.get_log_record(logRecordPointer=pointer)


@pytest.mark.parametrize(
    ("params", "count"),
    [
        ({"logGroupName": None, "logGroupNames": [GROUP, "/other"]}, 11),
        ({"logGroupName": None, "logGroupIdentifiers": ["/other"]}, 1),
        ({"logGroupName": None, "logGroupIdentifiers": [f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"]}, 10),
        ({"limit": 4}, 4),
        ({"startTime": NOW // 1000 + 60}, 0),
        ({"endTime": NOW // 1000 - 60}, 0),
        ({"startTime": NOW + 6, "endTime": NOW + 7}, 2),
    ],
)
def test_what_is_searched(rig, params, count):
    wanted = {key: value for key, value in {"logGroupName": GROUP, **params}.items() if value is not None}
    query_id = rig.logs.start_query(**{"queryString": "fields @log", **WINDOW, **wanted})["queryId"]
    assert len(rig.logs.get_query_results(queryId=query_id)["results"]) == count


def test_both_ends_of_the_range_are_in_it_to_the_whole_second(rig):
    second = NOW // 1000 + 10
    rig.store.append("/edges", "s", [(second * 1000 + at, f"{at}") for at in (-1, 0, 999, 1000)])
    whole = {"logGroupName": "/edges", "startTime": second, "endTime": second}
    answer = results(rig, "display @message | sort @timestamp asc", **whole)
    assert [row[0]["value"] for row in answer["results"]] == ["0", "999"]


def test_a_malformed_query_says_where(rig):
    with pytest.raises(ClientError) as refused:
        start(rig, "fields @message | sort bin(5m)")
    response = refused.value.response
    sentence = "unexpected symbol found ( at line 1 and position 26"
    assert (response["Error"]["Code"], response["Error"]["Message"]) == ("MalformedQueryException", sentence)
    assert response["queryCompileError"] == {
        "location": {"startCharOffset": 26, "endCharOffset": 27}, "message": sentence,
    }  # fmt: skip
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize("query", ["stats sum(n) as flow", "fields n as flow", "parse @message /(?<flow>f.)/"])
def test_a_name_that_the_events_have_cannot_be_given(rig, query):
    code, message = refusal(rig.logs.start_query, logGroupName=GROUP, queryString=query, **WINDOW)
    assert (code, message) == ("MalformedQueryException", "Ephemeral field is already defined: flow")
    assert start(rig, query.replace("flow", "flows"))


def test_a_query_of_a_group_that_is_not_there(rig):
    code, message = refusal(rig.logs.start_query, logGroupName="/none", queryString="fields a", **WINDOW)
    assert code == "ResourceNotFoundException"
    assert re.fullmatch(
        r"Log group '/none' does not exist for account ID '123456789012' \(Service: AWSLogs; Status Code: 400; "
        r"Error Code: ResourceNotFoundException; Request ID: [0-9a-f-]{36}; Proxy: null\)",
        message,
    )


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "logGroupNames": [GROUP]}, "InvalidParameterException"),
        ({"logGroupNames": [f"g{n}" for n in range(51)]}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "limit": 100_001}, "InvalidParameterException"),
        ({"logGroupName": GROUP, "queryLanguage": "SQL"}, "UnsupportedOperationException"),
        ({"logGroupName": GROUP, "queryString": "pattern @message"}, "UnsupportedOperationException"),
    ],
)
def test_a_query_is_refused(rig, params, code):
    assert refusal(rig.logs.start_query, **{"queryString": "fields a", **WINDOW, **params})[0] == code


def test_results_come_in_pages(rig):
    query_id, rows, token = start(rig, "fields n | sort n asc"), [], {}
    while True:
        answer = rig.logs.get_query_results(queryId=query_id, maxItems=4, **token)
        rows += [row[0]["value"] for row in answer["results"]]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert rows == [str(n) for n in range(10)]


def test_a_query_can_be_stopped_before_it_is_looked_at(rig):
    query_id = start(rig, "fields n")
    assert rig.logs.stop_query(queryId=query_id)["success"] is True
    answer = rig.logs.get_query_results(queryId=query_id)
    assert (answer["status"], answer["results"]) == ("Cancelled", [])
    assert refusal(rig.logs.stop_query, queryId=query_id)[0] == "InvalidParameterException"


@pytest.mark.parametrize("operation", ["get_query_results", "stop_query"])
def test_a_query_nobody_started(rig, operation):
    assert refusal(getattr(rig.logs, operation), queryId="none")[0] == "ResourceNotFoundException"


def test_queries_are_described_newest_first_as_aws_writes_them(rig):
    first = start(rig, "fields a")
    second = start(rig, "fields b", logGroupName="/other")
    rig.logs.get_query_results(queryId=first)
    described = rig.logs.describe_queries()["queries"]
    assert [query["queryId"] for query in described] == [second, first]
    begin, end = WINDOW["startTime"], WINDOW["endTime"]
    assert described[1]["queryString"] == f'SOURCE "{GROUP}" START={begin}000 END={end}999 | fields a'
    assert described[1]["logGroupName"] == GROUP
    ids = {
        "group": rig.logs.describe_queries(logGroupName=GROUP), "status": rig.logs.describe_queries(status="Running"),
        "page": rig.logs.describe_queries(maxResults=1),
    }  # fmt: skip
    assert {what: [query["queryId"] for query in answer["queries"]] for what, answer in ids.items()} == {
        "group": [first], "status": [second], "page": [second],
    }  # fmt: skip
    rest = rig.logs.describe_queries(maxResults=1, nextToken=ids["page"]["nextToken"])
    assert [query["queryId"] for query in rest["queries"]] == [first]


def test_regions_keep_their_queries(rig):
    from emulator.aws import internal

    query_id = start(rig, "fields a")
    far = internal.client(rig.endpoint, "logs", region="eu-west-1")
    assert far.describe_queries()["queries"] == []
    assert refusal(far.get_query_results, queryId=query_id)[0] == "ResourceNotFoundException"


def test_only_the_newest_queries_are_kept(rig):
    ids = [start(rig, "limit 1") for _ in range(KEPT + 1)]
    assert len(set(ids)) == KEPT + 1
    assert refusal(rig.logs.get_query_results, queryId=ids[0])[0] == "ResourceNotFoundException"
    assert rig.logs.get_query_results(queryId=ids[1])["status"] == "Complete"


def test_ids_are_the_same_in_every_run(rig):
    first = start(rig, "fields a")
    rig.store.clear()
    assert rig.logs.describe_queries()["queries"] == []
    rig.store.append(GROUP, STREAM, [(NOW, "x")])
    assert start(rig, "fields a") == first
