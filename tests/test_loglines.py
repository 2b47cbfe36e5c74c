"""AWS's lines byte for byte, in each generation; JSON records by the level that lets them through."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from lambda_fixtures import function

from emulator.clock import Clock
from emulator.functions import loglines
from emulator.functions.engines.protocol import Exit
from emulator.functions.loglines import GENERATIONS
from emulator.functions.platform_log import JsonLog, Report, TextLog, platform_log

ID = "8e2a3b4c-0000-4000-8000-000000000001"
AT = datetime(2020, 11, 10, 5, 46, 57, 874999, timezone.utc)
CURRENT, OLD, OLDER, OLDEST = (GENERATIONS[name] for name in ("current", "2023", "2020", "2018"))


@pytest.mark.parametrize(
    ("runtime", "version"),
    [
        ("python3.13", "python:3.13.v1"),
        ("nodejs18.x", "nodejs:18.v1"),
        ("java21", "java:21.v1"),
        ("java8.al2", "java:8.al2.v1"),
        ("provided.al2023", "provided:al2023.v1"),
        ("ruby3.3", "ruby:3.3.v1"),
    ],
)
def test_init_start(runtime, version):
    head, _, arn = loglines.init_start(runtime, "eu-west-1").partition("\t")
    assert head == f"INIT_START Runtime Version: {version}"
    assert arn.startswith("Runtime Version ARN: arn:aws:lambda:eu-west-1::runtime:")
    assert len(arn.rpartition(":")[2]) == 64 + 1


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ((9999.789, "init", "timeout"), "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout\n"),
        (
            (171.05, "invoke", "error", "Runtime.ExitError"),
            "INIT_REPORT Init Duration: 171.05 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n",
        ),
    ],
)
def test_init_report(given, line):
    assert loglines.init_report(*given) == line


def test_start_and_end():
    assert loglines.start(ID, "$LATEST") == f"START RequestId: {ID} Version: $LATEST\n"
    assert loglines.end(ID) == f"END RequestId: {ID}\n"


BILLED = "Memory Size: 128 MB\tMax Memory Used: 36 MB"


@pytest.mark.parametrize(
    ("generation", "duration", "init", "failure", "head", "tail"),
    [
        (CURRENT, 3.014, None, ("", ""), "Duration: 3.01 ms\tBilled Duration: 4 ms", "\t\n"),
        (CURRENT, 3.01, 110.1, ("", ""), "Duration: 3.01 ms\tBilled Duration: 114 ms",
         "\tInit Duration: 110.10 ms\t\n"),
        (OLD, 3.01, 110.1, ("", ""), "Duration: 3.01 ms\tBilled Duration: 4 ms", "\tInit Duration: 110.10 ms\t\n"),
        (CURRENT, 3000.0, 67.49, ("timeout", ""), "Duration: 3000.00 ms\tBilled Duration: 3068 ms",
         "\tInit Duration: 67.49 ms\tStatus: timeout\n"),
        (CURRENT, 5.0, None, ("error", "Runtime.OutOfMemory"), "Duration: 5.00 ms\tBilled Duration: 5 ms",
         "\tStatus: error\tError Type: Runtime.OutOfMemory\n"),
        (OLD, 5.0, None, ("error", "Runtime.ExitError"), "Duration: 5.00 ms\tBilled Duration: 5 ms", "\t\n"),
    ],
)  # fmt: skip
def test_report(generation, duration, init, failure, head, tail):
    line = loglines.report(generation, ID, duration, 128, 36, init, *failure)
    assert line == f"REPORT RequestId: {ID}\t{head}\t{BILLED}{tail}"


def test_a_timeout_now():
    failure = loglines.timed_out(CURRENT, ID, 1, 1.003, AT)
    message = f"RequestId: {ID} Error: Task timed out after 1.00 seconds"
    assert failure.payload.decode() == f'{{"errorType":"Sandbox.Timedout","errorMessage":"{message}"}}'
    assert (failure.line, failure.status, failure.error_type) == ("", "timeout", "")


@pytest.mark.parametrize("generation", [OLD, OLDER, OLDEST])
def test_a_timeout_of_old_told_the_real_time_in_the_log_and_the_limit_in_the_payload(generation):
    failure = loglines.timed_out(generation, ID, 3, 3.07, AT)
    assert failure.line == f"2020-11-10T05:46:57.874Z {ID} Task timed out after 3.07 seconds\n\n"
    text = f"2020-11-10T05:46:57.874Z {ID} Task timed out after 3.00 seconds"
    assert failure.payload.decode() == f'{{"errorMessage":"{text}"}}'


KILLED = Exit(None, 9, oom=True)
SIGNAL = f"RequestId: {ID} Error: Runtime exited with error: signal: killed"
GONE = f"RequestId: {ID} Process exited before completing request"


@pytest.mark.parametrize(
    ("generation", "payload", "line", "error_type"),
    [
        (CURRENT, {"errorType": "Runtime.OutOfMemory", "errorMessage": SIGNAL}, "", "Runtime.OutOfMemory"),
        (OLD, {"errorType": "Runtime.ExitError", "errorMessage": SIGNAL}, f"{SIGNAL}\nRuntime.ExitError\n",
         "Runtime.ExitError"),
        (OLDER, {"errorType": "Runtime.ExitError", "errorMessage": SIGNAL}, f"{SIGNAL}\nRuntime.ExitError\n",
         "Runtime.ExitError"),
        (OLDEST, {"errorMessage": GONE}, f"{GONE}\n", ""),
    ],
)  # fmt: skip
def test_out_of_memory(generation, payload, line, error_type):
    failure = loglines.exited(generation, ID, KILLED)
    assert failure.payload.decode() == json.dumps(payload, separators=(",", ":"))
    assert (failure.line, failure.error_type) == (line, error_type)


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        (Exit(0), "Runtime exited without providing a reason"),
        (Exit(42), "Runtime exited with error: exit status 42"),
        (Exit(127), "Runtime exited with error: exit status 127"),
        (Exit(None, 9), "Runtime exited with error: signal: killed"),
        (Exit(None, 11), "Runtime exited with error: signal: segmentation fault (core dumped)"),
        (Exit(None, 15), "Runtime exited with error: signal: terminated"),
        (Exit(None, 40), "Runtime exited with error: signal: signal 40"),
    ],
)
def test_how_a_process_ended(how, cause):
    failure = loglines.exited(CURRENT, ID, how)
    assert json.loads(failure.payload)["errorMessage"] == f"RequestId: {ID} Error: {cause}"
    assert failure.line == f"RequestId: {ID} Error: {cause}\nRuntime.ExitError\n"


@pytest.mark.parametrize(("generation", "ended"), [(CURRENT, False), (OLD, False), (OLDER, True), (OLDEST, True)])
def test_where_a_failures_line_stands(generation, ended):
    failure = loglines.exited(generation, ID, Exit(1))
    log = TextLog(function(), ID, generation)
    assert log.failed(failure, ended) == failure.line != ""
    assert log.failed(failure, not ended) == ""


def test_before_2022_init_had_no_lines():
    log = TextLog(function(), ID, OLDER)
    assert (log.init_start(), log.init_end(1.0, "init", "error", "Runtime.ExitError")) == ("", "")


def test_a_successful_init_and_an_image_have_no_line():
    assert TextLog(function(), ID, CURRENT).init_end(1.0, "init", "", "") == ""
    assert TextLog(function(runtime=None, image="i"), ID, CURRENT).init_start() == ""


# --- JSON -------------------------------------------------------------------------------------------------


def json_log(level="INFO", **changes):
    return JsonLog(function(log_format="JSON", log_level="INFO", system_log_level=level, **changes), ID, Clock())


def records(text):
    return [(row["type"], row["record"]) for row in map(json.loads, text.splitlines())]


def test_the_format_is_the_functions():
    assert isinstance(platform_log(function(), ID, Clock()), TextLog)
    assert isinstance(platform_log(function(log_format="JSON"), ID, Clock()), JsonLog)


def test_a_json_line_has_its_time():
    line = json_log().start()
    row = json.loads(line)
    assert line.endswith("}\n")
    assert list(row) == ["time", "type", "record"]
    assert datetime.strptime(row["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert row["record"] == {"requestId": ID, "version": "$LATEST"}


def test_json_report():
    report = Report(329.1771, 125, 503.083, produced=50)
    assert records(json_log().report(report)) == [
        (
            "platform.report",
            {
                "requestId": ID,
                "metrics": {
                    "durationMs": 329.177,
                    "billedDurationMs": 833,
                    "memorySizeMB": 128,
                    "maxMemoryUsedMB": 125,
                    "initDurationMs": 503.083,
                },
                "status": "success",
            },
        )
    ]


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (Report(1.0, 1, None, "timeout"), {"status": "timeout"}),
        (Report(1.0, 1, None, "error", "Runtime.OutOfMemory"), {"status": "error", "errorType": "Runtime.OutOfMemory"}),
        (Report(1.0, 1, None, raised=True), {"status": "error"}),
    ],
)
def test_failures_pass_every_level(report, status):
    log = json_log("WARN")
    for text, kind in ((log.end(report), "platform.runtimeDone"), (log.report(report), "platform.report")):
        ((seen, record),) = records(text)
        assert seen == kind
        assert {k: record[k] for k in ("status", "errorType") if k in record} == status


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ("DEBUG", ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"]),
        ("INFO", ["initStart", "start", "report"]),
        ("WARN", []),
    ],
)
def test_the_system_level_lets_a_success_through(level, kinds):
    log, report = json_log(level), Report(1.0, 1, 2.0)
    text = log.init_start() + log.init_end(2.0, "init", "", "") + log.start() + log.end(report) + log.report(report)
    assert [kind for kind, _ in records(text)] == [f"platform.{kind}" for kind in kinds]


def test_a_failed_init_in_json():
    text = json_log().init_end(171.0504, "invoke", "error", "Runtime.ImportModuleError")
    done = {"initializationType": "on-demand", "phase": "invoke", "status": "error",
            "errorType": "Runtime.ImportModuleError"}  # fmt: skip
    assert records(text) == [
        ("platform.initRuntimeDone", done),
        ("platform.initReport", {**done, "metrics": {"durationMs": 171.05}}),
    ]
