"""FilterLogEvents and GetLogEvents through boto3."""

import json

import pytest
from botocore.exceptions import ClientError
from test_logs_service import GROUP, NOW, STREAM, Rig

OTHER = "2026/01/02/[$LATEST]ffffffffffffffffffffffffffffffff"


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.backend.reset()


@pytest.fixture
def twenty(rig):
    """Twenty events, by turns in two streams, a millisecond apart; written stream by stream."""
    rig.store.append(GROUP, STREAM, [(NOW + n, f"line {n}\n") for n in range(0, 20, 2)])
    rig.store.append(GROUP, OTHER, [(NOW + n, f"line {n}\n") for n in range(1, 20, 2)])
    return rig


def filtered(rig, **params):
    return rig.logs.filter_log_events(logGroupName=GROUP, **params)


def numbers(answer):
    return [int(event["message"].split()[1]) for event in answer["events"]]


def refusal(call, **params):
    with pytest.raises(ClientError) as refused:
        call(**params)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_events_of_all_streams_come_in_the_order_of_time(twenty):
    answer = filtered(twenty)
    assert numbers(answer) == list(range(20))
    assert answer["searchedLogStreams"] == []
    assert "nextToken" not in answer


def test_an_event_has_what_awss_has(twenty):
    first = filtered(twenty)["events"][0]
    assert set(first) == {"logStreamName", "timestamp", "message", "ingestionTime", "eventId"}
    assert (first["logStreamName"], first["timestamp"], first["message"]) == (STREAM, NOW, "line 0\n")
    assert len(first["eventId"]) == 56
    assert first["eventId"].isdecimal()
    assert first["ingestionTime"] >= NOW


def test_event_ids_are_unique_and_sort_as_the_events(twenty):
    ids = [event["eventId"] for event in filtered(twenty)["events"]]
    assert ids == sorted(set(ids))


def test_events_of_one_moment_come_as_they_were_written(rig):
    rig.store.append(GROUP, STREAM, [(NOW, "line 0"), (NOW, "line 1")])
    rig.store.append(GROUP, OTHER, [(NOW, "line 2")])
    rig.store.append(GROUP, STREAM, [(NOW, "line 3")])
    assert numbers(filtered(rig)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("params", "found"),
    [
        ({"startTime": NOW + 17}, [17, 18, 19]),
        ({"endTime": NOW + 2}, [0, 1, 2]),
        ({"startTime": NOW + 3, "endTime": NOW + 5}, [3, 4, 5]),
        ({"startTime": NOW + 5, "endTime": NOW + 3}, []),
        ({"endTime": 0}, []),
        ({"logStreamNames": [OTHER], "limit": 3}, [1, 3, 5]),
        ({"logStreamNames": [OTHER, STREAM], "limit": 3}, [0, 1, 2]),
        ({"logStreamNamePrefix": "2026/01/02/[$LATEST]f"}, list(range(1, 20, 2))),
        ({"logStreamNamePrefix": "2025"}, []),
        ({"filterPattern": '?"line 3" ?"line 12"'}, [3, 12]),
        ({"filterPattern": "line -1", "startTime": NOW + 8}, [8, 9]),
        ({"filterPattern": "[word, number > 17]"}, [18, 19]),
        ({"filterPattern": "{ $.a = 1 }"}, []),
        ({"interleaved": False}, list(range(20))),
        ({"startFromHead": False, "startTime": NOW + 17}, [19, 18, 17]),
        ({"startFromHead": True, "startTime": NOW + 17}, [17, 18, 19]),
    ],
)
def test_a_search_can_be_narrowed(twenty, params, found):
    assert numbers(filtered(twenty, **params)) == found


