"""Logs Insights' fields, conditions and functions, as AWS's pages show them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from insights_lines import GROUP, JSON, LAMBDA, ONE, STREAM, T0, TWO, ask, column

from emulator.aws.services.logs.insights import times
from emulator.aws.services.logs.insights.query import Query
from emulator.aws.services.logs.insights.records import Record
from emulator.aws.services.logs.insights.values import EPOCH
from emulator.aws.services.logs.reading import Event


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
