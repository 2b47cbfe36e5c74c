"""One invocation from INIT_START to REPORT: what the caller gets, the log, and what becomes of the environment."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from lambda_fixtures import FakeEnvironment, function

from emulator.clock import Clock
from emulator.fault import Fault, Rule
from emulator.functions.engines.protocol import Exit
from emulator.functions.environment import Start
from emulator.functions.execution import INIT_LIMIT_S, Execution
from emulator.functions.runtime_api import Happening
from emulator.injector import Injector
from emulator.model import Invocation
from emulator.timeline import Timeline

ID = "8e2a3b4c-0000-4000-8000-000000000001"
GENERATIONS = ("current", "2023", "2020", "2018")


def execution(starts=(), texts="current", published=None, rules=(), **changes):
    """An Execution whose environments start as `starts` says; `.asked` are the (phase, limit) of each."""
    invocation = Invocation("f/inv-1", ID, function(texts=texts, **changes), b"{}", invoked_arn="arn")
    left, asked = list(starts), []

    def starter(phase, limit_s):
        asked.append((phase, limit_s))
        return left.pop(0)

    sink = [] if published is None else published
    clock = Clock()
    timeline = Timeline(clock)
    injector = Injector(clock, timeline)
    injector.arm(rules)
    made = Execution(invocation, clock, injector, starter, lambda stream, events: sink.append((stream, events)))
    made.timeline = timeline
    made.asked = asked
    return made


def start(kind="ready", environment=None, ms=100.0, **more):
    return Start(kind, environment or FakeEnvironment(), ms, **more)


def told(made):
    """The log with what varies taken out: ids, times, the runtime's version."""
    text = made.journal.text().decode()
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "<time>", text.replace(ID, "<id>"))
    text = re.sub(r"(Duration|Billed Duration|after): ?\d+(\.\d+)? ms", r"\1: <n> ms", text)
    text = re.sub(r"after \d+\.\d+ seconds", "after <n> seconds", text)
    return re.sub(r"INIT_START .*", "INIT_START", text)


BASE = "REPORT RequestId: <id>\tDuration: <n> ms\tBilled Duration: <n> ms\tMemory Size: 128 MB\tMax Memory Used: "
START, END = "START RequestId: <id> Version: $LATEST\n", "END RequestId: <id>\n"


def test_a_warm_success():
    environment = FakeEnvironment(printed=b"hello\n")
    made = execution()
    outcome = made.run(environment)
    assert told(made) == START + "hello\n" + END + BASE + "36 MB\t\n"
    assert (outcome.status, outcome.payload, outcome.function_error) == ("ok", b'"ok"', "")
    assert outcome.init_ms is None
    assert (made.environment, made.lost, made.asked) == (environment, [], [])


def test_a_cold_success_tells_its_init():
    made = execution([start(output=[(1, b"importing\n")])])
    outcome = made.run(None)
    assert told(made) == "INIT_START\nimporting\n" + START + END + BASE + "36 MB\tInit Duration: <n> ms\t\n"
    assert made.asked == [("init", INIT_LIMIT_S)]
    assert outcome.init_ms == 100.0


def test_an_error_of_the_handlers_keeps_the_environment():
    made = execution()
    outcome = made.run(FakeEnvironment(Happening("error", b'{"errorMessage":"m"}')))
    assert (outcome.status, outcome.function_error) == ("error", "Unhandled")
    assert outcome.payload == b'{"errorMessage":"m"}'
    assert made.environment is not None
    assert told(made) == START + END + BASE + "36 MB\t\n"


def test_an_answer_without_a_next_costs_the_environment():
    environment = FakeEnvironment(settles=False)
    made = execution()
    assert made.run(environment).status == "ok"
    assert (made.environment, made.lost) == (None, [environment])


def test_too_large():
    made = execution()
    outcome = made.run(FakeEnvironment(Happening("too_large")))
    text = "Response payload size exceeded maximum allowed payload size (6291556 bytes)."
    assert outcome.payload.decode() == f'{{"errorMessage":"{text}","errorType":"Function.ResponseSizeTooLarge"}}'
    assert (outcome.status, outcome.function_error) == ("too_large", "Unhandled")


