"""Filter patterns, line by line as AWS's pages show them."""

import contextlib
import json
import re
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator.aws.services.logs.filter_pattern import InvalidPattern, matcher

ERROR_WARN, ERROR, WARN = "ERROR WARN message", "ERROR message", "WARN message"
TRAIL = json.dumps({
    "eventType": "UpdateTrail", "sourceIPAddress": "111.111.111.111", "arrayKey": ["value", "another value"],
    "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}], "SomeObject": None, "ThisFlag": True,
    "detail-type": "Scheduled", "cluster.name": "c1", "code": "404", "empty": "", "nested": {"a.b": 5},
})  # fmt: skip
USERS = json.dumps({
    "user": {"id": 1, "email": "John.Stiles@example.com"},
    "users": [{"id": 2, "email": "John.Doe@example.com"}, {"id": 3, "email": "Jane.Doe@example.com"}],
    "actions": ["GET", "PUT", "DELETE"], "coordinates": [[0, 1, 2], [4, 5, 6], [7, 8, 9]],
})  # fmt: skip
NUMBERS = json.dumps({
    "latency": 1000.5, "numbers": [0.005, 2], "processes": [{}, {"averageRuntime": 55.5}], "errorCode": 400,
})  # fmt: skip
GIF = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /apache_pb.gif HTTP/1.0" 200 1534'
HTML = '127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 900'
TIMEOUT = "2025-01-02T03:04:05.678Z 8d3f5f2a-0000-4000-8000-000000000001 Task timed out after 3.00 seconds\n"
REPORT = (
    "REPORT RequestId: 8d3f5f2a-0000-4000-8000-000000000001\tDuration: 3000.00 ms\tBilled Duration: 3000 ms\t"
    "Memory Size: 128 MB\tMax Memory Used: 40 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n"
)
DENIED = "botocore.exceptions.ClientError: ... User: arn:aws:sts::1:assumed-role/r/f is not authorized to perform: x"
PLATFORM = json.dumps({"type": "platform.report", "record": {"status": "timeout"}})


def names(pattern, messages):
    return [number for number, message in enumerate(messages) if matcher(pattern)(message)]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("", [0, 1, 2]),
        (" ", [0, 1, 2]),
        ('" "', [0, 1, 2]),
        ('""', [0, 1, 2]),
        ("ERROR", [0, 1]),
        ("error", []),
        ("?ERROR ?WARN", [0, 1, 2]),
        ("ERROR WARN", [0]),
        ("WARN ERROR", [0]),
        ("ERROR -WARN", [1]),
        ('"ERROR" - "WARN"', [1]),
        ("-ERROR", [2]),
        ("-ERROR -WARN", []),
        ("?ERROR message -WARN", [1]),
        ('"ERROR message"', [1]),
        ('"R m"', [1]),
        ("RRO", [0, 1]),
        ("%ERROR|WARN%", [0, 1, 2]),
        ("%^WARN%", [2]),
        ("-%^WARN%", [0, 1]),
        (r"%^\w+\sm%", [1, 2]),
        ("?%^WARN% ?ERROR", [0, 1, 2]),
    ],
)
def test_terms_are_found(pattern, found):
    assert names(pattern, [ERROR_WARN, ERROR, WARN]) == found


def test_a_term_is_found_inside_a_word_as_in_awss_examples():
    assert names("ERROR", ["[ERROR] A fatal exception has occurred", "Exiting with ERRORCODE: -1"]) == [0, 1]
    both = ["[ERROR] Caught IllegalArgumentException", "[ERROR] Unhandled Exception", "Exception"]
    assert names("ERROR Exception", both) == [0, 1]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ('"Task timed out"', [0]),
        ('"Status: timeout"', []),
        ('"Error Type: Runtime.OutOfMemory"', [1]),
        ('"Runtime exited with error"', []),
        ('"Process exited before completing request"', []),
        ('"is not authorized to perform"', [2]),
        ("botocore", [2]),
        ('"8d3f5f2a-0000-4000-8000-000000000001"', [0, 1]),
        ("?ERROR ?Exception ?Traceback", []),
        ("?ERROR ?exceptions ?timed", [0, 2]),
        ('{ $.type = "platform.report" && $.record.status != "success" }', [3]),
        ('{ $.requestId = "1" }', []),
    ],
)
def test_what_people_search_for_in_the_log_of_a_function(pattern, found):
    assert names(pattern, [TIMEOUT, REPORT, DENIED, PLATFORM]) == found


