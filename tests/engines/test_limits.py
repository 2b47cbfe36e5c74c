"""What an environment gets less of, on every engine that has a process to limit; and runtimes that only end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines.docker_container import cpu_quota, descriptors, tmp_kb
from emulator.functions.engines.inline import InlineEngine
from emulator.functions.engines.process import ProcessEngine
from emulator.functions.engines.protocol import Engine, EnvironmentSpec, Exit
from emulator.model import Limits

if TYPE_CHECKING:
    from running import Running

DOCKER = pytest.param("docker", marks=pytest.mark.docker)
every_engine = pytest.mark.parametrize("engine", [DOCKER, "process", "inline"], indirect=True)
real_processes = pytest.mark.parametrize("engine", [DOCKER, "process"], indirect=True)
ONE_CPU_MB = 1769


@real_processes
def test_a_full_tmp_is_no_space_left_on_the_device(start: Callable[..., Running]) -> None:
    running = start(limits=Limits(tmp_kb=64), memory_mb=512)
    assert running.invoke(do="write", path="/tmp/x", mb=0) == "written"
    assert running.invoke(do="write", path="/tmp/x", mb=1) == "ENOSPC"


@real_processes
def test_a_tmp_of_no_size_is_full_and_not_endless(start: Callable[..., Running]) -> None:
    assert start(limits=Limits(tmp_kb=0), memory_mb=512).invoke(do="write", path="/tmp/x", mb=1) == "ENOSPC"


@real_processes
def test_too_many_open_files_are_the_kernels_error(start: Callable[..., Running]) -> None:
    opened, why = start(limits=Limits(open_files=40), memory_mb=512).invoke(do="hold_files", most=100)
    assert (0 < opened < 40, why) == (True, "EMFILE")


@real_processes
def test_a_share_of_the_cpu_makes_work_take_longer(start: Callable[..., Running]) -> None:
    wall_s = start(limits=Limits(cpu=0.3), memory_mb=ONE_CPU_MB).invoke(do="work", cpu_s=0.2)
    assert wall_s > 2 * 0.2


@real_processes
def test_limits_are_of_one_environment(shared: Running) -> None:
    assert shared.invoke(do="hold_files", most=100) == [100, ""]
    assert shared.invoke(do="write", path="/tmp/x", mb=1) == "written"


@every_engine
@pytest.mark.parametrize("status", [0, 1, 127])
def test_a_runtime_that_only_ends_is_heard_at_once(engine: Engine, spec: EnvironmentSpec, status: int) -> None:
    sandbox = engine.start(replace(spec, id="probe/env-3", exit_status=status))
    try:
        assert sandbox.wait(30) == Exit(status)
        assert not sandbox.alive()
        assert sandbox.peak_memory() >= 0
    finally:
        sandbox.kill()


@pytest.mark.parametrize(("limits", "what"), [
    (Limits(cpu=0.5), "the CPU"), (Limits(tmp_kb=64), "/tmp"), (Limits(open_files=64), "open files"),
])
def test_the_inline_engine_has_nothing_to_limit(spec: EnvironmentSpec, limits: Limits, what: str) -> None:
    with pytest.raises(EngineError, match=f"the docker and the process engine limit {what}"):
        InlineEngine("t", Clock()).start(replace(spec, limits=limits))


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[ProcessEngine]:
    """A process engine without namespaces."""
    engine = ProcessEngine("tbare", tmp_path, Clock(), bare=True)
    engine.open()
    yield engine
    engine.close()


def test_without_namespaces_tmp_is_the_machines(bare: ProcessEngine, spec: EnvironmentSpec) -> None:
    with pytest.raises(EngineError, match=r"/tmp cannot be limited without namespaces.*: use the docker"):
        bare.start(replace(spec, limits=Limits(tmp_kb=64)))


def test_without_control_groups_the_cpu_is_the_machines(bare: ProcessEngine, spec: EnvironmentSpec) -> None:
    bare.cap = "rlimit"
    with pytest.raises(EngineError, match="where control groups cannot be written: use the docker engine"):
        bare.start(replace(spec, limits=Limits(cpu=0.5)))


def test_numbers_are_of_what_the_function_is_entitled_to_and_never_more(spec: EnvironmentSpec) -> None:
    whole = replace(spec, function=replace(spec.function, memory_mb=ONE_CPU_MB))
    assert (cpu_quota(whole), tmp_kb(whole), descriptors(whole)) == (100_000, 512 * 1024, 1024)
    less = replace(whole, limits=Limits(0.25, 64, 32))
    assert (cpu_quota(less), tmp_kb(less), descriptors(less)) == (25_000, 64, 32)
    more = replace(whole, limits=Limits(1, 1 << 30, 1 << 20))
    assert (cpu_quota(more), tmp_kb(more), descriptors(more)) == (100_000, 512 * 1024, 1024)
    least = replace(spec, limits=Limits(0.01, 0))
    assert (cpu_quota(least), tmp_kb(least)) == (1000, 4)