LATE = "<time> <id> Task timed out after <n> seconds\n\n"
KILLED = "RequestId: <id> Error: Runtime exited with error: signal: killed\nRuntime.ExitError\n"
EXITED = "RequestId: <id> Error: Runtime exited with error: exit status 3\nRuntime.ExitError\n"
GONE = "RequestId: <id> Process exited before completing request\n"
PLAIN, FULL = BASE + "36 MB\t\n", BASE + "128 MB\t\n"


@pytest.mark.parametrize(
    ("texts", "log"),
    [
        ("current", START + "p\n" + END + BASE + "36 MB\tStatus: timeout\n"),
        ("2023", START + "p\n" + LATE + END + PLAIN),
        ("2020", START + "p\n" + END + PLAIN + LATE),
        ("2018", START + "p\n" + END + PLAIN + LATE),
    ],
)
def test_a_timeout(texts, log):
    environment = FakeEnvironment(Happening("deadline"), b"p\n")
    made = execution(texts=texts)
    outcome = made.run(environment)
    assert told(made) == log
    assert (outcome.status, outcome.function_error) == ("timeout", "Unhandled")
    assert (made.environment, made.lost) == (None, [environment])
    assert environment.marks == ["thaw", "halt"]
    if texts == "current":
        assert outcome.duration_ms == 3000.0


@pytest.mark.parametrize(
    ("texts", "how", "status", "log"),
    [
        ("current", Exit(3), "crash",
         START + EXITED + END + BASE + "36 MB\tStatus: error\tError Type: Runtime.ExitError\n"),
        ("2023", Exit(3), "crash", START + EXITED + END + PLAIN),
        ("2020", Exit(3), "crash", START + END + PLAIN + EXITED),
        ("2018", Exit(3), "crash", START + END + PLAIN + GONE),
        ("current", Exit(None, 9, True), "oom",
         START + END + BASE + "128 MB\tStatus: error\tError Type: Runtime.OutOfMemory\n"),
        ("2023", Exit(None, 9, True), "oom", START + KILLED + END + FULL),
        ("2020", Exit(None, 9, True), "oom", START + END + FULL + KILLED),
        ("2018", Exit(None, 9, True), "oom", START + END + FULL + GONE),
    ],
)  # fmt: skip
def test_a_death(texts, how, status, log):
    environment = FakeEnvironment(Happening("died"), how=how)
    made = execution(texts=texts)
    outcome = made.run(environment)
    assert told(made) == log
    assert outcome.status == status
    assert made.lost == [environment]


# --- init that fails, and its repetition ------------------------------------------------------------------

FAILURE = b'{"errorMessage":"no","errorType":"Runtime.ImportModuleError","requestId":"","stackTrace":[]}'
INIT = "INIT_REPORT Init Duration: <n> ms\tPhase: {}\tStatus: {}\n"


def failing(environment=None):
    words = {"error": FAILURE, "error_type": "Runtime.ImportModuleError", "output": [(1, b"[ERROR]\n")]}
    return start("error", environment, **words)


def test_an_init_that_fails_twice():
    made = execution([failing(), failing()])
    outcome = made.run(None)
    one = "[ERROR]\n" + INIT.format("{}", "error\tError Type: Runtime.ImportModuleError")
    end = BASE + "36 MB\tStatus: error\tError Type: Runtime.ImportModuleError\n"
    assert told(made) == "INIT_START\n" + one.format("init") + one.format("invoke") + START + END + end
    assert (outcome.status, outcome.payload, outcome.function_error) == ("init_error", FAILURE, "Unhandled")
    assert made.asked == [("init", INIT_LIMIT_S), ("invoke", 3)]
    assert len(made.lost) == 2


def test_before_2022_only_the_errors_themselves_were_told():
    made = execution([failing(), failing()], texts="2020")
    made.run(None)
    assert told(made) == "[ERROR]\n[ERROR]\n" + START + END + PLAIN