@pytest.mark.parametrize(
    ("pattern", "event", "matches"),
    [
        ('{ $.eventType = "UpdateTrail" }', TRAIL, True),
        ("{ $.eventType = UpdateTrail }", TRAIL, True),
        ('{ $.eventType = "updatetrail" }', TRAIL, False),
        ('{ $.eventType = "*Trail" }', TRAIL, True),
        ("{ $.eventType = Update* }", TRAIL, True),
        ("{ $.eventType = *date* }", TRAIL, True),
        ("{ $.eventType = Up*rail }", TRAIL, False),
        ("{ $.eventType = * }", TRAIL, True),
        ("{ $.eventType = %^Up.*rail$% }", TRAIL, True),
        ("{ $.eventType != %Trail% }", TRAIL, False),
        ("{ $.empty = * }", TRAIL, True),
        ('{ $.empty = "" }', TRAIL, True),
        ("{ $.sourceIPAddress != 123.123.* }", TRAIL, True),
        ("{ $.sourceIPAddress = 111.111.* }", TRAIL, True),
        ('{ $.arrayKey[0] = "value" }', TRAIL, True),
        ('{ $.arrayKey[1] = "value" }', TRAIL, False),
        ('{ $.arrayKey[7] = "value" }', TRAIL, False),
        ('{ $.arrayKey[*] = "another value" }', TRAIL, True),
        ('{ $.eventType[0] = "U" }', TRAIL, False),
        ("{ $.objectList[1].id = 2 }", TRAIL, True),
        ('{ $.objectList[1].id = "2" }', TRAIL, True),
        ("{ $.objectList[*].id = 1 }", TRAIL, True),
        ("{ $.SomeObject IS NULL }", TRAIL, True),
        ("{ $.eventType IS NULL }", TRAIL, False),
        ("{ $.Nothing IS NULL }", TRAIL, False),
        ("{ $.SomeOtherObject NOT EXISTS }", TRAIL, True),
        ("{ $.SomeObject NOT EXISTS }", TRAIL, False),
        ("{ $.ThisFlag IS TRUE }", TRAIL, True),
        ("{ $.ThisFlag IS FALSE }", TRAIL, False),
        ("{ $.ThisFlag = true }", TRAIL, True),
        ('{ $.detail-type = "Scheduled" }', TRAIL, True),
        ('{ $.["cluster.name"] = "c1" }', TRAIL, True),
        ("{ $['cluster.name'] = c1 }", TRAIL, True),
        ("{ $.nested.['a.b'] = 5 }", TRAIL, True),
        ("{ $.code = 404 }", TRAIL, True),
        ("{ $.code >= 400 }", TRAIL, True),
        ("{ $.eventType > 1 }", TRAIL, False),
        ("{ $.eventType != 1 }", TRAIL, True),
        ("{ $.Nothing != 1 }", TRAIL, False),
        ("{ $.objectList = * }", TRAIL, False),
        ("{ $.objectList != 1 }", TRAIL, False),
        ('{ ($.user.id = 1) && ($.users[0].email = "John.Doe@example.com") }', USERS, True),
        ('{ ($.user.id = 2 && $.users[0].email = "nonmatch") || $.actions[2] = "GET" }', USERS, False),
        (
            '{ $.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch && $.actions[2] = nomatch }',
            USERS,
            True,
        ),
        (
            '{ ($.user.email = "John.Stiles@example.com" || $.coordinates[0][1] = nonmatch) && $.actions[2] = no }',
            USERS,
            False,
        ),
        ("{ $.coordinates[1][2] = 6 }", USERS, True),
        ("{ $.latency >= 500 }", NUMBERS, True),
        ("{ $.numbers[0] < 10e3 }", NUMBERS, True),
        ("{ $.numbers[0] < 10e-3 }", NUMBERS, True),
        ("{ $.numbers[0] < 1e-3 }", NUMBERS, False),
        ("{ $.processes[1].averageRuntime <= 55.5 }", NUMBERS, True),
        ("{ $.errorCode = 400 }", NUMBERS, True),
        ("{ $.errorCode != 500 }", NUMBERS, True),
        ("{ $.latency > +1000 }", NUMBERS, True),
        ("{ $.latency > -1000 }", NUMBERS, True),
        ("{$.latency>1000&&$.errorCode=4*}", NUMBERS, True),
        ("{ $.a = 1 }", "not JSON: {", False),
        ("{ $.a NOT EXISTS }", "not JSON: {", False),
        ("{ $.a NOT EXISTS }", "{broken", False),
        ("{ $[1] = 2 }", "[1, 2]", True),
        ("{ $.a = 1 }", ' \n{"a": 1}\n', True),
    ],
)
def test_json_members_are_compared(pattern, event, matches):
    assert matcher(pattern)(event) is matches


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("[ip, user, username, timestamp, request, status_code, bytes]", [0, 1]),
        ("[ip, user, username, timestamp, request, status_code]", []),
        ("[ip, user, username, timestamp, request, status_code, bytes, more]", []),
        ("[..., status_code, bytes]", [0, 1, 2]),
        ("[ip, user, ..., status_code, bytes]", [0, 1]),
        ("[ip, user, ...]", [0, 1, 2]),
        ("[ip, user, …]", [0, 1, 2]),
        ("[...]", [0, 1, 2]),
        ("[ip, user, username, timestamp, request, status_code, bytes > 1000]", [0]),
        ("[ip, user, username, timestamp, request, status_code = 200, bytes]", [0]),
        ("[ip, user, username, timestamp, request, status_code = 4*, bytes]", [1]),
        ("[ip, user, username, timestamp, request = *html*, status_code = 4*, bytes]", [1]),
        ("[ip, user, username, timestamp, request, status_code = 4* && status_code != 403, bytes]", [1]),
        ("[ip, user, username, timestamp, request, status_code = 200 || status_code = 404, bytes]", [0, 1]),
        ("[..., request=*.html*, status_code=4*,]", [1]),
        ("[ip=%127\\.0\\.0\\.[1-9]%, ...]", [0, 1]),
        ('[..., timestamp = "10/Oct/2000:13:25:15 -0700", request, , bytes]', [0, 1]),
        ("[..., bytes < 1000]", [1]),
        ("[first = a, second = b]", [2]),
        ("[first = a || (first = b && first != c), ...]", [2]),
        ("[..., word = frank, ...]", [0, 1]),
    ],
)
def test_words_are_compared(pattern, found):
    assert names(pattern, [GIF, HTML, "a b\n"]) == found


