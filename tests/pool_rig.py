"""A pool of fake environments, for the tests of who runs in which."""

from __future__ import annotations

import threading

import pytest
from lambda_fixtures import PATIENCE_S, FakeEnvironment, function

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.environment import Start
from emulator.functions.pool import Pool
from emulator.injector import Injector
from emulator.model import Invocation
from emulator.timeline import Timeline


class World:
    """A pool of fake environments. make: what a cold start gives, of a ColdStart; by default one that is ready."""

    def __init__(self, make=None, **settings):
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.injector = Injector(self.clock, self.timeline)
        self.made, self.logged = [], []
        self._make = make or (lambda cold: Start("ready", self.environment(cold), 100.0))
        self.pool = Pool(self._launch, self._log, self.injector, self.clock, **settings)
        self._numbers = iter(range(1, 10000))

    def environment(self, cold, **settings):
        return FakeEnvironment(env_id=cold.id, of=cold.function, initialization=cold.initialization, **settings)

    def _launch(self, cold, limit_s, began):
        start = self._make(cold)
        self.made.append(start.environment)
        began(start.environment)
        return start

    def _log(self, function, stream, events):
        self.logged.append((function.name, stream, events))

    def run(self, reserved=None, set_aside=0, **changes):
        of = function(**changes)
        number = next(self._numbers)
        return self.pool.run(Invocation(f"f/inv-{number}", f"id-{number}", of, b"{}"), reserved, set_aside)

    def states(self):
        return sorted((environment.id, state) for environment, state in self.pool.environments())


@pytest.fixture
def world():
    worlds = []

    def make(*given, **settings):
        worlds.append(World(*given, **settings))
        return worlds[-1]

    yield make
    for one in worlds:
        one.pool.close()


def refuse(*_):
    raise EngineError("there is no image")


def meet(it, count):
    """Let this world's invocations wait for each other, until there are so many at once."""
    barrier = threading.Barrier(count)

    def meeting(cold):
        environment = it.environment(cold)
        invoke = environment.invoke
        environment.invoke = lambda *given: (barrier.wait(PATIENCE_S), invoke(*given))[1]
        return Start("ready", environment, 1.0)

    it._make = meeting