def test_an_environment_whose_init_failed_works_no_more_while_it_is_repeated():
    first = FakeEnvironment()
    halted = []

    def starter(phase, limit_s):
        if phase == "init":
            return failing(first)
        halted.extend(first.marks)
        return start()

    made = execution()
    made._starter = starter
    assert made.run(None).status == "ok"
    assert halted == ["halt"]


def test_an_init_that_succeeds_when_repeated_counts_into_the_duration():
    made = execution([failing(), start(ms=700.0)])
    outcome = made.run(None)
    assert outcome.status == "ok"
    assert 700 <= outcome.duration_ms < 1200
    assert outcome.init_ms is None
    assert "Init Duration: <n> ms\t\n" not in told(made)


def test_a_repeated_init_is_under_the_functions_timeout():
    made = execution([start("timeout", ms=10000.0), start("timeout", ms=3000.0)])
    outcome = made.run(None)
    log = "INIT_START\n" + INIT.format("init", "timeout") + INIT.format("invoke", "timeout") + START + END
    assert told(made) == log + BASE + "36 MB\tStatus: timeout\n"
    assert outcome.status == "timeout"
    assert json.loads(outcome.payload)["errorType"] == "Sandbox.Timedout"


def test_an_exit_in_init_is_told_as_an_exit():
    gone = start("exit", how=Exit(3), error_type="Runtime.ExitError")
    made = execution([gone, gone])
    outcome = made.run(None)
    init = INIT.format("{}", "error\tError Type: Runtime.ExitError")
    end = BASE + "36 MB\tStatus: error\tError Type: Runtime.ExitError\n"
    assert told(made) == "INIT_START\n" + init.format("init") + init.format("invoke") + START + EXITED + END + end
    assert outcome.status == "crash"


def test_delay_nobody_waits_for_is_taken_from_the_time_that_is_left():
    environment = FakeEnvironment()
    made = execution([failing(), start(environment=environment, ms=2100.0, virtual_s=2.0)])
    begin = Clock().monotonic()
    outcome = made.run(None)
    assert environment.deadline - begin == pytest.approx(3 - 2.1, abs=0.2)
    assert outcome.duration_ms == pytest.approx(2100, abs=200)
    assert outcome.virtual_s == 2.0


# --- what goes out ----------------------------------------------------------------------------------------


def test_the_headers_of_next():
    environment = FakeEnvironment()
    made = execution()
    made.run(environment)
    deadline = int(environment.headers["Lambda-Runtime-Deadline-Ms"]) / 1000
    assert deadline - Clock().wall() == pytest.approx(3, abs=0.5)
    assert environment.headers["Lambda-Runtime-Invoked-Function-Arn"] == "arn"
    assert "Lambda-Runtime-Client-Context" not in environment.headers


def test_lines_are_published_while_the_handler_works_and_each_once():
    published = []
    made = execution(published=published)
    environment = FakeEnvironment(printed=b"early\nhalf")
    invoke = environment.invoke

    def working(invocation, headers, deadline, tell):
        tell()
        published.append("still working")
        environment.printed = b" line\n"
        return invoke(invocation, headers, deadline, tell)

    environment.invoke = working
    made.run(environment)
    made.journal.publish()
    (stream, early), still, (_, rest) = published
    assert stream == FakeEnvironment.stream
    assert [line for _, line in early][1:] == ["early\n"]
    assert still == "still working"
    assert rest[0][1] == "half line\n"
    assert made.journal.text().count(b"early") == 1


