"""What a fault's author can do wrong, each told at load."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar, Literal

import pytest

from emulator import catalogue
from emulator.errors import FaultError
from emulator.fault import REQUIRED, Fault, param
from emulator.fault_check import problem
from emulator.socket_fault import SocketFault
from emulator.start_fault import StartFault

HOOK = "\n    def on_invoke(self, subject, proceed, ctx): return proceed()\n"
BOOKED = "    def on_booking(self, subject, proceed, ctx): return proceed()\n"


def fault(body="", parameters="", doc='"""Does nothing."""', name="mine"):
    """A fault class of this source."""
    body = body if "on_" in body else body + HOOK
    head = f"@dataclass(frozen=True)\nclass Mine(Fault):\n    {doc}\n    name: ClassVar[str] = '{name}'\n"
    source = f"{head}{parameters}\n{body}\n"
    space = {"dataclass": dataclass, "Fault": Fault, "ClassVar": ClassVar, "param": param, "Literal": Literal,
             "REQUIRED": REQUIRED, "__name__": __name__}  # fmt: skip
    exec(source, space)
    return space["Mine"]


def test_one_that_is_right_has_no_problem():
    assert problem(fault(parameters="    ms: int = param(5, 'ms', 'how long')"), "mine") == ""


def test_a_parameter_that_a_rule_has_to_give_needs_no_default():
    assert problem(fault(parameters="    who: str = param(REQUIRED, '', 'whom')"), "mine") == ""


def test_an_own_point_may_be_hooked():
    made = fault("    own_points = {'booking': 'a booking'}\n" + BOOKED)
    assert problem(made, "mine") == ""
    assert made.points() == ("booking",)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"body": "    def on_invoke(self, subject): pass"},
         "has on_invoke(self, subject): it must take (self, subject, proceed, ctx)"),
        ({"body": "    async def on_invoke(self, subject, proceed, ctx): pass"},
         "has an async on_invoke: it is called, not awaited"),
        ({"body": "    on_invoke = 5"}, "has on_invoke that is no method"),
        ({"body": "    def new_state(self, size): pass"}, "has new_state(self, size): it must take (self)"),
        ({"body": "    def heal(self): pass"}, "has heal(self): it must take (self, ctx)"),
        ({"body": "    own_points = ('booking',)"}, "has own_points that are no mapping of names to what they mean"),
        ({"body": "    own_points = {'invoke': 'mine'}"},
         "has an own point 'invoke', which is the name of one of the rig's"),
        ({"body": "    own_points = {'a b': 'mine'}"}, "has an own point 'a b', which is no name"),
        ({"body": "    def on_booking(self, subject, proceed, ctx): pass"},
         "hooks 'booking', which is no point: choose from request, "),
        ({"doc": ""}, "says nothing of itself: give it a docstring"),
        ({"parameters": "    ms: int = 5"},
         "has a parameter 'ms' without param(): give it a default, a unit and a meaning"),
        ({"parameters": "    ms: 'Nowhere' = param(5, 'ms', 'how long')"},
         "has a type that cannot be resolved: NameError"),
        ({"parameters": "    ms: int = param('5', 'ms', 'how long')"},
         "has a parameter 'ms' whose default '5' does not fit: Input should be a valid integer"),
        ({"parameters": "    ms: int = param(-5, 'ms', 'how long')"},
         "has a parameter 'ms' whose default -5 is less than its least, 0"),
        ({"parameters": "    how: Literal['a'] = param('b', '', 'how')"},
         "has a parameter 'how' whose default 'b' does not fit: Input should be 'a'"),
        ({"body": "    def __post_init__(self): raise ValueError('never')"},
         "cannot be made of its own defaults: never"),
        ({"name": "other"}, "calls itself 'other': the two must agree"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(given, told):
    assert problem(fault(**given), "mine").startswith(told)


@dataclass(frozen=True)
class Shapeless(SocketFault):
    """Does not say what it does to a connection's bytes."""

    name: ClassVar[str] = "shapeless"


@dataclass(frozen=True)
class Unaltered(StartFault):
    """Does not say what it alters."""

    name: ClassVar[str] = "unaltered"


@pytest.mark.parametrize(
    ("given", "told"),
    [(Shapeless, "has no shape(self, chunks, line, dice)"), (Unaltered, "has no altered(self, cold)")],
)
def test_what_its_base_leaves_to_it_has_to_be_there(given, told):
    assert problem(given, given.name) == told


def test_the_catalogue_refuses_it_by_name_and_place(monkeypatch):
    monkeypatch.setattr("test_fault_check.Broken", fault(doc=""), raising=False)
    with pytest.raises(FaultError, match=r"fault 'mine' \(test_fault_check:Broken\) says nothing of itself"):
        catalogue.collected([EntryPoint("mine", "test_fault_check:Broken", catalogue.GROUP)])
