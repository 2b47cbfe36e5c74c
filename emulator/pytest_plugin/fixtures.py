"""Fixtures: `rig`, `make_rig` and `clock`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from emulator.pytest_plugin import choices, markers
from emulator.pytest_plugin.rigs import RIGS, leave
from emulator.pytest_plugin.verbs import PytestRig

if TYPE_CHECKING:
    from emulator.clock import Clock


@pytest.fixture
def rig(request: pytest.FixtureRequest) -> Iterator[PytestRig]:
    """A rig with nothing in it but what the marker `scenario` says: its own functions, AWS state, rules, record and
    clock for this test."""
    try:
        yield markers.enter(request.node)
    finally:
        leave(request.node)


@pytest.fixture
def clock(rig: PytestRig) -> Clock:
    """The rig's clock, which stands still until `advance(seconds)`; `now()` is in seconds since the test began."""
    return rig.rig.clock


@pytest.fixture(scope="session")
def make_rig(request: pytest.FixtureRequest) -> Callable[..., PytestRig]:
    """make_rig(iam="strict", idle_s=60, ...): another rig, by the names of Settings, up until the end of the session
    and never reset. It shares nothing with others."""
    config, rigs = request.config, request.config.stash[RIGS]

    def make(**settings: Any) -> PytestRig:
        from emulator.pytest_plugin.wanted import checked

        rigs.made.append(rigs.another(choices.settings(config, **checked(settings))))
        return rigs.made[-1]

    return make