@pytest.mark.parametrize(("pattern", "found"), [("[w1=ERROR, w2]", [1]), ("[w1=ERROR || w1=WARN, w2]", [1, 2])])
def test_words_of_awss_examples(pattern, found):
    assert names(pattern, [ERROR_WARN, ERROR, WARN]) == found


def test_the_words_of_a_report_are_split_at_tabs_too():
    pattern = '[name="REPORT", label="RequestId:", id, duration="Duration:", ms > 2999, unit="ms", ...]'
    assert matcher(pattern)(REPORT)


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("{ $.a = 1", "If a filter pattern starts with '{' it must end with '}'"),
        ("{", "If a filter pattern starts with '{' it must end with '}'"),
        ("[time, level=ERROR, msg", "If a filter pattern starts with '[' it must end with ']'"),
        ("email@domain.com", "Invalid character(s) in term '@'"),
        ("?Status: timeout", "Invalid character(s) in term ':'"),
        ("`ERROR", "Invalid character(s) in term '`'"),
        ("failed (again)", "Invalid character(s) in term '('"),
        ('{ $."sc-status" = 5* }', "Invalid character(s) in term '$.\"'"),
        ('{ $.message = "error-response", $.path = "/authenticate" }', "Invalid character(s) in term ','"),
        ("%something!%", "Invalid character(s) in term '!'"),
        ("%(a|b)%", "Invalid character(s) in term '('"),
        ("%a b%", "Invalid character(s) in term ' '"),
        ("[ip, user, request, status_code = 4* && bytes > 1000]", "Invalid filter pattern"),
        ("{ $.a IS NOT NULL }", "Invalid filter pattern"),
        ("{ $.a EXISTS }", "Invalid filter pattern"),
        ("{ $.a > abc }", "Invalid filter pattern"),
        ('{ $.a > "1" }', "Invalid filter pattern"),
        ("{ $.a = }", "Invalid filter pattern"),
        ("{ }", "Invalid filter pattern"),
        ("{ a = 1 }", "Invalid filter pattern"),
        ("%a% %b% %c%", "Invalid filter pattern"),
        ("%a{2,1}%", "Invalid filter pattern"),
        ("%%", "Invalid filter pattern"),
    ],
)
def test_a_pattern_that_is_none_is_refused_in_awss_words(pattern, sentence):
    with pytest.raises(InvalidPattern, match=f"^{re.escape(sentence)}$"):
        matcher(pattern)