def test_json_lines_take_the_place_of_text():
    made = execution([failing(), failing()], log_format="JSON", log_level="INFO", system_log_level="INFO")
    made.run(None)
    rows = [json.loads(line) for line in made.journal.text().decode().splitlines() if line.startswith("{")]
    assert [row["type"].removeprefix("platform.") for row in rows] == [
        "initStart", "initRuntimeDone", "initReport", "initRuntimeDone", "initReport", "start", "runtimeDone", "report",
    ]  # fmt: skip
    assert rows[-1]["record"]["status"] == "error"
    assert rows[-1]["record"]["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.parametrize("texts", GENERATIONS)
def test_every_generation_answers_every_end(texts):
    for seen, how in ((Happening("deadline"), None), (Happening("died"), Exit(0)), (Happening("too_large"), None)):
        outcome = execution(texts=texts).run(FakeEnvironment(seen, how=how))
        assert "errorMessage" in json.loads(outcome.payload)


class Delivering(Fault):
    """Runs `hook` as its own."""

    name = "delivering"

    def __init__(self, hook):
        self._hook = hook

    def on_deliver(self, subject, proceed, ctx):
        return self._hook(subject, proceed, ctx)


def struck(hook, environment, **changes):
    """(the execution, its outcome) of an invocation whose delivery `hook` strikes."""
    made = execution(rules=[Rule(Delivering(hook))], **changes)
    return made, made.run(environment)


def test_a_delivery_is_told_of_only_where_a_rule_struck():
    environment = FakeEnvironment()
    made = execution()
    made.run(environment)
    assert [(one.id, one.environment, one.payload) for one in environment.delivered] == [("f/inv-1", "f/env-1", b"{}")]
    assert made.timeline.events() == []


def test_another_payload_is_delivered():
    environment = FakeEnvironment()
    made, outcome = struck(lambda subject, proceed, ctx: proceed(replace(subject, payload=b"[]")), environment)
    assert [one.payload for one in environment.delivered] == [b"[]"]
    assert [(e.point, e.outcome) for e in made.timeline.events()] == [("deliver", "response")]
    assert outcome.status == "ok"


def test_a_late_event_finds_the_timeout_nearer_and_nobody_waited():
    environment = FakeEnvironment()
    late = lambda subject, proceed, ctx: proceed(replace(subject, late_s=2.0))  # noqa: E731
    _, outcome = struck(late, environment)
    left = environment.deadline - Clock().monotonic()
    told = int(environment.headers["Lambda-Runtime-Deadline-Ms"]) / 1000 - Clock().wall()
    assert 0 < left < 1.01
    assert 0 < told < 1.01
    assert (outcome.virtual_s, 2000 <= outcome.duration_ms < 2900) == (2.0, True)


@pytest.mark.parametrize("late_s", [3.0, 60.0])
def test_an_event_later_than_the_timeout_is_not_delivered(late_s):
    environment = FakeEnvironment()
    made, outcome = struck(lambda subject, proceed, ctx: proceed(replace(subject, late_s=late_s)), environment)
    assert (outcome.status, environment.delivered, made.lost) == ("timeout", [], [environment])
    assert 2.9 < outcome.virtual_s <= 3.0
    assert "Duration: <n> ms" in told(made)
    assert outcome.duration_ms == pytest.approx(3000, abs=50)


def test_a_stall_before_the_delivery_uses_the_timeout_up():
    environment = FakeEnvironment()
    _, outcome = struck(lambda subject, proceed, ctx: (ctx.stall(0.06), proceed())[1], environment, timeout_s=0.05)
    assert (outcome.status, environment.delivered) == ("timeout", [])


def test_a_delay_of_the_delivery_is_the_callers_alone():
    _, outcome = struck(lambda subject, proceed, ctx: (ctx.delay(7.0), proceed())[1], FakeEnvironment())
    assert (outcome.virtual_s, outcome.duration_ms < 1000) == (7.0, True)


def test_an_event_can_be_delivered_twice_once_the_runtime_asks_again():
    environment = FakeEnvironment()
    made, outcome = struck(lambda subject, proceed, ctx: (proceed(), proceed())[1], environment)
    assert (len(environment.delivered), outcome.status, made.environment) == (2, "ok", environment)


def test_a_runtime_that_does_not_ask_again_is_not_given_it_twice():
    environment = FakeEnvironment(settles=False)
    made, outcome = struck(lambda subject, proceed, ctx: (proceed(), proceed())[1], environment)
    assert (len(environment.delivered), outcome.status, made.lost) == (1, "timeout", [environment])


def test_an_event_that_was_never_delivered_leaves_the_environment_as_it_was():
    environment = FakeEnvironment(settles=False)
    made, outcome = struck(lambda subject, proceed, ctx: Happening("error", b"{}"), environment)
    assert (environment.delivered, outcome.status, made.environment) == ([], "error", environment)
