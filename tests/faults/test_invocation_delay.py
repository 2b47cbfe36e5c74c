import re

import pytest

from emulator.catalogue import rule
from emulator.clock import Clock
from emulator.fault import parameters
from faults.invocation_delay import InvocationDelay

HANDLER = "def handler(event, context):\n    return context.get_remaining_time_in_millis()\n"


@pytest.fixture
def rig(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=5)
    return inline_rig


def durations(log):
    return [float(found) for found in re.findall(r"\t(?:Billed )?Duration: ([\d.]+) ms", log)]


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(InvocationDelay).items()}
    assert defaults == {"ms": 1000, "jitter_ms": 0, "real": False}


def test_the_handler_has_less_time_left_and_it_is_billed(real_rig, write_handler):
    real_rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=60)
    begin = Clock().monotonic()
    with real_rig.fault("invocation_delay", ms=40_000):
        late = real_rig.invoke("crm")
    assert 10_000 < late.payload <= 20_000
    assert min(durations(late.log)) >= 40_000
    assert Clock().monotonic() - begin < 40
    after = real_rig.invoke("crm")
    assert (after.payload > 50_000, max(durations(after.log)) < 10_000) == (True, True)


def test_past_the_timeout_the_handler_does_not_run(real_rig, write_handler):
    source = "runs = []\ndef handler(event, context):\n    runs.append(1)\n    return len(runs)\n"
    real_rig.function("crm", write_handler(source), "handler.handler", timeout=3)
    with real_rig.fault("invocation_delay", ms=3000, when={"after": 1}):
        assert real_rig.invoke("crm").payload == 1
        late = real_rig.invoke("crm")
    assert late.payload["errorMessage"].endswith("Task timed out after 3.00 seconds")
    assert real_rig.invoke("crm").payload == 1, "a new environment, as after any timeout"


def test_really_waiting_is_seen_by_everybody(rig):
    begin = Clock().monotonic()
    with rig.fault("invocation_delay", ms=80, real=True):
        result = rig.invoke("crm")
    assert Clock().monotonic() - begin >= 0.08
    assert (result.payload <= 4920, durations(result.log)[0] >= 80) == (True, True)


def test_really_waiting_ends_with_the_timeout(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=1)
    begin = Clock().monotonic()
    with inline_rig.fault("invocation_delay", ms=900_000, real=True):
        late = inline_rig.invoke("crm")
    assert late.payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert 1 <= Clock().monotonic() - begin < 30


def test_two_of_them_add_up(rig):
    again = rule({"fault": "invocation_delay", "name": "again", "with": {"ms": 2500}})
    with rig.fault("invocation_delay", ms=1000), rig.fault(again):
        assert 1000 < rig.invoke("crm").payload <= 1500


def test_jitter_is_by_the_dice(rig):
    with rig.fault("invocation_delay", ms=1000, jitter_ms=900):
        left = [rig.invoke("crm").payload for _ in range(4)]
    assert len({round(one, -2) for one in left}) > 1
    assert all(3000 < one < 4900 for one in left)


def test_only_the_function_it_is_aimed_at_is_late(rig):
    with rig.fault("invocation_delay", match={"function": "erp"}, optional=True) as armed:
        assert rig.invoke("crm").payload > 4000
    assert armed.strikes == 0
