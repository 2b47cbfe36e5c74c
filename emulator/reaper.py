"""Nothing outlives the rig: a child of its own session that cleans up when the rig is gone, however it went.

The child holds the read end of a pipe whose write end only the rig has. End of file means that the rig died without
saying goodbye, so containers, networks and the state folder that carry its id are removed; one byte means that it
stopped cleanly. `sweep` does the same for rigs whose reaper died with them (a power cut, a killed session).

The child is this file, run by itself: standard library only until it must act, about 10 MB.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import APIClient

RIG_LABEL = "lambdarig.rig"
OWNER_LABEL = "lambdarig.owner"
STATE_MARKER = ".lambdarig-state"
# The engine may still be finishing a start that the rig asked for as it died: look again until nothing comes.
_QUIET_LOOKS = 3
_LOOK_AGAIN_S = 0.5
_MOST_LOOKS = 60


class Reaper:
    """Watches over one rig from the moment it is made. state: the rig's folder, removed with it if it has the marker.

    containers: False for a rig without Docker, whose reaper has only the folder to remove.
    """

    def __init__(self, rig_id: str, state: Path, containers: bool = True) -> None:
        path = os.pathsep.join(filter(None, sys.path)) if containers else ""
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, rig_id, str(state.absolute()), path],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._child.pid

    def stand_down(self, timeout: float = 5) -> None:
        """The rig has cleaned up after itself: end the child without its acting. Safe to call twice."""
        with contextlib.suppress(BrokenPipeError, ValueError):  # it has gone already, or this is the second call
            self._child.communicate(b"q", timeout)


def owner() -> str:
    """This process as the value of the owner label: enough to tell later, from anywhere on this engine, if it lives.

    In a container, `container:ID:STARTED`; else `process:BOOT:PID NAMESPACE:PID:START TICKS`.
    """
    if container := own_container():
        import docker

        client = docker.from_env()
        with contextlib.closing(client), contextlib.suppress(docker.errors.NotFound):  # a container of another engine
            return f"container:{container}:{client.api.inspect_container(container)['State']['StartedAt']}"
    return f"process:{_boot()}:{_pid_namespace()}:{os.getpid()}:{_started(os.getpid())}"


def own_container() -> str | None:
    """The id of the Docker container that this process runs in: Docker mounts that container's files over /etc."""
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    found = re.search(r"/containers/([0-9a-f]{64})/\S+ /etc/hostname ", mounts)
    return found.group(1) if found else None


def sweep(api: APIClient) -> int:
    """Remove what rigs that are gone left on this engine; returns how many containers and networks."""
    gone = {name for name in _owners(api) if not _lives(api, name)}
    return sum(_remove(api, f"{OWNER_LABEL}={name}") for name in gone)


def _owners(api: APIClient) -> Iterator[str]:
    wanted = {"label": OWNER_LABEL}
    for found in (*api.containers(all=True, filters=wanted), *api.networks(filters=wanted)):
        yield found["Labels"][OWNER_LABEL]


def _lives(api: APIClient, name: str) -> bool:
    """A process of an earlier boot is gone; one that cannot be judged from here (another PID namespace) lives."""
    kind, *parts = name.split(":", 2)
    if kind == "container":
        return _container_runs(api, *parts)
    boot, namespace, pid, started = name.split(":")[1:]
    if boot != _boot():
        return False
    return namespace != _pid_namespace() or _started(int(pid)) == started


def _container_runs(api: APIClient, container: str, started: str) -> bool:
    from docker.errors import NotFound

    try:
        state = api.inspect_container(container)["State"]
    except NotFound:
        return False
    return bool(state["Running"] and state["StartedAt"] == started)


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _pid_namespace() -> str:
    return str(os.stat("/proc/self/ns/pid").st_ino)


def _started(pid: int) -> str:
    """Clock ticks from boot to the start of `pid`; empty when there is no such process, or only its corpse."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def _remove(api: APIClient, label: str) -> int:
    """One look: every container with the label, then every network. Returns how many were found."""
    containers = api.containers(all=True, filters={"label": label})
    networks = api.networks(filters={"label": label})
    for found in containers:
        with _gone_is_fine(label):
            api.remove_container(found["Id"], v=True, force=True)
    for found in networks:
        with _gone_is_fine(label):
            api.remove_network(found["Id"])
    return len(containers) + len(networks)


@contextlib.contextmanager
def _gone_is_fine(label: str) -> Iterator[None]:
    """Another may be removing it just now, or a network may not be empty yet: the next look tells."""
    from docker.errors import APIError, NotFound

    try:
        yield
    except NotFound:
        return
    except APIError as problem:
        print(f"{label}: {problem.explanation}", file=sys.stderr)


def _reap(rig_id: str) -> None:
    import docker

    api = docker.from_env().api
    quiet = 0
    for _ in range(_MOST_LOOKS):
        quiet = 0 if _remove(api, f"{RIG_LABEL}={rig_id}") else quiet + 1
        if quiet == _QUIET_LOOKS:
            return
        threading.Event().wait(_LOOK_AGAIN_S)
    raise TimeoutError(f"containers or networks of {rig_id} would not go")


def _main(rig_id: str, state: str, path: str) -> None:
    """path: the rig's own sys.path, by which the Docker SDK is found; empty when there is nothing to ask of Docker."""
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)
    if os.read(0, 1):
        return
    folder = Path(state)
    ours = (folder / STATE_MARKER).is_file()
    if ours:
        os.dup2(os.open(folder / "reaper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    if path:
        sys.path[:] = path.split(os.pathsep)
        _reap(rig_id)
    if ours:  # only now: after a failure above, the log in the folder tells of it
        shutil.rmtree(folder)


if __name__ == "__main__":
    _main(*sys.argv[1:])
