"""The process engine without namespaces, control groups, rights or a rig that lives on."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from evaluated import evaluating, running

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines import process
from emulator.functions.engines.cgroup import PARENT, ROOT, Cgroup
from emulator.functions.engines.process import ProcessEngine
from emulator.functions.engines.process_group import group_name, sweep
from emulator.functions.engines.protocol import EnvironmentSpec, Exit


@pytest.fixture(scope="module")
def spec(spec: EnvironmentSpec, tmp_path_factory: pytest.TempPathFactory) -> EnvironmentSpec:
    return evaluating(spec, tmp_path_factory.mktemp("open"))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., ProcessEngine]]:
    """opened(bare=...) -> an engine of the test's own, open, closed afterwards."""
    made: list[ProcessEngine] = []

    def open_one(bare: bool = False) -> ProcessEngine:
        made.append(ProcessEngine(f"own-{os.getpid()}", tmp_path / "state", Clock(), bare=bare))
        made[-1].open()
        return made[-1]

    yield open_one
    for engine in made:
        engine.close()


# --- without namespaces, without control groups ---------------------------------------------------------


def test_without_namespaces_opening_says_what_mends_it(
    opened: Callable[..., ProcessEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = process.layout.probe
    monkeypatch.setattr(process.layout, "probe", lambda root: refuse(root) | {"uid": 4_000_000_000})
    with pytest.raises(EngineError, match="makes no namespaces") as told:
        opened()
    assert "LAMBDARIG_BARE_PROCESS=1" in str(told.value)


@pytest.fixture
def watched(opened: Callable[..., ProcessEngine], monkeypatch: pytest.MonkeyPatch) -> ProcessEngine:
    """An engine on a machine whose control groups cannot be written."""
    monkeypatch.setattr(process, "can_make", lambda name: False)
    return opened()


def test_without_control_groups_a_watch_kills_past_the_cap(watched: ProcessEngine, spec: EnvironmentSpec) -> None:
    assert watched.cap == "rlimit"
    assert "memory is looked at" in " ".join(watched.costs())
    with running(watched, replace(spec, function=replace(spec.function, memory_mb=128))) as one:
        one.invoke(do="hold", mb=50)
        one.send(do="hold", mb=300)
        assert one.sandbox.wait(30) == Exit(None, int(signal.SIGKILL), oom=True)


def test_without_control_groups_peaks_are_the_kernels(watched: ProcessEngine, spec: EnvironmentSpec) -> None:
    with running(watched, spec) as one:
        one.invoke(do="hold", mb=100)
        one.invoke(do="let_go")
        assert 100 << 20 <= one.sandbox.peak_memory() <= 200 << 20
        one.sandbox.reset_peak()
        assert 0 < one.sandbox.peak_memory() < 100 << 20


def test_without_control_groups_the_watch_squeezes(watched: ProcessEngine, spec: EnvironmentSpec) -> None:
    with running(watched, replace(spec, function=replace(spec.function, memory_mb=128))) as one:
        one.sandbox.squeeze(one.sandbox.memory_in_use() + (30 << 20))
        one.invoke(do="hold", mb=10)
        assert one.sandbox.peak_memory() > 60 << 20
        one.sandbox.squeeze(None)
        one.sandbox.reset_peak()
        assert one.sandbox.peak_memory() < 60 << 20
        one.sandbox.squeeze(0)
        assert not one.sandbox.alive()
        assert one.sandbox.wait(10) == Exit(None, int(signal.SIGKILL), oom=True)
        assert one.sandbox.peak_memory() == 128 << 20


def test_without_control_groups_freezing_stops_every_process(watched: ProcessEngine, spec: EnvironmentSpec) -> None:
    with running(watched, spec) as one:
        one.invoke(do="evaluate", code="subprocess.Popen(['sleep', '1000']) and None")
        inside = psutil.Process(int(one.sandbox.native_id))
        everything = [inside, *inside.children()]
        one.sandbox.freeze()
        assert [process.status() for process in everything] == ["stopped", "stopped"]
        one.sandbox.thaw()
        assert one.invoke(do="echo", value="awake") == "awake"
        one.sandbox.freeze()
    assert psutil.wait_procs(everything, timeout=10)[1] == []


def test_an_old_kernel_is_named_among_the_costs(
    opened: Callable[..., ProcessEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = opened()
    assert "5.12" not in " ".join(engine.costs())
    monkeypatch.setattr(process, "_kernel", lambda: (5, 4))
    assert "older than 5.12" in " ".join(engine.costs())


def test_bare_it_runs_as_a_plain_process_and_says_what_that_costs(
    opened: Callable[..., ProcessEngine], spec: EnvironmentSpec, tmp_path: Path
) -> None:
    engine = opened(bare=True)
    costs = " ".join(engine.costs())
    assert [word for word in ("no namespaces", "real names", "uid 993", "/tmp") if word not in costs] == []
    (tmp_path / "layer/python").mkdir(parents=True)
    (tmp_path / "layer/python/layered.py").write_text("")
    function = replace(spec.function, layers=(tmp_path / "layer",))
    with running(engine, replace(spec, function=function)) as one:
        assert one.invoke(do="identity")["folder"] == str(spec.function.code)
        assert one.invoke(do="evaluate", code="importlib.util.find_spec('layered') is not None")
        with engine.listen(443) as listener:
            listener.settimeout(30)
            one.send(do="ask", host=engine.host(), port=engine.port_of(listener))
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"the rig\n")
            assert one.reply() == "the rig\n"


def test_bare_a_kill_ends_what_the_function_left_running(
    opened: Callable[..., ProcessEngine], spec: EnvironmentSpec
) -> None:
    with running(opened(bare=True), spec) as one:
        pid = one.invoke(do="evaluate", code="subprocess.Popen(['sleep', '1000'], start_new_session=True).pid")
        left = psutil.Process(pid)
        one.send(do="leave", status=3)
        assert one.sandbox.wait(30) == Exit(3)
        assert psutil.wait_procs([left], timeout=10)[1] == []
    with running(opened(bare=True), spec) as one:
        left = psutil.Process(int(one.sandbox.native_id))
        one.sandbox.freeze()
    assert psutil.wait_procs([left], timeout=10)[1] == []


# --- when the rig itself is killed ----------------------------------------------------------------------

DOOMED = """
import dataclasses, json, pathlib, sys, threading
from emulator.clock import Clock
from emulator.functions.engines.process import ProcessEngine
from emulator.functions.engines.protocol import EnvironmentSpec
from emulator.model import Function

def main(state, code, bare):
    engine = ProcessEngine("doomed", pathlib.Path(state), Clock(), bare=bare == "bare")
    engine.open()
    runtime = "python{}.{}".format(*sys.version_info)
    function = Function("probe", "arn:aws:lambda:r:1:function:probe", runtime, "probe.handler", "", pathlib.Path(code))
    spec = EnvironmentSpec("probe/env-1", function, {"_HANDLER": "probe.handler"})
    running, frozen = engine.start(spec), engine.start(dataclasses.replace(spec, id="probe/env-2"))
    frozen.freeze()
    print(json.dumps([int(running.native_id), int(frozen.native_id)]), flush=True)
    sys.stdin.read()

main(*sys.argv[1:])
"""


@pytest.mark.parametrize("mode", ["namespaces", "bare"])
def test_a_rig_killed_outright_leaves_no_process_and_its_groups_are_swept(
    spec: EnvironmentSpec, tmp_path: Path, mode: str
) -> None:
    rig = subprocess.Popen([sys.executable, "-c", DOOMED, str(tmp_path), str(spec.function.code), mode],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with rig:
        assert rig.stdout is not None
        runtimes = [psutil.Process(pid) for pid in json.loads(rig.stdout.readline())]
        everything = [*runtimes, *(runtime.parent() for runtime in runtimes)]
        owner = rig.pid
        rig.kill()
    left = psutil.wait_procs(everything, timeout=10)[1]
    assert [one for one in left if one.status() != psutil.STATUS_ZOMBIE] == []
    sweep()
    assert [path for path in ROOT.glob(f"**/{PARENT}/*") if path.name.startswith(f"doomed.{owner}-")] == []


def test_sweeping_spares_the_groups_of_a_living_rig() -> None:
    mine = Cgroup.create(group_name("living", 1), 1 << 27, 10_000, 16)
    gone = Cgroup.create(f"gone.{os.getpid()}-1.1", 1 << 27, 10_000, 16)  # this process, but of another start
    try:
        sweep()
        assert (mine.dirs["memory"].exists(), gone.dirs["memory"].exists()) == (True, False)
    finally:
        mine.remove()
        gone.remove()


def test_no_administrators_right_is_needed(spec: EnvironmentSpec, tmp_path: Path) -> None:
    """Root keeps the one that Linux wants for showing root itself under another number; Docker leaves it that one."""
    drop = [] if os.geteuid() else ["setpriv", "--bounding-set=-all,+setfcap", "--inh-caps=-all"]
    with subprocess.Popen([*drop, sys.executable, "-c", DOOMED, str(tmp_path), str(spec.function.code), "namespaces"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as rig:
        assert rig.stdout is not None
        pids = json.loads(rig.stdout.readline())
        maps = [Path(f"/proc/{pid}/uid_map").read_text().split() for pid in pids]
        rig.kill()
    assert [one[0] for one in maps] == ["993", "993"]
    sweep()


def test_listening_and_starting_at_once_meet(opened: Callable[..., ProcessEngine], spec: EnvironmentSpec) -> None:
    engine = opened()
    listeners: list[socket.socket] = []
    thread = threading.Thread(target=lambda: listeners.extend(engine.listen(0) for _ in range(20)))
    thread.start()
    with running(engine, spec) as one:
        thread.join()
        listeners[-1].settimeout(30)
        one.send(do="ask", host=engine.host(), port=engine.port_of(listeners[-1]))
        connection, _ = listeners[-1].accept()
        with connection:
            connection.sendall(b"here\n")
        assert one.reply() == "here\n"
