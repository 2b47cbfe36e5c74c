"""Invocations for real: every way to end, freezing, and every byte printed. On each real engine."""

from __future__ import annotations

import json
import re

import pytest
from lambda_fixtures import invoke
from life_rig import AT_ONCE_S, LIFE, made, words

pytest_plugins = ["life_rig"]  # fixtures: api, engine_rig, life


# --- how an invocation can end ----------------------------------------------------------------------------


def test_an_exception_keeps_the_environment(api, life):
    first, _, _ = invoke(api, life)
    payload, error, log = invoke(api, life, {"do": "raise"})
    assert error == "Unhandled"
    assert (payload["errorMessage"], payload["errorType"]) == ("wrong", "ValueError")
    assert re.fullmatch(r'  File "/var/task/app.py", line \d+, in handler\n    raise ValueError\("wrong"\)\n',
                        payload["stackTrace"][0])  # fmt: skip
    assert "[ERROR] ValueError: wrong\nTraceback (most recent call last):\n" in log
    assert invoke(api, life)[0]["pid"] == first["pid"]


ENDS = [
    ({"do": "exit", "code": 0}, "Runtime exited without providing a reason"),
    ({"do": "exit", "code": 3}, "Runtime exited with error: exit status 3"),
    ({"do": "sys.exit", "code": 4}, "Runtime exited with error: exit status 4"),
    ({"do": "kill", "signal": 9}, "Runtime exited with error: signal: killed"),
    ({"do": "kill", "signal": 11}, "Runtime exited with error: signal: segmentation fault (core dumped)"),
    ({"do": "orphan"}, "Runtime exited with error: exit status 3"),
]


