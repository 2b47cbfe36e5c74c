import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import docker
import psutil
import pytest

from emulator import reaper
from emulator.functions import images

# A rig in small: it starts its reaper, then a container on a network, says so, and waits to be killed.
RIG = """
import sys, docker
from pathlib import Path
from emulator import reaper
rig_id, state, image = sys.argv[1:]
guard = reaper.Reaper(rig_id, Path(state), containers=bool(image))
if image:
    client = docker.from_env()
    labels = {reaper.RIG_LABEL: rig_id, reaper.OWNER_LABEL: reaper.owner()}
    network = client.networks.create(rig_id, labels=labels)
    client.containers.run(image, ["600"], entrypoint=["sleep"], detach=True, network=rig_id, labels=labels)
print(guard.pid, flush=True)
if sys.stdin.readline() == "stop\\n":
    guard.stand_down()
    guard.stand_down()
"""


@pytest.fixture
def rig_id():
    return f"rig-{uuid4().hex[:8]}"


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / reaper.STATE_MARKER).touch()
    (folder / "function").mkdir()
    return folder


@pytest.fixture
def start(rig_id, state):
    """Start a rig; gives its process and its reaper's."""
    started = []

    def start(image=""):
        rig = subprocess.Popen([sys.executable, "-c", RIG, rig_id, str(state), image], cwd=Path(__file__).parent.parent,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(rig)
        return rig, psutil.Process(int(rig.stdout.readline()))

    yield start
    for rig in started:
        rig.kill()
        rig.communicate()


def test_killed_rig_leaves_no_state(start, state):
    rig, guard = start()
    rig.kill()
    guard.wait(10)
    assert not state.exists()


def test_folder_without_the_marker_is_left_alone(start, state):
    (state / reaper.STATE_MARKER).unlink()
    rig, guard = start()
    rig.kill()
    guard.wait(10)
    assert state.exists()


def test_clean_stop_sends_the_reaper_home_with_nothing_done(start, state):
    rig, guard = start()
    rig.communicate("stop\n", timeout=10)
    assert not guard.is_running()
    assert state.exists()


def test_reaper_outlives_the_signals_of_a_terminal(start, state):
    rig, guard = start()
    assert guard.pid == os.getsid(guard.pid) != os.getsid(rig.pid)
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        _until_ignored(guard, stop)
        guard.send_signal(stop)
    rig.kill()
    guard.wait(10)
    assert not state.exists()


def _until_ignored(process, number):
    """The interpreter needs some ms to get there; reading /proc is the poll."""
    for _ in range(100_000):
        status = Path(f"/proc/{process.pid}/status").read_text()
        if int(status.partition("SigIgn:")[2].split()[0], 16) >> (number - 1) & 1:
            return
    pytest.fail("the reaper does not ignore it")


def test_idle_reaper_is_small(start):
    _, guard = start()
    _until_ignored(guard, signal.SIGHUP)
    assert guard.memory_info().rss < 16 * 1024 * 1024


def test_owner_lives_while_its_process_does():
    assert reaper._lives(None, reaper.owner()) or reaper.own_container()
    boot, namespace, pid = reaper._boot(), reaper._pid_namespace(), os.getpid()
    assert not reaper._lives(None, f"process:{boot}:{namespace}:{pid}:0")
    assert not reaper._lives(None, f"process:an-earlier-boot:{namespace}:{pid}:0")
    assert reaper._lives(None, f"process:{boot}:another:{pid}:0")


@pytest.fixture
def client():
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def image(client):
    return images.available()[0]["image"]


def _left(client, rig_id):
    wanted = {"label": f"{reaper.RIG_LABEL}={rig_id}"}
    return [*client.api.containers(all=True, filters=wanted), *client.api.networks(filters=wanted)]


@pytest.mark.docker
def test_killed_rig_leaves_no_container_and_no_network(start, client, image, rig_id, state):
    rig, guard = start(image)
    assert len(_left(client, rig_id)) == 2
    rig.kill()
    guard.wait(60)
    assert _left(client, rig_id) == []
    assert not state.exists()


@pytest.mark.docker
def test_sweep_removes_what_a_gone_rig_left_and_nothing_of_a_living_one(start, client, image, rig_id):
    rig, guard = start(image)
    reaper.sweep(client.api)
    assert len(_left(client, rig_id)) == 2
    guard.kill()  # a power cut for both
    rig.kill()
    rig.wait()
    for _ in range(50):  # another rig on this engine may be sweeping too
        if not reaper.sweep(client.api):
            break
    assert _left(client, rig_id) == []


@pytest.mark.docker
def test_owner_in_a_container_lives_while_that_container_runs(client, image):
    container = client.containers.run(image, ["600"], entrypoint=["sleep"], detach=True)
    try:
        container.reload()
        name = f"container:{container.id}:{container.attrs['State']['StartedAt']}"
        assert reaper._lives(client.api, name)
        container.restart(timeout=0)
        assert not reaper._lives(client.api, name)
    finally:
        container.remove(force=True)
    assert not reaper._lives(client.api, name)


@pytest.mark.docker
def test_a_process_in_a_container_knows_its_container(client, image):
    source = Path(reaper.__file__)
    container = client.containers.create(
        image, ["-c", "import reaper; print(reaper.own_container())"], entrypoint=["python3"], working_dir="/rig",
        volumes={str(source): {"bind": "/rig/reaper.py", "mode": "ro"}})
    try:
        container.start()
        container.wait(timeout=30)
        assert container.logs().decode().strip() == container.id
    finally:
        container.remove(force=True)
