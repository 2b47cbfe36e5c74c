"""What rules make of lookups."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from injector_rig import Answer

from emulator.fault import Fault, Rule, param
from emulator.model import Resolved
from emulator.names import Lookups
from emulator.scope import When

pytest_plugins = ["injector_rig"]  # fixtures: injector


@dataclass(frozen=True)
class Missing(Fault):
    """The name is missing, or an invocation fails."""

    name: ClassVar[str] = "missing"
    at: str = param("resolve", "", "the point")

    def strikes_at(self, point):
        return point == self.at

    def on_resolve(self, query, proceed, ctx):
        return Resolved("missing")

    def on_invoke(self, invocation, proceed, ctx):
        return Answer("failed")


@pytest.fixture
def ask(injector):
    lookups = Lookups(injector, lambda _: ("crm", "crm/inv-1"))
    return lambda: lookups("api.crm.example", "10.0.0.2")


def test_a_lookup_that_is_asked_again_is_the_same_one(injector, ask):
    injector.arm([Rule(Missing(), when=When(times=1))])
    assert [ask(), ask()] == ["missing", "missing"]


@pytest.mark.parametrize(("at", "then"), [("invoke", "missing"), ("resolve", "resolved")])
def test_only_a_rule_that_strikes_lookups_makes_it_another_one(injector, ask, at, then):
    injector.arm([Rule(Missing(), when=When(times=1))])
    assert ask() == "missing"
    injector.arm([Rule(Missing(at), name="other", when=When(after=1))])
    assert ask() == then
