"""Two rules that set the same field of a subject."""

import pytest
from lambda_fixtures import function

from emulator.clock import Clock
from emulator.fault import Rule
from emulator.injector import Injector
from emulator.model import ColdStart, Delivery, Invocation, Reuse
from emulator.timeline import Timeline
from faults.cpu_starved import CpuStarved
from faults.descriptors_exhausted import DescriptorsExhausted
from faults.environment_killed import EnvironmentKilled
from faults.out_of_memory import OutOfMemory
from faults.response_too_large import ResponseTooLarge
from faults.tmp_full import TmpFull

COLD = ColdStart("f/env-1", function())
DELIVERY = Delivery("f/inv-1", Invocation("f/inv-1", "id-1", function(), b"{}"), "f/env-1")
LIMITING = {
    "cpu": (COLD, CpuStarved(0.1), CpuStarved(0.5), lambda cold: cold.limits.cpu == 0.1),
    "tmp": (COLD, TmpFull(8), TmpFull(64), lambda cold: cold.limits.tmp_kb == 8),
    "files": (COLD, DescriptorsExhausted(30), DescriptorsExhausted(90), lambda cold: cold.limits.open_files == 30),
    "init killed": (
        COLD, EnvironmentKilled("init", 0), EnvironmentKilled("init", 9), lambda cold: cold.kill_after_s == 0
    ),
    "init memory": (COLD, OutOfMemory(1, "init"), OutOfMemory(9, "init"), lambda cold: cold.memory_left_mb == 1),
    "killed": (
        DELIVERY, EnvironmentKilled(after_ms=0), EnvironmentKilled(after_ms=9), lambda given: given.kill_after_s == 0
    ),
    "memory": (DELIVERY, OutOfMemory(0), OutOfMemory(9), lambda delivery: delivery.memory_left_mb == 0),
    "answer": (DELIVERY, ResponseTooLarge(0), ResponseTooLarge(9), lambda delivery: delivery.response_limit == 0),
}


@pytest.mark.parametrize("outermost", ["tight", "loose"])
@pytest.mark.parametrize("what", LIMITING)
def test_the_tighter_one_counts_and_what_has_no_effect_is_no_strike(what, outermost):
    subject, tight, loose, holds = LIMITING[what]
    clock, came = Clock(manual=True), []
    injector = Injector(clock, Timeline(clock))
    rules = {"tight": Rule(tight, name="tight"), "loose": Rule(loose, name="loose")}
    injector.arm([rules.pop(outermost), *rules.values()])
    point = "start" if subject is COLD else "deliver"
    passage = injector.pass_through(point, subject, lambda one: came.append(one) or Reuse("passed"))
    assert holds(came[0])
    assert passage.struck == (("tight",) if outermost == "tight" else ("loose", "tight"))
