"""What faults cost: a reset of the rig, and a passage of a point while rules are armed that do not match it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rigs import write_code
from samples import Lane, Row, interleaved, over, row

from emulator import catalogue
from emulator.clock import Clock
from emulator.fault import Rule
from emulator.injector import Injector
from emulator.model import AwsCall, AwsReply, Caller
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings
from emulator.timeline import Timeline

FUNCTIONS, RULES = 10, 20
ARMED = (0, 1, 10, 100)
PASSAGES = 1000  # a turn: one alone is below what the clock can tell


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    return [*_resets(engine, quick), *_passages(quick)]


def _resets(engine: str, quick: bool) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="lambdarig-bench-") as folder,
        Rig(Settings(engine=engine, manual_clock=True)) as rig,
    ):
        tests, code = PytestRig(rig), write_code(Path(folder))

        def after(fill: Callable[[], object]) -> Lane:
            def lane() -> float:
                fill()
                begin = time.perf_counter()
                rig.reset()
                return (time.perf_counter() - begin) * 1000

            return lane

        def filled() -> None:
            for number in range(FUNCTIONS):
                tests.function(f"bench-{number}", code, "app.handler")
            rig.injector.arm(_rules(RULES))

        def used() -> None:
            tests.function("bench", code, "app.handler")
            tests.invoke("bench")

        lanes = {"nothing": after(lambda: None), "filled": after(filled), "used": after(used)}
        seen = interleaved(lanes, rounds=5 if quick else 30, warm_up=2)
    what = {
        "nothing": "with nothing in it",
        "filled": f"with {FUNCTIONS} functions and {RULES} armed rules",
        "used": "with a function and its warm environment",
    }
    return [row(f"{engine} engine: `rig.reset()` {words}", seen[name]) for name, words in what.items()]


def _passages(quick: bool) -> list[Row]:
    caller = Caller("arn:aws:sts::123456789012:assumed-role/bench/bench", "ASIABENCH", "bench", "bench/env-1")
    call = AwsCall("bench/inv-1/s3.ListBuckets#1", "s3", "ListBuckets", "us-east-1", caller, {})

    def passing(count: int) -> Lane:
        injector = Injector(Clock(manual=True), Timeline(Clock(manual=True), kept=100))
        injector.arm(_rules(count))

        def lane() -> float:
            begin = time.perf_counter()
            for _ in range(PASSAGES):
                injector.pass_through("aws_call", call, lambda _: AwsReply(200, (), b""))
            return (time.perf_counter() - begin) * 1_000_000 / PASSAGES

        return lane

    seen = interleaved({str(count): passing(count) for count in ARMED}, rounds=5 if quick else 30, warm_up=2)
    bare = seen[str(ARMED[0])]
    return [
        row(f"an AWS call past its point, {count} armed rules that do not match it", seen[str(count)],
            over(seen[str(count)], bare, "no rule").replace(" ms", " us") if count else "", "us")
        for count in ARMED
    ]


def _rules(count: int) -> list[Rule]:
    written = {"fault": "aws_error", "with": {"code": "Throttled"}, "match": {"function": "other"}, "optional": True}
    return [catalogue.rule({**written, "name": f"rule-{number}"}) for number in range(count)]
