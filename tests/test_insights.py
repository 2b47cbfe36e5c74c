"""Logs Insights' query language, line by line as AWS's pages show it."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.aws.services.logs.insights import times
from emulator.aws.services.logs.insights.query import Query, Unserved
from emulator.aws.services.logs.insights.records import Record
from emulator.aws.services.logs.insights.values import EPOCH, Malformed
from emulator.aws.services.logs.reading import Event

T0 = 1_767_323_045_678  # 2026-01-02 03:04:05.678
GROUP, STREAM = "/aws/lambda/crm", "2026/01/02/[$LATEST]0123456789abcdef0123456789abcdef"
ONE, TWO = "8476a536-e9f4-41e8-9739-2dfe598c3fcd", "b86c93c6-e1d0-41e7-955b-539d8b965ff9"
SIZE = "Memory Size: 128 MB\tMax Memory Used: "
END = "\tInit Duration: 100.10 ms\t\nXRAY TraceId: 1-5e34-aa\tSegmentId: 3bc1\tSampled: true\n"
LAMBDA = [
    "INIT_START Runtime Version: python:3.13.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:aa\n",
    f"START RequestId: {ONE} Version: $LATEST\n",
    f'[INFO]\t2026-01-02T03:04:05.678Z\t{ONE}\tgot {{"flowName": "nightly", "rows": [{{"id": 7}}], "ok": true}}\n',
    f"END RequestId: {ONE}\n",
    f"REPORT RequestId: {ONE}\tDuration: 12.34 ms\tBilled Duration: 113 ms\t{SIZE}57 MB{END}",
    f"2026-01-02T03:04:06.000Z {TWO} Task timed out after 3.00 seconds\n",
    f"REPORT RequestId: {TWO}\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t{SIZE}61 MB\tStatus: timeout\n",
]
JSON = [
    json.dumps({"f1": "an Exception", "duration": 2500, "statusCode": 200, "Type": "foo", "srcAddr": "192.0.2.7"}),
    json.dumps({"f1": "an exception", "duration": 100, "statusCode": "301", "Type": "1", "srcAddr": "10.0.0.1"}),
    json.dumps({"f1": "Exception", "duration": 0.5, "statusCode": 500, "f3": 26, "srcAddr": "2001:db8::1"}),
    json.dumps({"userIdentity": {"type": "IAMUser"}, "items": [{"instanceId": "i-abc"}], "foo-bar": 3, "@x": 1}),
]
LINE = "25 May 2019 10:24:39,474 [ERROR] {foo=2, bar=data} The error was: DataIntegrityException\n"
PARSED = {"level": "ERROR", "config": "{foo=2, bar=data}", "exception": "DataIntegrityException"}


def ask(query, messages, limit=1000, step=1000, now_s=0):
    """Rows without @ptr, each a dict."""
    rows = [Event(T0 + number * step, number, T0, message, STREAM) for number, message in enumerate(messages)]
    answer = Query(query, now_s).run([Record(f"123456789012:{GROUP}", event) for event in reversed(rows)], limit)
    return [{name: value for name, value in row if name != "@ptr"} for row in answer.rows]


def column(query, messages, **options):
    return [next(iter(row.values()), None) for row in ask(query, messages, **options)]


def test_without_fields_the_newest_events_come_first_whole():
    assert ask("filter @type = 'END' or @type = 'START'", LAMBDA) == [
        {"@timestamp": "2026-01-02 03:04:08.678", "@message": LAMBDA[3]},
        {"@timestamp": "2026-01-02 03:04:06.678", "@message": LAMBDA[1]},
    ]


def test_the_fields_that_every_event_has():
    (row,) = ask("fields @timestamp, @message, @logStream, @log, @ingestionTime", ["hello"])
    assert row == {
        "@timestamp": "2026-01-02 03:04:05.678", "@message": "hello", "@logStream": STREAM,
        "@log": f"123456789012:{GROUP}", "@ingestionTime": "2026-01-02 03:04:05.678",
    }  # fmt: skip


def test_every_row_of_events_ends_with_ptr_and_no_row_of_stats():
    record = Record("1:g", Event(T0, 1, T0, "x", "s"))
    assert [name for name, _ in Query("fields @message").run([record], 10).rows[0]] == ["@message", "@ptr"]
    assert [name for name, _ in Query("stats count(*) by @log").run([record], 10).rows[0]] == ["@log", "count(*)"]


def test_the_fields_of_a_report():
    query = (
        "filter @type = 'REPORT' | sort @timestamp asc | fields @type, @requestId, @duration, @billedDuration, "
        "@memorySize, @maxMemoryUsed, @initDuration, @xrayTraceId, @xraySegmentId"
    )
    first, second = ask(query, LAMBDA)
    assert first == {
        "@type": "REPORT", "@requestId": ONE, "@duration": "12.34", "@billedDuration": "113",
        "@memorySize": "128000000", "@maxMemoryUsed": "57000000", "@initDuration": "100.10",
        "@xrayTraceId": "1-5e34-aa", "@xraySegmentId": "3bc1",
    }  # fmt: skip
    assert "@initDuration" not in second


def test_every_line_of_an_invocation_has_its_request_id():
    assert len(ask(f'filter @requestId = "{ONE}"', LAMBDA)) == 4
    assert column(f'fields @message | filter @requestId = "{TWO}" | sort @timestamp asc', LAMBDA) == LAMBDA[5:]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("userIdentity.type", "IAMUser"),
        ("items.0.instanceId", "i-abc"),
        ("`foo-bar`", "3"),
        ("@@x", "1"),
        ("nothing", None),
    ],
)
def test_members_of_json_are_fields(field, value):
    (row,) = ask(f"filter ispresent(userIdentity.type) | fields {field}, 1", JSON)
    assert row.get(field.strip("`")) == value


def test_members_of_the_first_json_in_a_line_are_fields():
    assert ask("filter flowName = 'nightly' | fields rows.0.id, ok", LAMBDA) == [{"rows.0.id": "7", "ok": "1"}]
    assert column("fields a", ['{broken {"a": 1} {"a": 2}']) == ["1"]


def test_at_most_a_thousand_members_are_fields():
    (row,) = ask("fields m999, m1000", [json.dumps({f"m{number}": number for number in range(1200)})])
    assert row == {"m999": "999"}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("(duration>2000)", [0]),
        ("duration >= 2500", [0]),
        ("duration<1", [2]),
        ("duration <= 100", [1, 2]),
        ("duration = 100.0", [1]),
        ("duration=2500 or f3>25", [0, 2]),
        ("f1='Exception'", [2]),
        ("f1 != 'Exception'", [0, 1, 3]),
        ("statusCode like /2\\d\\d/", [0]),
        ("statusCode in [200, 301, 400]", [0, 1]),
        ("statusCode in ['200', '301']", [0, 1]),
        ("statusCode in []", []),
        ('Type not in ["foo","bar",1]', [2, 3]),
        ("f1 like /Exception/", [0, 2]),
        ("f1 =~ /Exception/", [0, 2]),
        ('f1 like "Exception"', [0, 2]),
        ("f1 =~ 'Exception'", [0, 2]),
        ("f1 like /(?i)Exception/", [0, 1, 2]),
        ("f1 =~ /^(?i)Exception$/", [2]),
        ("f1 not like /Exception/", [1, 3]),
        ('f1 not like "an"', [2, 3]),
        ("not f1 like /an/", [2, 3]),
        ("not (duration > 1 and statusCode = 200)", [1, 2, 3]),
        ("duration > 1 and statusCode = 200 or f3 = 26", [0, 2]),
        ("f3 = 26 or duration > 1 and statusCode = 200", [0, 2]),
        ("(f3 = 26 or duration > 1) and statusCode = 301", [1]),
        ("ispresent(f3)", [2]),
        ("isPresent(f3) = 0", [0, 1, 3]),
        ("not ispresent(f1)", [3]),
        ("isempty(f1)", [3]),
        ("isblank(nothing)", [0, 1, 2, 3]),
        ('strcontains(f1, "xce")', [0, 1, 2]),
        ("strlen(f1) = 9", [2]),
        ('isIpv4InSubnet(srcAddr, "192.0.2.0/24")', [0]),
        ('isIpInSubnet(srcAddr, "2001:db8::/32")', [2]),
        ("isValidIpV6(srcAddr)", [2]),
        ("isValidIp(srcAddr) and not isValidIpV6(srcAddr)", [0, 1]),
        ("@timestamp >= 1767323047678", [2, 3]),
        ("@timestamp = 1767323047678", [2]),
        ("@message like /instance/ AND @log like 'crm'", [3]),
        ("duration * 2 > 4000", [0]),
        ("true", [0, 1, 2, 3]),
        ("false", []),
        ("nothing", []),
        ("nothing > 1", []),
        ("f1 > 'B'", [0, 1, 2]),
    ],
)
def test_events_are_filtered(condition, found):
    rows = column(f"filter {condition} | sort @timestamp asc | display @message", JSON)
    assert rows == [JSON[number] for number in found]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("7 - 2 - 1", "4"),
        ("2 ^ 3", "8"),
        ("2 ^ 3 ^ 0", "2"),
        ("10 % 3", "1"),
        ("7/2", "3.5"),
        ("2/3", "0.6667"),
        ("-3 + 1", "-2"),
        ("1/0", None),
        ("0 ^ -1", None),
        ("10 ^ 999", None),
        ("9 ^ 0.5", "3"),
        ("'a' + 1", None),
        ("'2' + 1", "3"),
        ("1.5e3", "1500"),
        ("abs(-3.25)", "3.25"),
        ("ceil(1.2)", "2"),
        ("floor(-1.2)", "-2"),
        ("greatest(1, 10, 9)", "10"),
        ("least(3, '2', 10)", "2"),
        ("log(1)", "0"),
        ("log(-1)", None),
        ("sqrt(16)", "4"),
        ("sqrt(-1)", None),
        ("coalesce(nothing, 'x')", "x"),
        ("concat('a', 1, nothing, \"b\")", "a1b"),
        ("ltrim('xyZfooxyZ', 'xyZ')", "fooxyZ"),
        ("rtrim('xyZfooxyZ', 'xyZ')", "xyZfoo"),
        ("trim('xyZfooxyZ', 'xyZ')", "foo"),
        ("trim('  a ')", "a"),
        ("strlen('añ😀')", "3"),
        ("toupper('aß')", "ASS"),
        ("tolower('ÀB')", "àb"),
        ("substr('xyZfooxyZ', 3, 3)", "foo"),
        ("substr('xyZfooxyZ', 6)", "xyZ"),
        ("replace('foo', 'o', '0')", "f00"),
        ("strcontains('foo', 'bar')", "0"),
        ("ispresent(@message)", "1"),
        ("1 = 1.0", "1"),
        ("toMillis(@timestamp)", str(T0)),
        ("fromMillis(1000)", "1970-01-01 00:00:01.000"),
        ("fromMillis('soon')", None),
        ("bin(1m)", "2026-01-02 03:04:00.000"),
        ("bin(1 hour)", "2026-01-02 03:00:00.000"),
        ("bin(30s)", "2026-01-02 03:04:00.000"),
        ("bin(500ms)", "2026-01-02 03:04:05.500"),
        ("bin(1d)", "2026-01-02 00:00:00.000"),
        ("bin(1w)", "2025-12-29 00:00:00.000"),
        ("bin(1mo)", "2026-01-01 00:00:00.000"),
        ("bin(1q)", "2026-01-01 00:00:00.000"),
        ("bin(2yrs)", "2026-01-01 00:00:00.000"),
        ("datefloor(@timestamp, 1h)", "2026-01-02 03:00:00.000"),
        ("dateceil(@timestamp, 1h)", "2026-01-02 04:00:00.000"),
        ("dateceil(fromMillis(3600000), 1h)", "1970-01-01 01:00:00.000"),
        ("dateceil(@timestamp, 1mon)", "2026-02-01 00:00:00.000"),
        ("now()", "17"),
        ("jsonless.a.b", None),
        ("'it\\'s \\\"so\\\"\\n'", 'it\'s "so"\n'),
        ('"a|b # c"', "a|b # c"),
    ],
)
def test_expressions_have_values(expression, value):
    (row,) = ask(f"fields {expression} as x, 1 as one", ["m"], now_s=17)
    assert row.get("x") == value


def test_an_expression_without_a_name_is_called_what_was_written():
    assert ask("fields abs( -2 ), @message", ["m"]) == [{"abs( -2 )": "2", "@message": "m"}]


def test_fields_add_up_and_the_last_display_wins():
    assert ask("fields a | fields b", ['{"a": 1, "b": 2}']) == [{"a": "1", "b": "2"}]
    assert ask("fields a | display b | display a, b as c", ['{"a": 1, "b": 2}']) == [{"a": "1", "c": "2"}]


def test_a_glob_parses():
    query = 'parse @message "[*] * The error was: *" as level, config, exception | display level, config, exception'
    assert ask(query, [LINE]) == [PARSED]


def test_a_regular_expression_parses():
    query = r"parse @message /\[(?<level>\S+)\]\s+(?<config>\{.*\})\s+The error was: (?<exception>\S+)/"
    assert ask(f"{query} | display level, config, exception", [LINE]) == [PARSED]


def test_parsed_fields_are_shown():
    assert ask('fields @timestamp | parse @message "id=*" as id', ["id=7"]) == [
        {"@timestamp": "2026-01-02 03:04:05.678", "id": "7"}
    ]


def test_a_line_that_does_not_parse_has_no_such_fields():
    assert ask('parse @message "id=*" as id | filter ispresent(id) | display id', ["id=7\n", "other"]) == [{"id": "7"}]


def test_awss_example_of_parse_and_display():
    query = """FIELDS @message
        | PARSE @message "* [*] *" as loggingTime, loggingType, loggingMessage
        | FILTER loggingType IN ["ERROR", "INFO"]
        | DISPLAY loggingMessage, loggingType = "ERROR" as isError"""
    assert ask(query, ["10:00 [INFO] fine", "10:01 [ERROR] bad", "10:02 [DEBUG] x"]) == [
        {"loggingMessage": "bad", "isError": "1"}, {"loggingMessage": "fine", "isError": "0"},
    ]  # fmt: skip


def test_awss_example_of_parse_and_stats():
    query = """parse @message "user=*, method:*, latency := *" as @user,
        @method, @latency | stats avg(@latency) by @method,
        @user"""
    lines = [f"user={user}, method:{method}, latency := {ms}" for user, method, ms in
             [("bob", "GET", 10), ("bob", "GET", 20), ("eve", "PUT", 5)]]  # fmt: skip
    assert ask(query, lines) == [
        {"@method": "PUT", "@user": "eve", "avg(@latency)": "5"},
        {"@method": "GET", "@user": "bob", "avg(@latency)": "15"},
    ]


def test_an_execution_log_of_api_gateway_parses():
    query = 'parse @message "(*) *" as reqId, line | filter line like /Execution failed/ | display reqId, line'
    lines = ["(a-1) Starting execution\n", "(a-1) Execution failed due to configuration error\n"]
    assert ask(query, lines) == [{"reqId": "a-1", "line": "Execution failed due to configuration error"}]


def test_awss_report_of_memory():
    query = """filter @type = "REPORT"
    | stats max(@memorySize / 1024 / 1024) as provisonedMemoryMB,
        min(@maxMemoryUsed / 1024 / 1024) as smallestMemoryRequestMB,
        avg(@maxMemoryUsed / 1024 / 1024) as avgMemoryUsedMB,
        max(@maxMemoryUsed / 1024 / 1024) as maxMemoryUsedMB,
        provisonedMemoryMB - maxMemoryUsedMB as overProvisionedMB"""
    assert ask(query, LAMBDA) == [{
        "provisonedMemoryMB": "122.0703", "smallestMemoryRequestMB": "54.3594", "avgMemoryUsedMB": "56.2668",
        "maxMemoryUsedMB": "58.1741", "overProvisionedMB": "63.8962",
    }]  # fmt: skip


def test_awss_report_of_latency():
    query = 'filter @type = "REPORT" |\n stats avg(@duration), max(@duration), min(@duration) by bin(5m)'
    assert ask(query, LAMBDA) == [{
        "bin(5m)": "2026-01-02 03:00:00.000", "avg(@duration)": "1506.17", "max(@duration)": "3000",
        "min(@duration)": "12.34",
    }]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("fields @logStream, @message | filter @message like /nightly/ | sort @timestamp asc | limit 200", [2]),
        (f'fields @requestId, @message | filter strcontains(@message, "{TWO}") | sort @timestamp desc', [6, 5]),
        (f'fields @timestamp, @message | filter @requestId = "{ONE}" | sort @timestamp asc', [1, 2, 3, 4]),
        ("fields @message | filter @message not like /RequestId|RequestID/ | sort @timestamp asc", [0, 2, 5]),
        ("fields @timestamp, @message | sort @timestamp desc | limit 2", [6, 5]),
    ],
)
def test_queries_people_use(query, found):
    assert [row["@message"] for row in ask(query, LAMBDA)] == [LAMBDA[number] for number in found]


def test_counts_of_timeouts_by_hour():
    query = "filter @message like /Task timed out|Status: timeout/ | stats count(*) by bin(1h)"
    assert ask(query, LAMBDA) == [{"bin(1h)": "2026-01-02 03:00:00.000", "count(*)": "2"}]
    whole = """filter @type = "REPORT" | stats max(@memorySize/1000/1000), max(@maxMemoryUsed/1000/1000),
        pct(@duration,95), count(*) by bin(5m)"""
    assert list(ask(whole, LAMBDA)[0].values()) == ["2026-01-02 03:00:00.000", "128", "61", "3000", "2"]


NUMBERED = [
    json.dumps({"n": n, "k": k, "t": t}) for n, k, t in [(1, "a", "x9"), (2, "a", "x10"), (4, "b", "X"), (9, "a", "x")]
]


@pytest.mark.parametrize(
    ("aggregate", "value"),
    [
        ("count(*)", "5"), ("count()", "5"), ("count(n)", "4"), ("count_distinct(k)", "2"), ("sum(n)", "16"),
        ("avg(n)", "4"), ("min(n)", "1"), ("max(n)", "9"), ("pct(n, 50)", "2"), ("pct(n, 95)", "9"),
        ("pct(n, 0)", "1"), ("pct(n, 101)", None), ("stddev(n)", "3.0822"), ("earliest(n)", "1"), ("latest(n)", "9"),
        ("sortsFirst(t)", "X"), ("sortsLast(t)", "x10"), ("max(t)", "x10"), ("min(nothing)", None), ("avg(k)", None),
        ("max(n) - min(n)", "8"), ("sum(n) / count(n)", "4"), ("abs(min(n) - 3)", "2"), ("sum(n * 2)", "32"),
        ("concat(latest(k), '!')", "a!"),
        ("max(@timestamp)", "2026-01-02 03:04:09.678"),
    ],
)  # fmt: skip
def test_rows_are_aggregated(aggregate, value):
    (row,) = ask(f"stats {aggregate} as x, count(*) as all", [*NUMBERED, "no JSON"])
    assert row.get("x") == value


GREAT = [json.dumps({"x": 1e308, "y": 999_999_999_999_999, "z": "1e999"})] * 2


@pytest.mark.parametrize(
    "query",
    ["stats sum(x) as n", "stats avg(x) as n", "stats stddev(x) as n", "stats sum(z) as n", "fields z + 1 as n",
     "fields x * 10 as n", f"fields {'*'.join('y' * 30)} as n", "fields x * y as n", "fields 2 ^ 9999 as n"],
)  # fmt: skip
def test_a_number_too_great_to_be_one_is_not_there(query):
    assert all("n" not in row for row in ask(query, GREAT))


def test_a_period_too_long_is_none():
    with pytest.raises(Malformed, match="unexpected symbol found 9999"):
        Query(f"stats count(*) by bin({'9' * 5000}m)")


def test_groups_come_first_in_a_row_and_as_they_are_met():
    assert ask("filter ispresent(k) | stats sum(n) as total, count(*) by k as kind", NUMBERED) == [
        {"kind": "a", "total": "12", "count(*)": "3"}, {"kind": "b", "total": "4", "count(*)": "1"},
    ]  # fmt: skip


def test_what_is_missing_is_a_group_too():
    assert ask("stats count(*) as c by k | sort c desc", [*NUMBERED, "x", "y"])[1] == {"c": "2"}


def test_stats_of_stats():
    query = "stats count(*) as c by k | stats max(c) as most, count(*) as kinds | fields most * 2 as double"
    assert ask(query, NUMBERED) == [{"most": "3", "kinds": "2", "double": "6"}]


def test_stats_over_nothing_are_no_row():
    assert ask("filter n = 77 | stats count(*)", NUMBERED) == []


def test_sorting_is_natural():
    """AWS: what is not a number comes first, digits in a text by length and value, missing values before all."""
    lines = [json.dumps({"v": v}) for v in ["x10", 10, "x9", "9", "a", 1.5]] + ["none"]
    ascending = [None, "a", "x9", "x10", "1.5", "9", "10"]
    assert column("sort v asc | display v", lines) == column("sort v | display v", lines) == ascending
    assert column("sort v desc | display v", lines) == ascending[::-1]


def test_sorting_by_two_fields():
    assert column("sort k asc, n desc | display n", NUMBERED) == ["9", "2", "1", "4"]


def test_duplicates_leave_and_nulls_stay():
    assert column("fields n | sort @timestamp asc | dedup k", NUMBERED) == ["1", "4"]
    assert column("fields n | dedup k | limit 1", NUMBERED) == ["9"]
    assert len(ask("dedup k", [*NUMBERED, "x", "y"])) == 4
    assert column("fields n | sort n asc | dedup k, t", NUMBERED) == ["1", "2", "4", "9"]


def test_limits():
    assert len(ask("limit 2", NUMBERED)) == 2
    assert len(ask("fields n", NUMBERED, limit=3)) == 3
    assert len(ask("limit 3", NUMBERED, limit=2)) == 2
    assert len(ask(f"limit {'9' * 5000}", NUMBERED)) == 4


def test_matched_is_what_passed_the_filters():
    records = [Record("1:g", Event(T0, n, T0, line, "s")) for n, line in enumerate(NUMBERED)]
    assert Query("filter n > 1 | stats count(*) by k | limit 1").run(records, 10).matched == 3


def test_comments_are_left_out():
    assert ask("fields n # the number\n # | filter n = 99\n | filter n = 1", NUMBERED) == [{"n": "1"}]


@pytest.mark.parametrize(
    ("query", "sentence", "start", "end"),
    [
        ("", "unexpected symbol found <EOF> at line 1 and position 0", 0, 0),
        ("fields", "unexpected symbol found <EOF> at line 1 and position 6", 6, 6),
        ("stats count(*) by bin(1d) | sort bin(1d)", "unexpected symbol found ( at line 1 and position 36", 36, 37),
        ("fields @message | filter @message like /x/i", "unexpected symbol found i at line 1 and position 42", 42, 43),
        ("fieldz x", "unexpected symbol found fieldz at line 1 and position 0", 0, 6),
        ("fields a\n| bad x", "unexpected symbol found bad at line 2 and position 2", 11, 14),
        ("filter s = system:x", "unexpected symbol found : at line 1 and position 17", 17, 18),
        ("dedup a | limit 5 | sort a", "unexpected symbol found sort at line 1 and position 20", 20, 24),
        ("dedup a | sort a", "unexpected symbol found sort at line 1 and position 10", 10, 14),
        ("fields nosuch(a)", "unexpected symbol found ( at line 1 and position 13", 13, 14),
        ("fields abs(a, b)", "unexpected symbol found ( at line 1 and position 10", 10, 11),
        ("filter count(*) > 1", "unexpected symbol found ( at line 1 and position 12", 12, 13),
        ("stats count(*) by bin(5)", "unexpected symbol found 5 at line 1 and position 22", 22, 23),
        ("stats count(*) by bin(5 parsecs)", "unexpected symbol found 5 parsecs at line 1 and position 22", 22, 31),
        ("fields 5m", "unexpected symbol found m at line 1 and position 8", 8, 9),
        ("filter a = 1 |", "unexpected symbol found <EOF> at line 1 and position 14", 14, 14),
        ('parse @message "*" as x | fields x', "Ephemeral field is already defined: x", 33, 34),
        ("stats max(a) as a | stats min(a) as a", "Ephemeral field is already defined: a", 36, 37),
        ('parse @message "* *" as x', "The number of fields must be the number of captures", 24, 25),
        ("filter a like /(/", "Invalid regular expression: missing ), unterminated subpattern at position 0", 14, 17),
    ],
)
def test_a_query_that_is_none_is_refused_in_awss_words(query, sentence, start, end):
    with pytest.raises(Malformed) as refused:
        Query(query)
    assert (refused.value.message, refused.value.start, refused.value.end) == (sentence, start, end)


@pytest.mark.parametrize("command", ["pattern @message", "unmask @message", "anomaly", "SOURCE logGroups(class: [])"])
def test_a_command_that_is_not_served_is_named(command):
    with pytest.raises(Unserved) as refused:
        Query(f"fields @message | {command}")
    assert refused.value.command == command.split()[0].lower()


SCRAPS = [
    *"|,()[]1=<+-*/%^#\nx", "fields", "filter", "stats", "by", "sort", "limit", "parse", "dedup", "display", "as",
    "and", "or", "not", "in", "like", "asc", "source", "@message", "a.b", "`x y`", "'s'", '"*"', "/r/", "2.5", "5m",
    "bin(1h)", "count(*)", "abs(", "=~", "!=",
]  # fmt: skip


@given(st.one_of(st.text(), st.lists(st.sampled_from(SCRAPS)).map(" ".join)))
@example("filter " + "(" * 4000 + "1" + ")" * 4000)
@example("filter " + "not " * 2000 + "1")
@example("fields " + "-" * 3000 + "1")
@example("fields " + "abs(" * 1000 + "1" + ")" * 1000)
@example("fields 9 ^ 9 ^ 9 ^ 9 ^ 9")
@example("fields 1" + "+1" * 3000)
@example("parse @message /(?<n>a)(?<n>b)/")
@example("limit 99999999999999999999999")
@example("fields bin(999999mo)")
@example("fields dateceil(9999999999999999, 1y)")
def test_any_text_is_a_query_or_is_refused(query):
    records = [Record("1:g", Event(T0, n, T0, line, "s")) for n, line in enumerate([*JSON, *LAMBDA, ""])]
    with contextlib.suppress(Unserved, Malformed):
        Query(query).run(records, 100)


@given(st.text())
def test_any_message_can_be_searched(message):
    (row,) = ask("fields @message, @requestId, @duration, a.b | filter @message like ''", [message or "x"])
    assert row["@message"] == (message or "x")


@given(st.text(st.characters(categories=("L", "N")), min_size=1), st.text())
def test_a_text_that_is_there_is_found(part, message):
    assert len(ask(f"filter @message like '{part}'", [message + part])) == 1
    assert bool(ask(f"filter @message like '{part}'", [message or "x"])) is (part in (message or "x"))


PERIODS = ["1ms", "7s", "5m", "3h", "2d", "1w", "1mo", "5mon", "1q", "1y"]


@given(st.integers(0, 4_102_444_800_000), st.sampled_from(PERIODS))
def test_a_moment_is_between_its_floor_and_its_ceiling(moment, written):
    step = times.period(written)
    low, high = times.floor(moment, step), times.ceiling(moment, step)
    assert low <= moment <= high
    assert times.floor(low, step) == low == times.ceiling(low, step)
    assert low == moment or times.floor(high, step) == high
    assert EPOCH.year == 1970
