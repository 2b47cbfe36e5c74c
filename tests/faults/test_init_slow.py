import re
from random import Random
from threading import Lock
from types import SimpleNamespace

import pytest

from emulator.clock import Clock
from emulator.fault import Context, parameters
from emulator.model import ColdStart
from faults.init_slow import InitSlow

HANDLER = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"
GIVEN_UP = "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout\n"


@pytest.fixture
def rig(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=20)
    return inline_rig


def init_ms(log):
    return [float(found) for found in re.findall(r"\tInit Duration: ([\d.]+) ms", log)]


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(InitSlow).items()}
    assert defaults == {"seconds": 11, "real": False}


@pytest.mark.parametrize(("measured_ms", "added_s"), [(500.0, 3.5), (3999.0, 0.001), (9000.0, 0.0)])
def test_only_what_is_missing_is_added(measured_ms, added_s):
    ctx = Context(Clock(manual=True), None, Lock(), Random(0))
    started = SimpleNamespace(ms=measured_ms, verdict="started")
    assert InitSlow(seconds=4).on_start(None, lambda: started, ctx) is started
    assert ctx.delayed == pytest.approx(added_s)


def test_given_up_after_ten_seconds_and_repeated_inside_the_invocation(real_rig, write_handler):
    real_rig.function("crm", write_handler(HANDLER), "handler.handler", memory=512, timeout=20)
    begin = Clock().monotonic()
    with real_rig.fault("init_slow", when={"times": 1}) as armed:
        result = real_rig.invoke("crm")
    assert GIVEN_UP in result.log
    assert result.log.count("INIT_REPORT") == 1
    assert 15_000 < result.payload < 20_000
    assert armed.strikes == 1
    assert Clock().monotonic() - begin < 10


def test_the_repeated_one_takes_as_long_out_of_the_functions_timeout(rig):
    with rig.fault("init_slow") as armed:
        result = rig.invoke("crm")
    assert GIVEN_UP in result.log
    assert 8_000 < result.payload <= 9_000
    assert armed.strikes == 2


def test_a_timeout_shorter_than_the_init_is_the_end(rig, write_handler):
    rig.function("brief", write_handler(HANDLER, "brief"), "handler.handler", timeout=3)
    with rig.fault("init_slow"):
        result = rig.invoke("brief")
    assert result.payload["errorMessage"].endswith("Task timed out after 3.00 seconds")
    assert "INIT_REPORT Init Duration: 3000.00 ms\tPhase: invoke\tStatus: timeout\n" in result.log
    assert rig.invoke("brief").ok


def test_below_ten_seconds_it_is_the_whole_of_a_longer_init(rig):
    with rig.fault("init_slow", seconds=8):
        result = rig.invoke("crm")
    assert init_ms(result.log) == [8000.0]
    assert 19_000 < result.payload <= 20_000


def test_really_waiting_is_seen_by_everybody(rig):
    begin = Clock().monotonic()
    with rig.fault("init_slow", seconds=0.6, real=True):
        result = rig.invoke("crm")
    assert Clock().monotonic() - begin >= 0.6
    assert 600 <= init_ms(result.log)[0] < 10_000


@pytest.mark.parametrize("limit_s", [10, 3])
def test_really_waiting_ends_when_lambda_waits_no_longer(limit_s):
    waited = []
    clock = SimpleNamespace(stall=waited.append)
    ctx = Context(clock, None, Lock(), Random(0))
    cold = ColdStart("crm/env-1", SimpleNamespace(), limit_s=limit_s)
    InitSlow(seconds=60, real=True).on_start(cold, lambda: SimpleNamespace(ms=500.0, verdict="started"), ctx)
    assert waited == [limit_s - 0.5]
    assert ctx.stalled + ctx.delayed == 59.5


def test_an_init_that_took_longer_by_itself_is_not_struck(rig):
    with rig.fault("init_slow", seconds=0, optional=True) as armed:
        assert rig.invoke("crm").ok
    assert armed.strikes == 0


def test_another_function_is_not_struck_and_disarmed_it_leaves_nothing(rig):
    with rig.fault("init_slow", match={"function": "erp"}, optional=True) as armed:
        assert init_ms(rig.invoke("crm").log)[0] < 10_000
    assert armed.strikes == 0
    with rig.fault("init_slow", optional=True):
        rig.pool.retire()
    assert "INIT_REPORT" not in rig.invoke("crm").log
