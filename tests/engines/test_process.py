"""What the process engine promises beyond the contract: its sandbox of namespaces, and what happens without them."""

from __future__ import annotations

import contextlib
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
from typing import Any

import psutil
import pytest
from running import PROBE, Running

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines import process
from emulator.functions.engines.cgroup import PARENT, ROOT, Cgroup
from emulator.functions.engines.process import ProcessEngine
from emulator.functions.engines.process_group import group_name, sweep
from emulator.functions.engines.protocol import EnvironmentSpec, Exit

OPEN_HANDLER = PROBE + '''

def evaluate(code):
    """The value of a Python expression, or the name of what it raised."""
    try:
        names = "importlib", "os", "socket", "ssl", "subprocess", "sys"
        return eval(code, {name: __import__(name) for name in names})
    except OSError as error:
        return errno.errorcode[error.errno]
'''
OWN = "python{}.{}".format(*sys.version_info)
in_namespaces = pytest.mark.parametrize("engine", ["process"], indirect=True)


@pytest.fixture(scope="module")
def spec(spec: EnvironmentSpec, tmp_path_factory: pytest.TempPathFactory) -> EnvironmentSpec:
    """The contract's, with a handler that evaluates what it is sent."""
    code = tmp_path_factory.mktemp("open")
    (code / "probe.py").write_text(OPEN_HANDLER)
    return replace(spec, function=replace(spec.function, code=code, memory_mb=512, runtime=OWN))


@contextlib.contextmanager
def running(engine: ProcessEngine, spec: EnvironmentSpec) -> Iterator[Running]:
    one = Running(engine.start(spec))
    try:
        one.next()
        yield one
    finally:
        one.close()


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


# --- the sandbox ----------------------------------------------------------------------------------------


@in_namespaces
@pytest.mark.parametrize(("code", "expected"), [
    ("' '.join(sorted({*os.listdir('/')} - {'lib32', 'libx32'}))",
     "bin dev etc home lib lib64 opt proc sbin sys tmp usr var"),
    ("os.path.dirname(sys.executable)", "/var/lang/bin"),
    ("os.path.dirname(__import__('boto3').__file__)", "/var/runtime/boto3"),
    ("importlib.util.find_spec('flask')", None),  # the rig's own package: a function must bring its own
    ("socket.gethostname()", "localhost"),
    ("__import__('pwd').getpwuid(os.getuid()).pw_name", "sbx_user1051"),
    ("sys.stdin.read()", ""),
    ("open('/proc/sys/vm/swappiness', 'w')", "EROFS"),
    ("os.chmod('/var/task', 0o777)", "EROFS"),
    ("os.kill(1, 2) or os.kill(1, 15) or os.kill(1, 9)", None),  # process 1 does not hear its own namespace
    ("os.setuid(0)", "EINVAL"),
    ("len([pid for pid in os.listdir('/proc') if pid.isdigit()])", 2),
])
def test_inside_it_looks_like_lambda(shared: Running, code: str, expected: Any) -> None:
    assert shared.invoke(do="evaluate", code=code) == expected


