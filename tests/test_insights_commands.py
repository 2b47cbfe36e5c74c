"""Logs Insights' commands and whole queries, line by line as AWS's pages show them."""

import contextlib
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from insights_lines import JSON, LAMBDA, ONE, T0, TWO, ask, column

from emulator.aws.services.logs.insights.query import Query, Unserved
from emulator.aws.services.logs.insights.records import Record
from emulator.aws.services.logs.insights.values import Malformed
from emulator.aws.services.logs.reading import Event

LINE = "25 May 2019 10:24:39,474 [ERROR] {foo=2, bar=data} The error was: DataIntegrityException\n"
PARSED = {"level": "ERROR", "config": "{foo=2, bar=data}", "exception": "DataIntegrityException"}


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