SCRAPS = [
    *'{}[]()$.=<"%*-?,x\\ü \n', "$.a", "...", "&&", "||", "!=", "IS NULL", "NOT EXISTS", '"a b"', "%a+%", "1e3", "[*]",
]  # fmt: skip


@given(st.one_of(st.text(), st.lists(st.sampled_from(SCRAPS)).map("".join),
                 st.lists(st.sampled_from(SCRAPS)).map(lambda s: "{" + " ".join(s) + "}"),
                 st.lists(st.sampled_from(SCRAPS)).map(lambda s: "[" + " ".join(s) + "]")), st.text())  # fmt: skip
@example("{" + "(" * 400 + "$.a=1" + ")" * 400 + "}", '{"a":1}')
@example("{$.a=1}", "[" * 100_000)
@example("%a{99999999999}%", "a")
@example("[" * 3 + "]", "a")
def test_any_text_is_a_pattern_or_is_refused(pattern, message):
    with contextlib.suppress(InvalidPattern):
        assert matcher(pattern)(message) in (True, False)


WORDS = st.text(st.characters(categories=("L", "N")), min_size=1)


@given(WORDS, st.text(), st.text())
def test_a_quoted_phrase_is_found_if_and_only_if_it_is_there(phrase, before, after):
    assert matcher(f'"{phrase}"')(before + phrase + after)
    assert matcher(f'"{phrase}"')(before) is (phrase in before)
    assert matcher(f'-"{phrase}"')(before) is (phrase not in before)


@given(st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(str.strip), st.text())
def test_any_text_can_be_searched_for_when_it_is_escaped(text, message):
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    assert matcher(f'"{escaped}"')(message) is (text in message)
    assert matcher(f'"{escaped}"')(message + text)


@given(st.lists(WORDS, min_size=1, max_size=5), st.text())
def test_the_order_of_terms_means_nothing(words, message):
    quoted = [f'"{word}"' for word in words]
    assert matcher(" ".join(quoted))(message) is matcher(" ".join(quoted[::-1]))(message)


def test_lark_is_loaded_by_the_first_pattern_only():
    code = "import sys, emulator.aws.services.logs; print('lark' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
