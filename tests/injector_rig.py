"""An injector whose clock stands still, and faults that do what a test says."""

from dataclasses import dataclass

import pytest

from emulator.clock import Clock
from emulator.fault import Fault, Rule
from emulator.injector import Injector
from emulator.timeline import Timeline


@dataclass(frozen=True)
class Subject:
    ALTERABLE = ("word",)

    id: str = "crm/inv-1"
    function: str = "crm"
    invocation: str = ""
    word: str = ""

    def attributes(self):
        return {"function": self.function}


@dataclass(frozen=True)
class Answer:
    verdict: str = "ok"


class Hook(Fault):
    """A fault that does what the test says."""

    name = "hook"

    def __init__(self, hook, *, heal=None, state=None):
        self._hook, self._heal, self.new_state = hook, heal, state or (lambda: None)

    def on_invoke(self, subject, proceed, ctx):
        return self._hook(subject, proceed, ctx)

    def heal(self, ctx):
        if self._heal:
            self._heal(ctx)


def look(subject, proceed, ctx):
    return proceed()


def cut(subject, proceed, ctx):
    return Answer("cut")


def delay(subject, proceed, ctx):
    ctx.delay(2)
    return proceed()


@pytest.fixture
def manual_clock():
    return Clock(manual=True)


@pytest.fixture
def injector(manual_clock):
    return Injector(manual_clock, Timeline(manual_clock), seed=7)


def arm(injector, *hooks, **rule):
    return injector.arm([Rule(Hook(hook), name=hook.__name__, **rule) for hook in hooks])


def call(injector, subject=None, proceed=Answer):
    return injector.pass_through("invoke", subject or Subject(), lambda _: proceed())


def rows(injector):
    return [(event.subject, event.point, event.rule, event.outcome) for event in injector.timeline.events()]


def many(injector, count, **subject):
    """Indices of the subjects that were struck."""
    return [n for n in range(count) if call(injector, Subject(f"crm/inv-{n}", **subject)).struck]


def told(subject):
    return Answer(subject.word)