@pytest.mark.parametrize(("event", "cause"), ENDS, ids=["-".join(map(str, e.values())) for e, _ in ENDS])
def test_a_death_is_seen_at_once_and_the_next_one_works(engine_rig, api, life, event, cause):
    invoke(api, life)
    begin = engine_rig.clock.monotonic()
    payload, error, log = invoke(api, life, event)
    assert engine_rig.clock.monotonic() - begin < AT_ONCE_S
    assert (error, payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert payload["errorMessage"].partition(" Error: ")[2] == cause
    assert log.endswith("\tStatus: error\tError Type: Runtime.ExitError\n")
    assert int(re.search(r"Max Memory Used: (\d+) MB", log)[1]) > 0
    after, error, log = invoke(api, life)
    assert (error, after["n"]) == ("", 1)
    assert words(log)[0] == "INIT_START"


def test_the_kernel_kills_what_takes_more_than_its_memory(engine_rig, api, request):
    for name in made(api, request, LIFE, MemorySize=192, Timeout=30):
        begin = engine_rig.clock.monotonic()
        payload, error, log = invoke(api, name, {"do": "allocate", "mb": 400})
        assert engine_rig.clock.monotonic() - begin < 25
        assert (error, payload["errorType"]) == ("Unhandled", "Runtime.OutOfMemory")
        assert payload["errorMessage"].endswith(" Error: Runtime exited with error: signal: killed")
        assert "\tMemory Size: 192 MB\tMax Memory Used: 192 MB\t" in log
        assert log.endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\n")
        after, error, log = invoke(api, name, {"do": "allocate", "mb": 64})
        assert (after, error, words(log)[0]) == (64 << 20, "", "INIT_START")
        assert 64 <= int(re.search(r"Max Memory Used: (\d+) MB", log)[1]) < 192
        small = int(re.search(r"Max Memory Used: (\d+) MB", invoke(api, name)[2])[1])
        assert small < 64, "the peak is the invocation's own"


def test_a_timeout_kills_at_the_limit_and_the_next_one_is_fresh(engine_rig, api, request):
    for name in made(api, request, LIFE, Timeout=1):
        invoke(api, name)
        begin = engine_rig.clock.monotonic()
        payload, error, log = invoke(api, name, {"do": "sleep", "s": 30})
        assert 1 <= engine_rig.clock.monotonic() - begin < 1 + AT_ONCE_S
        assert (error, payload["errorType"]) == ("Unhandled", "Sandbox.Timedout")
        assert re.search(r"\tDuration: 1000\.00 ms\tBilled Duration: 1000 ms\t.*\tStatus: timeout\n$", log)
        assert "Task timed out" not in log
        after, error, _ = invoke(api, name)
        assert (error, after["n"]) == ("", 1)


def test_a_response_that_is_too_large(api, request):
    source = "def handler(event, context):\n    return 'x' * event.get('n', 0)\n"
    for name in made(api, request, source):
        for _ in range(2):
            payload, error, _ = invoke(api, name, {"n": 7_000_000})
            assert (error, payload["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")
        assert invoke(api, name, {"n": 6_000_000})[1] == ""


# --- freezing ---------------------------------------------------------------------------------------------


def test_work_left_running_is_frozen_and_resumes_in_the_next_invocation(engine_rig, api, life):
    first = invoke(api, life, {"do": "thread", "what": "tick"})[0]["ticks"]
    engine_rig.clock.stall(0.5)  # the handler's own clock: nothing may tick meanwhile
    second = invoke(api, life)[0]["ticks"]
    assert second - first < 150
    invoke(api, life, {"do": "sleep", "s": 0.2})
    assert invoke(api, life)[0]["ticks"] - second > 20


# --- output -----------------------------------------------------------------------------------------------


def whole_log(engine_rig, name, **event):
    return engine_rig.functions.invoke(name, json.dumps(event).encode(), "lambda").log.decode(errors="replace")


def between(log):
    """What stands between START and END."""
    return log[log.index("\n", log.index("START RequestId")) + 1 : log.index("END RequestId")]


def test_20000_lines_are_in_the_log_before_end(engine_rig, life):
    assert between(whole_log(engine_rig, life, do="lines")).splitlines() == [f"line {n}" for n in range(20000)]


def test_a_line_of_5_mb(engine_rig, life):
    assert between(whole_log(engine_rig, life, do="long line")) == "y" * 5_000_000 + "\n"


def test_bytes_that_are_no_text_and_no_line(engine_rig, life):
    assert between(whole_log(engine_rig, life, do="bytes")) == "no newline \ufffd\ufffd\n"


def test_a_childs_output(engine_rig, life):
    assert between(whole_log(engine_rig, life, do="child")).split() == ["out", "err"]


def test_what_is_printed_around_the_answer_is_lost_to_none(engine_rig, life):
    """A thread prints on after the response: some of it still here, the rest in the next invocation, all of it once."""
    logs = [whole_log(engine_rig, life, do="thread", what="say")]
    logs += [whole_log(engine_rig, life, do="sleep", s=0.05) for _ in range(4)]
    lines = [line for log in logs for line in between(log).splitlines() if line.startswith("line ")]
    assert len(lines) > 20
    assert lines == [f"line {n}" for n in range(len(lines))]


def test_the_log_reaches_cloudwatch_in_order(engine_rig, api, life):
    invoke(api, life, {"do": "child"})
    events = engine_rig.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{life}")["events"]
    heads = [event["message"].split(" ")[0].strip() for event in events]
    assert heads == ["INIT_START", "module", "START", "out", "err", "END", "REPORT"]


def test_json_logs_come_from_the_runtime_client_and_the_platform(engine_rig, api, request):
    source = (
        "import logging\nlogging.getLogger().setLevel('INFO')\n"
        "def handler(event, context):\n    logging.info('hello %s', 'you')\n    logging.debug('no')\n    return 1\n"
    )
    for name in made(api, request, source, LoggingConfig={"LogFormat": "JSON", "ApplicationLogLevel": "INFO"}):
        _, _, log = invoke(api, name)
        rows = [json.loads(line) for line in log.splitlines()]
        assert [row.get("type", row.get("message")) for row in rows] == [
            "platform.initStart", "platform.start", "hello you", "platform.report",
        ]  # fmt: skip
        assert (rows[2]["level"], rows[2]["requestId"]) == ("INFO", rows[1]["record"]["requestId"])
        assert rows[3]["record"]["metrics"]["initDurationMs"] > 0
