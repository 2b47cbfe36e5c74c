import threading
from dataclasses import dataclass
from random import Random

import pytest

from emulator.clock import Clock
from emulator.fault import POINTS, Context, Fault, Rule, param, parameters
from emulator.scope import Match


@dataclass(frozen=True)
class Sample(Fault):
    """What a fault looks like."""

    name = "sample"
    default_match = Match(service="s3", origin="function")

    delay_ms: int = param(250, "ms", "how long")
    offset: float = param(0.0, "s", "may be negative", least=-10)
    codes: list = param(["a", "b"], "", "each its own")
    bare: str = "x"

    def on_aws_call(self, subject, proceed, ctx):
        return proceed()

    def on_start(self, subject, proceed, ctx):
        return proceed()

    def on_nothing(self):
        """No point."""


@pytest.fixture
def ctx():
    return Context(Clock(manual=True), None, threading.Lock(), Random(0))


def test_parameters_tell_default_unit_meaning_and_least():
    assert parameters(Sample) == {
        "delay_ms": {"default": 250, "type": "int", "unit": "ms", "about": "how long", "least": 0},
        "offset": {"default": 0.0, "type": "float", "unit": "s", "about": "may be negative", "least": -10},
        "codes": {"default": ["a", "b"], "type": "list", "unit": "", "about": "each its own", "least": 0},
        "bare": {"default": "x", "type": "str"},
    }


def test_a_default_that_can_change_is_each_faults_own():
    one, other = Sample(), Sample()
    one.codes.append("c")
    assert other.codes == ["a", "b"]


def test_a_fault_cannot_change():
    with pytest.raises(AttributeError):
        Sample().delay_ms = 5


def test_points_are_the_hooks_it_has_in_the_order_of_a_call():
    assert Sample.points() == ("start", "aws_call")
    assert Fault.points() == ()
    assert tuple(POINTS) == (
        "request", "permit", "invoke", "start", "warm", "deliver", "aws_call", "read", "resolve", "handshake",
        "connect", "resume", "upstream", "query", "write",
    )


def test_a_rule_is_called_as_it_is_named_or_as_its_fault():
    assert Rule(Sample()).label == "sample"
    assert Rule(Sample(), name="mine").label == "mine"


def test_a_rules_own_match_goes_before_the_faults():
    assert Rule(Sample(), Match(function="crm", origin="client")).where == Match(
        function="crm", service="s3", origin="client"
    )


def test_a_delay_adds_up_and_nobody_waits(ctx):
    begin = ctx.clock.monotonic()
    ctx.delay(100)
    ctx.delay(50.5)
    ctx.delay(-5)
    assert (ctx.delayed, ctx.stalled) == (150.5, 0)
    assert ctx.clock.monotonic() - begin < 10
    assert ctx.clock.now() == 0


def test_a_stall_is_waited_for(ctx):
    begin = ctx.clock.monotonic()
    ctx.stall(0.02)
    ctx.stall(-5)
    assert (ctx.delayed, ctx.stalled) == (0, 0.02)
    assert ctx.clock.monotonic() - begin >= 0.02
