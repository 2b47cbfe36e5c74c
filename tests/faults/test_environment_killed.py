import re

import pytest

from emulator.errors import Verdict
from emulator.fault import parameters
from faults.environment_killed import EnvironmentKilled

COUNT = """
import time
count = 0
def handler(event, context):
    global count
    count += 1
    print("working")
    time.sleep(event or 0)
    return count
"""
SLOW_INIT = "import time\ntime.sleep(20)\n" + COUNT
KILLED = r"RequestId: [\w-]{36} Error: Runtime exited with error: signal: killed"
INIT = re.compile(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: (\w+)\tStatus: error\tError Type: ([\w.]+)\n")
LONG_S = 20


@pytest.fixture
def crm(real_rig, write_handler):
    real_rig.function("crm", write_handler(COUNT), "handler.handler", memory=512, timeout=30)
    return real_rig


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(EnvironmentKilled).items()}
    assert defaults == {"at": "invocation", "after_ms": 0}


def test_one_that_is_frozen_has_no_time_of_death():
    with pytest.raises(ValueError, match="after_ms"):
        EnvironmentKilled("frozen", 5)


def test_in_the_invocation_the_caller_hears_of_a_kill_and_the_next_one_begins_anew(crm):
    assert crm.invoke("crm", 0).payload == 1
    with crm.fault("environment_killed", after_ms=60) as armed:
        killed = crm.invoke("crm", LONG_S)
    assert (killed.error, killed.payload["errorType"]) == ("Unhandled", "Runtime.ExitError")
    assert re.fullmatch(KILLED, killed.payload["errorMessage"])
    assert "working\n" in killed.log
    assert re.search(r"Duration: \d{2,4}\.\d\d ms\t.*Status: error\tError Type: Runtime.ExitError\n$", killed.log)
    assert int(re.search(r"Max Memory Used: (\d+) MB", killed.log)[1]) > 0
    assert armed.strikes == 1
    after = crm.invoke("crm", 0)
    assert (after.payload, "Init Duration" in after.log) == (1, True)


def test_at_once_it_dies_whatever_it_does(crm):
    with crm.fault("environment_killed"):
        assert {crm.invoke("crm", 0).payload["errorType"] for _ in range(2)} == {"Runtime.ExitError"}
    assert crm.invoke("crm", 0).payload == 1


def test_an_invocation_that_is_over_by_then_is_not_killed(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(COUNT), "handler.handler", timeout=30)
    with inline_rig.fault("environment_killed", after_ms=60_000):
        assert [inline_rig.invoke("crm", 0).payload for _ in range(2)] == [1, 2]


def test_in_init_it_is_repeated_inside_the_invocation(real_rig, write_handler):
    real_rig.function("crm", write_handler(SLOW_INIT), "handler.handler", memory=512, timeout=30)
    with real_rig.fault("environment_killed", at="init", after_ms=60) as armed:
        killed = real_rig.invoke("crm", 0)
    assert re.fullmatch(KILLED, killed.payload["errorMessage"])
    assert INIT.findall(killed.log) == [("init", "Runtime.ExitError"), ("invoke", "Runtime.ExitError")]
    assert armed.strikes == 2


def test_frozen_it_is_found_dead_and_nobody_sees_more_than_a_cold_start(crm):
    assert crm.invoke("crm", 0).payload == 1
    with crm.fault("environment_killed", at="frozen") as armed:
        found = crm.invoke("crm", 0)
        assert (found.ok, found.payload, "Init Duration" in found.log) == (True, 1, True)
        assert armed.strikes == 1
    assert crm.invoke("crm", 0).payload == 2
    assert [event.outcome for event in crm.timeline.events() if event.point == "warm"] == ["killed"]


def test_when_counts_only_the_places_it_strikes_at(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(COUNT), "handler.handler", timeout=30)
    with inline_rig.fault("environment_killed", at="frozen", when={"after": 1, "times": 1}):
        assert [inline_rig.invoke("crm", 0).payload for _ in range(5)] == [1, 2, 1, 2, 3]


def test_it_strikes_only_what_it_is_aimed_at(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(COUNT), "handler.handler", timeout=30)
    with (
        pytest.raises(Verdict, match="never struck"),
        inline_rig.fault("environment_killed", at="frozen", match={"function": "other"}),
    ):
        assert [inline_rig.invoke("crm", 0).payload for _ in range(2)] == [1, 2]


def test_inline_a_working_handler_cannot_be_killed(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(COUNT), "handler.handler", timeout=30)
    with inline_rig.fault("environment_killed"), pytest.raises(Exception, match="cannot kill"):
        inline_rig.invoke("crm", 0.5)
