"""Rigs on the real engines, one for each engine and worker, for tests in which a fault strikes a real handler. They end
with this folder: other tests look at what a process has without a rig."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine_choice import ENGINES
from relayed import Relayed

from emulator.postgres import Postgres, embedded
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings


@pytest.fixture(scope="package")
def _rigs() -> Iterator[dict[str, PytestRig]]:
    rigs: dict[str, PytestRig] = {}
    yield rigs
    for rig in rigs.values():
        rig.close()


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), *(e for e in ENGINES if e != "docker")])
def real_rig(request: pytest.FixtureRequest, _rigs: dict[str, PytestRig]) -> Iterator[PytestRig]:
    """A rig with nothing in it on each real engine in turn, its clock standing still; as the fixture `rig` gives it."""
    if request.param not in _rigs:
        _rigs[request.param] = PytestRig(Rig(Settings(engine=request.param, manual_clock=True)).start())
    rig = _rigs[request.param]
    rig.reset()
    yield rig
    rig.injector.disarm()


@pytest.fixture(scope="session")
def _postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    server = embedded(tmp_path_factory.mktemp("postgres"))
    yield server
    server.stop()


@pytest.fixture
def relayed(_postgres: Postgres) -> Iterator[Relayed]:
    """A real PostgreSQL behind a relay, without a rig."""
    relayed = Relayed(_postgres)
    yield relayed
    relayed.close()