@pytest.mark.parametrize("identifier", [GROUP, f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"])
def test_a_group_has_an_identifier(twenty, identifier):
    assert len(twenty.logs.filter_log_events(logGroupIdentifier=identifier)["events"]) == 20
    assert len(twenty.logs.get_log_events(logGroupIdentifier=identifier, logStreamName=STREAM)["events"]) == 10


@pytest.mark.parametrize("params", [{"limit": 3}, {"limit": 3, "filterPattern": "line -5"}, {"limit": 20}])
@pytest.mark.parametrize("forward", [True, False])
def test_pages_hold_every_event_once(twenty, params, forward):
    found, token, pages = [], {}, 0
    while True:
        answer = filtered(twenty, startFromHead=forward, startTime=NOW, **params, **token)
        found, pages = found + numbers(answer), pages + 1
        assert len(answer["events"]) <= params["limit"]
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    whole = numbers(filtered(twenty, **{**params, "limit": 100}))
    assert found == (whole if forward else whole[::-1])
    assert pages == -(-len(whole) // params["limit"])


def test_the_direction_of_a_token_wins(twenty):
    token = filtered(twenty, limit=2, startFromHead=False, startTime=NOW)["nextToken"]
    assert numbers(filtered(twenty, limit=2, nextToken=token)) == [17, 16]


def test_a_page_is_at_most_a_megabyte(rig):
    rig.store.append(GROUP, STREAM, [(NOW + n, f"line {n} " + "x" * 300_000) for n in range(6)])
    first = filtered(rig)
    assert numbers(first) == [0, 1, 2, 3]
    assert numbers(filtered(rig, nextToken=first["nextToken"])) == [4, 5]


def test_events_that_arrive_between_pages_are_not_lost(twenty):
    token = filtered(twenty, limit=19)["nextToken"]
    twenty.store.append(GROUP, STREAM, [(NOW + 30, "line 30\n")])
    assert numbers(filtered(twenty, nextToken=token)) == [19, 30]


ARN = "arn:aws:logs:us-east-1:123456789012:log-group:/none"
MISSING = ("ResourceNotFoundException", "The specified log group does not exist.")
TOKEN = ("InvalidParameterException", "The specified nextToken is invalid.")
LARGEST = "Member must have value less than or equal to 10000"
LIMIT = (
    "InvalidParameterException",
    f"1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: {LARGEST}",
)
ONE = ("InvalidParameterException", "Should provider either name or id, but not both")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"logGroupName": "/none"}, MISSING),
        ({"logGroupIdentifier": ARN}, MISSING),
        ({}, ONE),
        ({"logGroupName": GROUP, "logGroupIdentifier": GROUP}, ONE),
        (
            {"logGroupName": GROUP, "limit": 10001},
            LIMIT,
        ),
        ({"logGroupName": GROUP, "nextToken": "nonsense"}, TOKEN),
        ({"logGroupName": GROUP, "nextToken": "WzEsMiwzLDRd"}, TOKEN),
        (
            {"logGroupName": GROUP, "logStreamNames": ["none"]},
            ("ResourceNotFoundException", "The specified log stream does not exist."),
        ),
        (
            {"logGroupName": GROUP, "logStreamNames": [STREAM], "logStreamNamePrefix": "x"},
            (
                "InvalidParameterException",
                "Log stream names and log stream name prefix are mutually exclusive parameters.",
            ),
        ),
        (
            {"logGroupName": GROUP, "startFromHead": False, "startTime": 1},
            (
                "InvalidParameterException",
                "startFromHead can be false only when startTime is on or after Jan 1, 2024 00:00:00 UTC.",
            ),
        ),
        (
            {"logGroupName": GROUP, "filterPattern": "a:b"},
            ("InvalidParameterException", "Invalid character(s) in term ':'"),
        ),
        (
            {"logGroupName": GROUP, "filterPattern": "{ $.a = }"},
            ("InvalidParameterException", "Invalid filter pattern"),
        ),
    ],
)
def test_a_search_is_refused_in_awss_words(twenty, params, said):
    assert refusal(twenty.logs.filter_log_events, **params) == said


def test_a_token_of_another_group_is_invalid(twenty):
    twenty.store.append("/other", "s", [(NOW, "x")])
    token = filtered(twenty, limit=1)["nextToken"]
    assert refusal(twenty.logs.filter_log_events, logGroupName="/other", nextToken=token) == TOKEN


def stream(rig, **params):
    return rig.logs.get_log_events(logGroupName=GROUP, logStreamName=STREAM, **params)


