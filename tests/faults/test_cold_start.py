import math
import re
from random import Random
from threading import Lock
from types import SimpleNamespace

import pytest

from emulator.clock import Clock
from emulator.errors import Verdict
from emulator.fault import Context, parameters
from emulator.model import ColdStart
from faults.cold_start import ColdStartLatency

HANDLER = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"


@pytest.fixture
def rig(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=5)
    return inline_rig


def ms(pattern, log):
    """The milliseconds that stand after `pattern` in a log, one for each time it is there."""
    return [float(found) for found in re.findall(rf"{pattern}: ([\d.]+) ms", log)]


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(ColdStartLatency).items()}
    assert defaults == {"delay_ms": 3000, "slowdown": 1.0, "real": False}


def test_init_takes_longer_in_the_report_and_nobody_waits(rig):
    begin = Clock().monotonic()
    with rig.fault("cold_start", delay_ms=8000):
        result = rig.invoke("crm")
    assert 8000 <= ms("Init Duration", result.log)[0] < 10000
    assert ms("Billed Duration", result.log)[0] >= 8000
    assert Clock().monotonic() - begin < 8


def test_the_handlers_own_time_is_not_touched(rig):
    with rig.fault("cold_start", delay_ms=8000):
        result = rig.invoke("crm")
    assert 4000 < result.payload <= 5000
    assert ms("\tDuration", result.log)[0] < 5000


def test_a_warm_environment_is_not_struck(rig):
    with rig.fault("cold_start") as armed:
        rig.invoke("crm")
        warm = rig.invoke("crm")
    assert (armed.strikes, ms("Init Duration", warm.log)) == (1, [])


def test_past_ten_seconds_init_is_given_up_and_repeated_inside_the_invocation(rig):
    with rig.fault("cold_start", delay_ms=11000, when={"times": 1}) as armed:
        result = rig.invoke("crm")
    assert armed.strikes == 1
    assert "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout" in result.log
    assert (result.ok, [event.subject for event in rig.timeline.strikes("cold_start")]) == (True, ["crm/env-1"])


def test_a_repeated_init_that_is_struck_too_costs_the_invocation_its_time(rig):
    with rig.fault("cold_start", delay_ms=11000) as armed:
        result = rig.invoke("crm")
    assert (armed.strikes, result.error) == (2, "Unhandled")
    assert result.payload["errorMessage"].endswith("Task timed out after 5.00 seconds")
    assert rig.invoke("crm").ok


def test_slower_is_what_was_measured_so_many_times():
    ctx, started = Context(Clock(manual=True), None, Lock(), Random(0)), SimpleNamespace(ms=500.0, verdict="started")
    fault = ColdStartLatency(delay_ms=2000, slowdown=20)
    assert fault.on_start(None, lambda: started, ctx) is started
    assert ctx.delayed == 2 + 19 * 0.5


def test_what_imports_much_is_past_ten_seconds_when_it_is_slow_enough(rig):
    with rig.fault("cold_start", delay_ms=0, slowdown=10_000, when={"times": 1}):
        result = rig.invoke("crm")
    assert "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout" in result.log
    assert result.ok


def test_really_waiting_is_seen_by_everybody(rig):
    begin = Clock().monotonic()
    with rig.fault("cold_start", delay_ms=50, real=True):
        result = rig.invoke("crm")
    assert Clock().monotonic() - begin >= 0.05
    assert ms("Init Duration", result.log)[0] >= 50


@pytest.mark.parametrize(("limit_s", "waited"), [(10, [9.5]), (math.inf, [60]), (0.2, [])])
def test_really_waiting_ends_when_lambda_waits_no_longer(limit_s, waited):
    stalls = []
    ctx = Context(SimpleNamespace(stall=stalls.append), None, Lock(), Random(0))
    cold, started = ColdStart("crm/env-1", SimpleNamespace(), limit_s=limit_s), SimpleNamespace(ms=500.0)
    ColdStartLatency(delay_ms=60_000, real=True).on_start(cold, lambda: started, ctx)
    assert stalls == waited
    assert ctx.stalled + ctx.delayed == 60


def test_only_the_function_it_is_aimed_at_is_struck(rig, write_handler):
    rig.function("erp", write_handler(HANDLER, "erp"), "handler.handler")
    with rig.fault("cold_start", match={"function": "erp"}):
        assert ms("Init Duration", rig.invoke("crm").log)[0] < 3000
        assert ms("Init Duration", rig.invoke("erp").log)[0] >= 3000


def test_disarmed_it_leaves_nothing(rig):
    with rig.fault("cold_start"):
        rig.invoke("crm")
    rig.pool.retire()
    assert ms("Init Duration", rig.invoke("crm").log)[0] < 3000


def test_without_a_cold_start_it_never_struck(rig):
    rig.invoke("crm")
    with pytest.raises(Verdict, match="the rule 'cold_start' never struck"), rig.fault("cold_start"):
        rig.invoke("crm")


def test_on_a_real_engine_the_report_says_so(real_rig, write_handler):
    real_rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=5)
    with real_rig.fault("cold_start", match={"function": "crm"}) as armed:
        cold, warm = real_rig.invoke("crm"), real_rig.invoke("crm")
    assert ms("Init Duration", cold.log)[0] >= 3000
    assert (ms("Init Duration", warm.log), cold.payload > 4000, armed.strikes) == ([], True, 1)
