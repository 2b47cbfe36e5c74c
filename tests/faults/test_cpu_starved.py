from types import SimpleNamespace

import pytest

from emulator.fault import parameters
from emulator.model import ColdStart, Limits
from faults.cpu_starved import CpuStarved

WORK = """
import time
def handler(event, context):
    begin, until = time.monotonic(), time.process_time() + event
    while time.process_time() < until:
        pass
    return time.monotonic() - begin
"""
ONE_CPU_MB = 1769


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(CpuStarved).items()} == {"share": 0.1}


@pytest.mark.parametrize("share", [0, -0.5, 1, 2])
def test_a_share_is_a_part_of_the_whole(share):
    with pytest.raises(ValueError, match="share: it must be above 0 and below 1"):
        CpuStarved(share=share)


def test_its_share_is_the_environments_limit():
    cold = ColdStart("report/env-1", SimpleNamespace(name="report"))
    assert CpuStarved(share=0.25).altered(cold).limits == Limits(cpu=0.25)


def test_work_takes_longer_and_an_environment_of_the_rule_is_not_used_again_after_it(real_rig, write_handler):
    real_rig.function("report", write_handler(WORK), "handler.handler", memory=ONE_CPU_MB, timeout=20)
    with real_rig.fault("cpu_starved", share=0.3) as armed:
        starved = real_rig.invoke("report", 0.2)
        again = real_rig.invoke("report", 0.2)
    assert starved.payload > 0.4
    assert again.payload > 0.4
    assert armed.strikes == 1
    assert "Init Duration" in real_rig.invoke("report", 0).log


def test_one_that_was_warm_is_as_quick_as_it_was(real_rig, write_handler):
    real_rig.function("report", write_handler(WORK), "handler.handler", memory=ONE_CPU_MB, timeout=20)
    real_rig.invoke("report", 0)
    with real_rig.fault("cpu_starved", optional=True) as armed:
        assert "Init Duration" not in real_rig.invoke("report", 0.01).log
    assert armed.strikes == 0
    assert "Init Duration" not in real_rig.invoke("report", 0.01).log


def test_inline_it_is_an_error_of_the_rigs_that_says_what_to_use(inline_rig, write_handler):
    inline_rig.function("report", write_handler(WORK), "handler.handler")
    with inline_rig.fault("cpu_starved", optional=True), pytest.raises(Exception, match="engine limit the CPU"):
        inline_rig.invoke("report", 0)
    assert inline_rig.invoke("report", 0).ok
