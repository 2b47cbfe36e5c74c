import re

import pytest

from emulator.fault import parameters
from faults.out_of_memory import OutOfMemory

HOLD = """
count, held = 0, []
def handler(event, context):
    global count
    count += 1
    held.append(b"x" * (event << 20))
    return count
"""
BIG_INIT = "table = b'x' * (80 << 20)\n" + HOLD
KILLED = r"RequestId: [\w-]{36} Error: Runtime exited with error: signal: killed"
FULL = re.compile(r"Memory Size: 512 MB\tMax Memory Used: 512 MB\t.*Status: error\tError Type: Runtime.OutOfMemory\n$")
INIT = re.compile(r"INIT_REPORT Init Duration: [\d.]+ ms\tPhase: (\w+)\tStatus: error\tError Type: ([\w.]+)\n")


def used(result):
    return int(re.search(r"Max Memory Used: (\d+) MB", result.log)[1])


def hold(rig, write_handler, source=HOLD):
    rig.function("crm", write_handler(source), "handler.handler", memory=512, timeout=30)
    return lambda mb: rig.invoke("crm", mb)


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(OutOfMemory).items()}
    assert defaults == {"left_mb": 0, "at": "invocation"}


def test_with_nothing_left_the_kernel_kills_it_whatever_it_does(real_rig, write_handler):
    take = hold(real_rig, write_handler)
    assert take(0).payload == 1
    with real_rig.fault("out_of_memory") as armed:
        killed = take(0)
        assert (killed.error, killed.payload["errorType"]) == ("Unhandled", "Runtime.OutOfMemory")
        assert re.fullmatch(KILLED, killed.payload["errorMessage"])
        assert FULL.search(killed.log)
    assert armed.strikes == 1
    assert (after := take(60)).payload == 1
    assert used(after) < 200


def test_it_lives_with_what_is_left_and_dies_of_more(real_rig, write_handler):
    take = hold(real_rig, write_handler)
    with real_rig.fault("out_of_memory", left_mb=40):
        lived = take(10)
        assert (lived.payload, used(lived) > 400) == (1, True)
        killed = take(80)
    assert (killed.payload["errorType"], bool(FULL.search(killed.log))) == ("Runtime.OutOfMemory", True)
    assert take(80).payload == 1


def test_what_was_left_is_measured_and_given_back(real_rig, write_handler):
    take = hold(real_rig, write_handler)
    with real_rig.fault("out_of_memory", left_mb=40, when={"times": 1}):
        assert take(1).payload == 1
        assert (second := take(80)).payload == 2
    assert used(second) < 200


def test_in_init_it_is_repeated_inside_the_invocation(real_rig, write_handler):
    take = hold(real_rig, write_handler, BIG_INIT)
    with real_rig.fault("out_of_memory", at="init", left_mb=60):
        killed = take(0)
    assert INIT.findall(killed.log) == [("init", "Runtime.OutOfMemory"), ("invoke", "Runtime.OutOfMemory")]
    assert FULL.search(killed.log)
    with real_rig.fault("out_of_memory", at="init", left_mb=60, when={"times": 1}):
        recovered = take(40)
    assert (recovered.payload, INIT.findall(recovered.log)) == (1, [("init", "Runtime.OutOfMemory")])


def test_it_counts_the_invocations_that_it_is_aimed_at(inline_rig, write_handler):
    take = hold(inline_rig, write_handler)
    with (
        inline_rig.fault("out_of_memory", when={"after": 2}, optional=True) as armed,
        inline_rig.fault("out_of_memory", match={"function": "other"}, label="elsewhere", optional=True),
    ):
        assert [take(0).payload for _ in range(2)] == [1, 2]
    assert armed.strikes == 0


@pytest.mark.parametrize("at", ["invocation", "init"])
def test_inline_there_is_no_cap(inline_rig, write_handler, at):
    take = hold(inline_rig, write_handler)
    with inline_rig.fault("out_of_memory", at=at), pytest.raises(Exception, match="no memory cap"):
        take(0)
