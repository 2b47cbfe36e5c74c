"""Each engine, and sandboxes of it that wait for an event."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from running import PROBE, Running

from emulator.clock import Clock
from emulator.functions.engines.protocol import Engine, EnvironmentSpec
from emulator.model import Function, Limits

IMAGE = "lambdarig/python:3.11"


def build(name: str, rig_id: str, state_dir: Path) -> Engine:
    if name == "docker":
        from emulator.functions.engines.docker import DockerEngine

        return DockerEngine(rig_id, lambda runtime: IMAGE, state_dir, Clock())
    if name == "process":
        from emulator.functions.engines.process import ProcessEngine

        return ProcessEngine(rig_id, state_dir, Clock())
    from emulator.functions.engines.inline import InlineEngine

    return InlineEngine(rig_id, Clock())


@pytest.fixture(scope="module")
def make_engine(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Engine]:
    """NAME -> a new engine with a rig id of its own. Whoever makes one closes it."""
    return lambda name: build(name, f"t{uuid.uuid4().hex[:10]}", tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest, make_engine: Callable[[str], Engine]) -> Iterator[Engine]:
    made = make_engine(request.param)
    made.open()
    yield made
    made.close()


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> EnvironmentSpec:
    """The probe, 128 MB: tests replace what they need."""
    code = tmp_path_factory.mktemp("code")
    (code / "probe.py").write_text(PROBE)
    code.chmod(0o755)
    arn = "arn:aws:lambda:us-east-1:123456789012:function:probe"
    function = Function("probe", arn, "python3.11", "probe.handler", "arn:aws:iam::123456789012:role/r", code)
    variables = {"_HANDLER": "probe.handler", "AWS_LAMBDA_FUNCTION_NAME": "probe", "AWS_REGION": "us-east-1"}
    return EnvironmentSpec("probe/env-1", function, variables, hosts=("login.example.com",), labels={"owner": "test"})


@pytest.fixture
def start(engine: Engine, spec: EnvironmentSpec) -> Iterator[Callable[..., Running]]:
    """start(id=..., limits=..., memory_mb=...) -> a Running whose client waits for an event; killed afterwards."""
    running: list[Running] = []

    def begin(env_id: str = "probe/env-2", limits: Limits | None = None, **function: Any) -> Running:
        mine = replace(spec, id=env_id, function=replace(spec.function, **function), limits=limits or Limits())
        running.append(Running(engine.start(mine)))
        running[-1].next()
        return running[-1]

    yield begin
    for one in running:
        one.close()


@pytest.fixture(scope="module")
def shared(engine: Engine, spec: EnvironmentSpec) -> Iterator[Running]:
    """One sandbox for every test that leaves it as it was. 512 MB, so that its CPU quota lets it start quickly."""
    one = Running(engine.start(replace(spec, function=replace(spec.function, memory_mb=512))))
    one.next()
    yield one
    one.close()