@in_namespaces
def test_no_capability_is_left_and_none_can_be_had(shared: Running) -> None:
    status = shared.invoke(do="read", path="/proc/self/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {lines[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}
    assert lines["NoNewPrivs"] == "1"


@in_namespaces
def test_the_machine_is_left_as_it_was(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    def look() -> list[str]:
        return [*sorted(os.listdir("/")), *sorted(os.listdir("/var")), Path("/etc/hosts").read_text()]

    before = look()
    with running(engine, spec) as one:
        assert one.invoke(do="write", path="/tmp/mine") == "written"
        assert look() == before
    assert look() == before


@in_namespaces
def test_each_sandbox_has_a_network_of_its_own(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    with running(engine, spec) as one, running(engine, replace(spec, id="probe/env-2")) as two:
        theirs = engine.port_of(two.sandbox.runtime_api)
        assert "Connection refused" in one.invoke(do="ask", host=engine.host(), port=theirs)
        assert "Connection refused" in one.invoke(do="ask", host="127.0.0.1", port=22)


@in_namespaces
def test_names_are_asked_of_the_rigs_udp_socket(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    names = engine.listen_udp(53)
    assert names is not None
    names.settimeout(30)
    with names, running(engine, spec) as one:
        ask = "(s := socket.socket(type=socket.SOCK_DGRAM)).sendto(b'who', {!r}) and s.recv(9).decode()"
        one.send(do="evaluate", code=ask.format((engine.host(), 53)))
        question, asker = names.recvfrom(512)
        names.sendto(question + b" knows", asker)
        assert engine.origin("{}:{}".format(*asker)) == spec.id
        assert one.reply() == "who knows"


@in_namespaces
def test_a_reset_at_the_rigs_end_is_a_reset_inside(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    with engine.listen(0) as listener, running(engine, spec) as one:
        listener.settimeout(30)
        one.send(do="ask", host=engine.host(), port=engine.port_of(listener))
        connection, _ = listener.accept()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        assert one.reply().startswith("ConnectionResetError")


@in_namespaces
def test_the_ca_bundle_is_trusted(engine: ProcessEngine, spec: EnvironmentSpec, tmp_path: Path) -> None:
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with running(engine, replace(spec, ca_bundle=tmp_path / "ca.pem")) as one:
        assert one.invoke(do="variable", name="REQUESTS_CA_BUNDLE") == "/var/rig/ca.pem"
        assert one.invoke(do="evaluate", code="len(ssl.create_default_context().get_ca_certs())") == 1
        assert one.invoke(do="read", path="/var/rig/ca.pem") == authority.cert_pem.bytes().decode()


@in_namespaces
def test_layers_lie_over_one_another_and_the_functions_own_packages_win(
    engine: ProcessEngine, spec: EnvironmentSpec, tmp_path: Path
) -> None:
    for layer, name, text in (("a", "shared", "first"), ("b", "shared", "second"), ("a", "boto3", "a layer's")):
        module = tmp_path / layer / "python" / f"{name}.py"
        module.parent.mkdir(parents=True, exist_ok=True)
        module.write_text(f"WHOSE = {text!r}")
    layered = replace(spec, function=replace(spec.function, layers=(tmp_path / "a", tmp_path / "b")))
    with running(engine, layered) as one:
        assert one.invoke(do="evaluate", code="__import__('shared').WHOSE") == "second"
        assert one.invoke(do="evaluate", code="__import__('boto3').WHOSE") == "a layer's"


@in_namespaces
def test_a_wrapper_that_is_not_there_ends_as_on_lambda(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    one = Running(engine.start(replace(spec, variables={**spec.variables, "AWS_LAMBDA_EXEC_WRAPPER": "/opt/none"})))
    assert one.sandbox.wait(30) == Exit(127)
    assert one.output() == "/opt/none: does not exist\n"
    one.close()


@in_namespaces
def test_only_the_runtime_counts_into_the_cap(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    assert engine.cap == "cgroup"
    with running(engine, spec) as one:
        runtime = psutil.Process(int(one.sandbox.native_id))
        groups = Path(f"/proc/{runtime.pid}/cgroup").read_text(), Path(f"/proc/{runtime.ppid()}/cgroup").read_text()
        assert (PARENT in groups[0], PARENT in groups[1]) == (True, False)


@in_namespaces
def test_after_an_oom_kill_the_next_sandbox_works(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    small = replace(spec, function=replace(spec.function, memory_mb=128))
    with running(engine, small) as one:
        one.send(do="hold", mb=300)
        assert one.sandbox.wait(30) == Exit(None, int(signal.SIGKILL), oom=True)
        assert one.hangs_up()
    with running(engine, small) as one:
        assert one.invoke(do="echo", value="well") == "well"


@in_namespaces
def test_killing_leaves_no_process_group_or_descriptor(engine: ProcessEngine, spec: EnvironmentSpec) -> None:
    with running(engine, spec):  # what the first one opens once
        pass
    before = len(os.listdir("/proc/self/fd")), set(psutil.Process().children()), _groups(engine)
    with running(engine, spec) as one:
        one.invoke(do="echo", value=1)
        assert _groups(engine) != before[2]
    assert (len(os.listdir("/proc/self/fd")), set(psutil.Process().children()), _groups(engine)) == before


def _groups(engine: ProcessEngine) -> list[str]:
    mine = group_name(engine._rig_id, 0).rpartition(".")[0]
    return [str(path) for path in ROOT.glob(f"**/{PARENT}/*") if path.name.startswith(mine)]


# --- what cannot be run ---------------------------------------------------------------------------------


@in_namespaces
@pytest.mark.parametrize(("function", "words"), [
    ({"runtime": "ruby3.3"}, ["ruby3.3", "python3.13", "nodejs22.x", "java17", "use the docker engine"]),
    ({"runtime": None, "image": "some/image", "code": None}, ["image", "use the docker engine"]),
], ids=["another language", "an image"])
def test_what_it_does_not_run_is_said(
    engine: ProcessEngine, spec: EnvironmentSpec, function: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(EngineError) as told:
        engine.start(replace(spec, function=replace(spec.function, **function)))
    assert [word for word in words if word not in str(told.value)] == []


@in_namespaces
def test_a_python_that_is_not_here_is_named_with_those_that_are(
    engine: ProcessEngine, spec: EnvironmentSpec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = "python3.14" if sys.version_info[:2] != (3, 14) else "python3.13"
    with pytest.raises(EngineError, match=f"no {missing} on this machine, only {sys.version_info[0]}"):
        engine.start(replace(spec, function=replace(spec.function, runtime=missing)))


def test_without_namespaces_opening_says_what_mends_it(
    opened: Callable[..., ProcessEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse = process.layout.probe
    monkeypatch.setattr(process.layout, "probe", lambda root: refuse(root) | {"uid": 4_000_000_000})
    with pytest.raises(EngineError, match="makes no namespaces") as told:
        opened()
    assert "LAMBDARIG_BARE_PROCESS=1" in str(told.value)


# --- without control groups, without namespaces ---------------------------------------------------------


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
