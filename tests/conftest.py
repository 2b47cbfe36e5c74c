"""Which engines are tested, and rigs to test with.

LAMBDARIG_ENGINE_TESTS lists the real engines, `docker,process` unless it says otherwise. With `docker` in the list and
no engine that answers, tests marked `docker` fail. Without it they are deselected, and the last lines say so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import hypothesis
import pytest
from engine_choice import ENGINES, REAL, VARIABLE

from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

pytest_plugins = ["pytester"]
hypothesis.settings.register_profile("lambdarig", deadline=None)  # what is slow here is the machine
hypothesis.settings.load_profile("lambdarig")


def pytest_configure(config: pytest.Config) -> None:
    if unknown := sorted(set(ENGINES) - set(REAL)):
        raise pytest.UsageError(f"{VARIABLE}: unknown engine {unknown[0]!r}: choose from {', '.join(REAL)}")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    gone = [item for item in items if not _wanted(item)]
    items[:] = [item for item in items if _wanted(item)]
    if gone:
        config.hook.pytest_deselected(items=gone)


def _wanted(item: pytest.Item) -> bool:
    return "docker" in ENGINES or item.get_closest_marker("docker") is None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if "docker" not in ENGINES:
        terminalreporter.write_line(f"without Docker ({VARIABLE}={','.join(ENGINES)}): tests marked docker did not run")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") and (reason := _no_docker()):
        pytest.fail(f"no Docker engine answers: {reason}\n{VARIABLE}=process goes without, knowingly", pytrace=False)


@lru_cache
def _no_docker() -> str:
    """Why not; empty when an engine answers."""
    from emulator.functions.engines.docker import DockerEngine

    return DockerEngine.available() or ""


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), *(e for e in ENGINES if e != "docker")])
def real_engine(request: pytest.FixtureRequest) -> str:
    """Name of each real engine in turn."""
    return str(request.param)


@pytest.fixture
def inline_rig() -> Iterator[PytestRig]:
    """A rig of its own on the inline engine, its clock standing still; see `write_handler`."""
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield PytestRig(rig)


@pytest.fixture
def write_handler(tmp_path: Path) -> Callable[..., Path]:
    """write_handler(SOURCE, NAME) -> a folder whose handler.py holds the source, with a function `handler` in it."""

    def write(source: str = "def handler(event, context):\n    return event\n", name: str = "code") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "handler.py").write_text(source)
        return folder

    return write
