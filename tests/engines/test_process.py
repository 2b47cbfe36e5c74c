"""What the process engine's sandbox of namespaces promises beyond the contract, and what it does not run."""

from __future__ import annotations

import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from evaluated import evaluating, running
from running import Running

from emulator.errors import EngineError
from emulator.functions.engines.cgroup import PARENT, ROOT
from emulator.functions.engines.process import ProcessEngine
from emulator.functions.engines.process_group import group_name
from emulator.functions.engines.protocol import EnvironmentSpec, Exit

in_namespaces = pytest.mark.parametrize("engine", ["process"], indirect=True)


@pytest.fixture(scope="module")
def spec(spec: EnvironmentSpec, tmp_path_factory: pytest.TempPathFactory) -> EnvironmentSpec:
    return evaluating(spec, tmp_path_factory.mktemp("open"))


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
