"""The docker engine on a daemon, what it does where it sees less than usual, and daemons that will not do."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from layers import layer
from running import Running

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines.docker import DockerEngine
from emulator.functions.engines.protocol import EnvironmentSpec, Exit
from emulator.reaper import owner

if TYPE_CHECKING:
    import docker
IMAGE = "lambdarig/python:3.11"


# --- daemons that will not do ---------------------------------------------------------------------------


def test_a_daemon_elsewhere_is_refused_with_compose_as_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert "docker compose up" in str(DockerEngine.available())
    with pytest.raises(EngineError, match="docker compose up"):
        DockerEngine("r", None, tmp_path, Clock()).open()


def test_another_system_is_refused_with_compose_as_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert "docker compose up" in str(DockerEngine.available())


def test_no_daemon_is_said_with_doctor_as_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    assert "No such file" in str(DockerEngine.available())
    with pytest.raises(EngineError, match="lambdarig doctor"):
        DockerEngine("r", None, tmp_path, Clock()).open()


def test_a_silent_daemon_is_given_up_within_a_second(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        clock = Clock()
        assert "timed out" in str(DockerEngine.available())
        assert clock.now() < 1


# --- on a daemon ----------------------------------------------------------------------------------------

on_docker = pytest.mark.parametrize("engine", [pytest.param("docker", marks=pytest.mark.docker)], indirect=True)


@pytest.fixture
def client() -> Iterator[docker.DockerClient]:
    import docker

    made = docker.from_env()
    yield made
    made.close()


@pytest.mark.docker
def test_a_daemon_that_answers_is_available() -> None:
    assert DockerEngine.available() is None


@pytest.mark.docker
def test_closing_leaves_no_container_network_or_file(
    spec: EnvironmentSpec, client: docker.DockerClient, tmp_path: Path
) -> None:
    engine = DockerEngine("leaves-nothing", lambda runtime: IMAGE, tmp_path, Clock())
    label = {"label": "lambdarig.rig=leaves-nothing"}
    engine.start(spec)
    assert client.networks.list(filters=label)[0].attrs["Labels"]["lambdarig.owner"] == owner()
    assert len(client.containers.list(filters=label)) == len(client.networks.list(filters=label)) == 1
    engine.close()
    assert client.containers.list(all=True, filters=label) == client.networks.list(filters=label) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.docker
def test_a_missing_image_is_named_and_leaves_nothing(spec: EnvironmentSpec, tmp_path: Path) -> None:
    engine = DockerEngine("no-image", lambda runtime: "lambdarig/none:1", tmp_path, Clock())
    try:
        with pytest.raises(EngineError, match=r"(?s)lambdarig/none:1.*lambdarig images build"):
            engine.start(spec)
        assert list(tmp_path.iterdir()) == []
    finally:
        engine.close()


@on_docker
def test_an_image_function_runs_its_own_command_over_the_images(
    engine: DockerEngine, spec: EnvironmentSpec, start: Callable[..., Running]
) -> None:
    running = start(image=IMAGE, runtime=None, handler=None, image_command=("probe.handler",))
    assert running.invoke(do="echo", value=1) == 1


@on_docker
def test_a_runtime_that_cannot_even_start_is_seen_to_end(engine: DockerEngine, spec: EnvironmentSpec) -> None:
    function = replace(spec.function, image=IMAGE, image_entrypoint=("/no/such/program",))
    sandbox = engine.start(replace(spec, function=function))
    try:
        assert sandbox.wait(10) == Exit(127)
        assert b"/no/such/program" in os.read(sandbox.log, 4096)
        assert os.read(sandbox.log, 4096) == b""
    finally:
        sandbox.kill()


@on_docker
def test_several_layers_are_one_opt(start: Callable[..., Running], tmp_path: Path) -> None:
    layers = layer(tmp_path / "a", x="a", y="a"), layer(tmp_path / "b", x="b")
    for one in layers:
        one.chmod(0o755)
    running = start(memory_mb=512, layers=layers)
    assert [running.invoke(do="read", path=f"/opt/{name}") for name in "xy"] == ["b", "a"]


@on_docker
def test_the_bundle_is_what_the_system_and_the_clients_trust(
    engine: DockerEngine, spec: EnvironmentSpec, tmp_path: Path
) -> None:
    (tmp_path / "bundle").write_text("certificates")
    function = replace(spec.function, memory_mb=512)
    running = Running(engine.start(replace(spec, function=function, ca_bundle=tmp_path / "bundle")))
    with contextlib.closing(running):
        running.next()
        named = running.invoke(do="variable", name="SSL_CERT_FILE")
        for path in (named, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"):
            assert running.invoke(do="read", path=path) == "certificates"


@on_docker
def test_names_that_the_hosts_file_lacks_are_asked_of_the_rig(engine: DockerEngine, shared: Running) -> None:
    from dnslib import QTYPE, RR, A, DNSRecord

    def serve(udp: socket.socket) -> str:
        while True:
            asked, client = udp.recvfrom(4096)
            query = DNSRecord.parse(asked)
            reply = query.reply()
            if query.q.qtype == QTYPE.A:
                reply.add_answer(RR(query.q.qname, QTYPE.A, rdata=A("192.0.2.7")))
            udp.sendto(reply.pack(), client)
            if query.q.qtype == QTYPE.A:
                return str(query.q.qname)

    udp = engine.listen_udp(53)
    assert udp is not None
    with udp, ThreadPoolExecutor(1) as pool:
        udp.settimeout(30)
        served = pool.submit(serve, udp)
        assert shared.invoke(do="resolve", name="api.example.org") == "192.0.2.7"
        assert served.result() == "api.example.org."


@on_docker
def test_a_port_in_use_is_refused_with_its_number(engine: DockerEngine) -> None:
    with engine.listen(0) as taken, pytest.raises(EngineError, match=f"{engine.port_of(taken)}.*in use"):
        engine.listen(engine.port_of(taken))


@on_docker
def test_without_sight_of_the_process_the_daemon_freezes_measures_and_tells_the_end(
    engine: DockerEngine, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unseen(pid: int) -> int:
        raise ProcessLookupError(pid)

    monkeypatch.setattr("os.pidfd_open", unseen)
    running = start(memory_mb=512)
    assert running.sandbox.alive()
    assert running.sandbox.wait(0) is None
    assert running.sandbox.wait(0.05) is None
    assert running.sandbox.peak_memory() > 1 << 20
    running.sandbox.freeze()
    running.send(do="leave", status=3)
    running.sandbox.thaw()
    assert running.hangs_up()
    assert running.sandbox.wait(10) == Exit(3)
    assert not running.sandbox.alive()
    running.sandbox.freeze()
    running.sandbox.thaw()


@on_docker
def test_a_container_paused_by_the_daemon_can_be_killed(
    engine: DockerEngine, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unseen(pid: int) -> int:
        raise ProcessLookupError(pid)

    monkeypatch.setattr("os.pidfd_open", unseen)
    running = start(memory_mb=512)
    running.sandbox.freeze()
    running.sandbox.kill()
    assert not running.sandbox.alive()
    assert running.sandbox.wait(0) == Exit(None, 9)


@on_docker
def test_a_container_removed_by_another_hand_was_killed(
    engine: DockerEngine, start: Callable[..., Running], client: docker.DockerClient
) -> None:
    running = start(memory_mb=512)
    client.containers.get(running.sandbox.native_id).remove(force=True)
    assert running.hangs_up()
    assert running.sandbox.wait(10) == Exit(None, 9)
    running.sandbox.kill()


# --- a rig that is itself in a container ---------------------------------------------------------------------


@pytest.mark.docker
def test_a_rig_in_a_container_uses_the_given_network_and_leaves_it(
    monkeypatch: pytest.MonkeyPatch, client: docker.DockerClient, tmp_path: Path
) -> None:
    network = client.networks.create(f"given-{tmp_path.name}-{os.getpid()}", internal=True)
    me = client.containers.create(IMAGE, network=network.name, entrypoint="/bin/sleep", command="60")
    try:
        me.start()
        me.reload()
        monkeypatch.setenv("LAMBDARIG_NETWORK", network.name)
        monkeypatch.setattr("socket.gethostname", lambda: me.short_id)
        engine = DockerEngine("in-compose", None, tmp_path, Clock())
        assert engine.host() == me.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
        with pytest.raises(EngineError, match="docker compose up"):  # that address is not of this machine
            engine.listen(0)
        engine.close()
        network.reload()
    finally:
        me.remove(force=True)
        network.remove()


@pytest.mark.docker
def test_the_network_variable_outside_of_a_container_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LAMBDARIG_NETWORK", "some")
    monkeypatch.setattr("socket.gethostname", lambda: "no-such-container")
    with pytest.raises(EngineError, match=r"(?s)LAMBDARIG_NETWORK.*unset it"):
        DockerEngine("r", None, tmp_path, Clock()).open()


@on_docker
def test_without_sight_of_the_process_the_daemon_kills_and_squeezes(
    engine: DockerEngine, start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unseen(pid: int) -> int:
        raise ProcessLookupError(pid)

    monkeypatch.setattr("os.pidfd_open", unseen)
    killed, squeezed = start("probe/env-2", memory_mb=512), start("probe/env-3", memory_mb=256)
    killed.sandbox.kill_runtime()
    assert killed.hangs_up()
    assert killed.sandbox.wait(10) == Exit(None, 9)
    squeezed.sandbox.squeeze(squeezed.sandbox.memory_in_use() + (30 << 20))
    assert 180 << 20 < squeezed.sandbox.peak_memory() <= 256 << 20
    squeezed.sandbox.squeeze(None)
    squeezed.invoke(do="hold", mb=80)
    squeezed.sandbox.squeeze(0)
    assert squeezed.hangs_up()
    assert squeezed.sandbox.wait(10) == Exit(None, 9, oom=True)
    assert squeezed.sandbox.peak_memory() == 256 << 20