def test_one_stream_is_read_from_its_end_oldest_first(twenty):
    assert numbers(stream(twenty, limit=3)) == [14, 16, 18]
    assert numbers(stream(twenty, limit=3, startFromHead=True)) == [0, 2, 4]


def test_the_end_of_a_range_is_not_in_it(twenty):
    """As AWS says of GetLogEvents, and only of it."""
    assert numbers(stream(twenty, startTime=NOW + 4, endTime=NOW + 8)) == [4, 6]


def test_tokens_lead_forth_and_back(twenty):
    first = stream(twenty, limit=4, startFromHead=True)
    second = stream(twenty, limit=4, nextToken=first["nextForwardToken"], startFromHead=True)
    third = stream(twenty, limit=4, nextToken=second["nextForwardToken"], startFromHead=True)
    assert [numbers(page) for page in (first, second, third)] == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]
    assert numbers(stream(twenty, limit=4, nextToken=third["nextBackwardToken"])) == [8, 10, 12, 14]
    assert numbers(stream(twenty, limit=3, nextToken=second["nextBackwardToken"])) == [2, 4, 6]


def test_at_either_end_the_token_stays_the_same(twenty):
    whole = stream(twenty, startFromHead=True)
    ended = stream(twenty, nextToken=whole["nextForwardToken"], startFromHead=True)
    assert ended["events"] == []
    assert ended["nextForwardToken"] == whole["nextForwardToken"]
    begun = stream(twenty, nextToken=whole["nextBackwardToken"])
    assert begun["events"] == []
    assert begun["nextBackwardToken"] == whole["nextBackwardToken"]
    assert numbers(stream(twenty, nextToken=begun["nextForwardToken"])) == numbers(whole)
    assert numbers(stream(twenty, nextToken=ended["nextBackwardToken"])) == numbers(whole)


def test_a_stream_can_be_followed(rig):
    rig.store.append(GROUP, STREAM, [])
    token = stream(rig, startFromHead=True)["nextForwardToken"]
    for number in range(3):
        rig.store.append(GROUP, STREAM, [(NOW + number, f"line {number}\n")])
        answer = stream(rig, nextToken=token, startFromHead=True)
        assert numbers(answer) == [number]
        token = answer["nextForwardToken"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"logStreamName": "none"}, ("ResourceNotFoundException", "The specified log stream does not exist.")),
        ({"logStreamName": STREAM, "nextToken": "f/1/s"}, TOKEN),
        ({"logStreamName": STREAM, "logGroupName": "/none"}, MISSING),
    ],
)
def test_reading_is_refused_in_awss_words(twenty, params, said):
    assert refusal(twenty.logs.get_log_events, **{"logGroupName": GROUP, **params}) == said


LOGGING = """import json
def handler(event, context):
    print(json.dumps(event))
"""


def test_what_a_function_logged_is_found_by_its_json(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(LOGGING), handler="handler.handler")
    for flow, rows in [("nightly", 5), ("hourly", 7), ("nightly", 9)]:
        inline_rig.invoke("crm", {"flowName": flow, "rows": rows})
    pattern = '{ $.flowName = "nightly" && $.rows > 6 }'
    logs = inline_rig.client("logs")
    (found,) = logs.filter_log_events(logGroupName="/aws/lambda/crm", filterPattern=pattern)["events"]
    assert json.loads(found["message"]) == {"flowName": "nightly", "rows": 9}


def test_an_invocation_is_found_by_its_request_id(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(LOGGING), handler="handler.handler")
    for number in range(3):
        inline_rig.invoke("crm", {"n": number})
    logs = inline_rig.client("logs")
    query = {"logGroupName": "/aws/lambda/crm", "startTime": 0, "endTime": 4_000_000_000}
    by_type = "filter @type = 'REPORT' | stats count(*) as reports, count_distinct(@requestId) as ids"
    started = logs.start_query(queryString=by_type, **query)["queryId"]
    assert [cell["value"] for cell in logs.get_query_results(queryId=started)["results"][0]] == ["3", "3"]
