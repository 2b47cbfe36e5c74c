"""The docker engine (the default): one container per execution environment, on a network that leads to the rig only.

Measured: containers on an internal bridge reach the gateway's address on the host, and nothing beyond it.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.clock import Clock
from emulator.errors import EngineError
from emulator.functions.engines import docker_daemon
from emulator.functions.engines.docker_container import (
    RESOLVER,
    HostPaths,
    Place,
    container_config,
    container_name,
    merged_layers,
    readable,
)
from emulator.functions.engines.docker_daemon import COMPOSE, answering
from emulator.functions.engines.docker_sandbox import DockerSandbox
from emulator.functions.engines.protocol import EnvironmentSpec
from emulator.reaper import OWNER_LABEL, RIG_LABEL, owner, sweep

if TYPE_CHECKING:
    from docker import APIClient

NETWORK_VARIABLE = "LAMBDARIG_NETWORK"
STARTS_AT_ONCE = 4  # the daemon serialises most of a start: more only wait inside it
BACKLOG = 128
_REFUSALS = {
    errno.EACCES: "run the rig as root, or: sysctl net.ipv4.ip_unprivileged_port_start=0",
    errno.EADDRINUSE: "stop what listens there, or choose another port",
    errno.EADDRNOTAVAIL: COMPOSE,  # a rootless daemon or Docker Desktop: the bridge is not on this machine
}


class DockerEngine:
    """See protocol.Engine. images: gives the image of an AWS runtime id such as python3.13. state_dir: for pipes and
    merged layers; a path that the daemon sees too."""

    name = "docker"

    def __init__(
        self, rig_id: str, images: Callable[[str], str] | None, state_dir: Path, clock: Clock
    ) -> None:
        self._rig_id, self._state_dir, self._clock = rig_id, state_dir, clock
        self._image_of = functools.cache(images) if images else None  # one rig stays with one image
        self._api: APIClient | None = None
        self._place: Place | None = None
        self._opening, self._slots = threading.Lock(), threading.BoundedSemaphore(STARTS_AT_ONCE)
        self._sandboxes: list[DockerSandbox] = []

    @staticmethod
    def available() -> str | None:
        """None when a Docker daemon answers, else why not. Takes less than a second."""
        return docker_daemon.unusable()

    # --- opening ----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Connect, sweep up after rigs that are gone, and make the network unless LAMBDARIG_NETWORK names one (the rig
        in a container of its own)."""
        self._opened()

    def _opened(self) -> tuple[APIClient, Place]:
        with self._opening:
            if self._api is None or self._place is None:
                self._api = docker_daemon.connect()
                self._state_dir.mkdir(parents=True, exist_ok=True)
                given = os.environ.get(NETWORK_VARIABLE)
                with answering("preparing the network"):
                    sweep(self._api)
                    self._place = self._join(self._api, given) if given else self._make_network(self._api)
            return self._api, self._place

    def _make_network(self, api: APIClient) -> Place:
        name, labels = f"lambdarig-{self._rig_id}", {RIG_LABEL: self._rig_id, OWNER_LABEL: owner()}
        made = api.create_network(name, driver="bridge", internal=True, check_duplicate=True, labels=labels)
        pool = api.inspect_network(made["Id"])["IPAM"]["Config"][0]
        # The gateway is the bridge's own address; daemons that leave it out use the subnet's first.
        host = pool.get("Gateway") or str(next(ip_network(pool["Subnet"]).hosts()))
        return Place(self._rig_id, name, host.split("/")[0])

    def _join(self, api: APIClient, network: str) -> Place:
        from docker.errors import NotFound

        hostname = socket.gethostname()
        try:
            document = api.inspect_container(hostname)
        except NotFound as problem:
            raise EngineError(f"{NETWORK_VARIABLE} is set, but no container is called {hostname}",
                              "unset it outside of a container; inside, leave `hostname` to Docker") from problem
        joined = document["NetworkSettings"]["Networks"].get(network)
        if joined is None:
            raise EngineError(f"the rig's container is not on the network {network}", f"check {NETWORK_VARIABLE}")
        return Place(self._rig_id, network, joined["IPAddress"], HostPaths.of_container(document), ours=False)

    # --- sockets ----------------------------------------------------------------------------------------

    def host(self) -> str:
        return self._opened()[1].host

    def listen(self, port: int) -> socket.socket:
        listener = self._bound(socket.SOCK_STREAM, port)
        listener.listen(BACKLOG)
        return listener

    def listen_udp(self, port: int) -> socket.socket | None:
        return self._bound(socket.SOCK_DGRAM, port)

    def _bound(self, kind: socket.SocketKind, port: int) -> socket.socket:
        host = self.host()
        bound = socket.socket(socket.AF_INET, kind)
        try:
            if kind is socket.SOCK_STREAM:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((host, port))
        except OSError as problem:
            bound.close()
            mend = _REFUSALS.get(problem.errno or 0, "lambdarig doctor")
            raise EngineError(f"cannot listen on {host}:{port}: {problem.strerror}", mend) from problem
        return bound

    def port_of(self, listener: socket.socket) -> int:
        return int(listener.getsockname()[1])

    def origin(self, peer: str) -> str:
        """Every container has an address of its own, so the port does not matter."""
        address = peer.partition(":")[0]
        return next((one.id for one in self._sandboxes if one.address == address and not one.killed), "")

    # --- starting ---------------------------------------------------------------------------------------

    def start(self, spec: EnvironmentSpec) -> DockerSandbox:
        api, place = self._opened()
        image, command = self._what_runs(api, spec)
        folder = self._folder(spec, place)
        sandbox = DockerSandbox(spec.id, api, self._clock, folder, self.listen(0))
        with self._opening:
            self._sandboxes = [one for one in self._sandboxes if not one.killed] + [sandbox]
        try:
            layers = merged_layers(spec.function.layers, self._state_dir)
            port = self.port_of(sandbox.runtime_api)
            config = container_config(spec, place, image, command, port, folder, layers)
            with self._slots, answering(f"starting {spec.id}"):
                sandbox.native_id = self._create(api, spec.id, config)
                api.start(sandbox.native_id)
                sandbox.attach(place.network)
        except BaseException:
            sandbox.kill()
            raise
        return sandbox

    def _what_runs(self, api: APIClient, spec: EnvironmentSpec) -> tuple[str, Sequence[str]]:
        function = spec.function
        for folder in (*((function.code,) if function.code else ()), *function.layers):
            readable(folder)
        if function.image:
            return function.image, self._image_command(api, spec)
        if self._image_of is None or function.runtime is None:
            raise EngineError(f"function {function.name} has no image and no runtime to find one by")
        return self._image_of(function.runtime), ("/lambda-entrypoint.sh", function.handler or "")

    def _image_command(self, api: APIClient, spec: EnvironmentSpec) -> Sequence[str]:
        """The function's ImageConfig over the image's own, each on its own, as on Lambda."""
        image = spec.function.image or ""
        with answering(f"looking at image {image}"):
            own: dict[str, Any] = _or_missing(api.inspect_image, image, image)["Config"]
        entrypoint = spec.function.image_entrypoint or own.get("Entrypoint") or ()
        return (*entrypoint, *(spec.function.image_command or own.get("Cmd") or ()))

    def _folder(self, spec: EnvironmentSpec, place: Place) -> Path:
        folder = Path(tempfile.mkdtemp(prefix="env-", dir=self._state_dir))
        folder.chmod(0o755)  # the container's user looks into it
        if place.ours:
            (folder / RESOLVER).write_text(f"nameserver {place.host}\n")
            (folder / RESOLVER).chmod(0o644)
        if spec.ca_bundle:
            shutil.copyfile(spec.ca_bundle, folder / "ca.pem")
            (folder / "ca.pem").chmod(0o644)
        return folder

    def _create(self, api: APIClient, env_id: str, config: dict[str, Any]) -> str:
        name = container_name(self._rig_id, env_id, secrets.token_hex(3))
        made = _or_missing(functools.partial(api.create_container_from_config, name=name), config, config["Image"])
        return str(made["Id"])

    def left(self) -> list[str]:
        """Names of this rig's containers, as the daemon has them."""
        if self._api is None:
            return []
        with answering("looking for containers"):
            found = self._api.containers(all=True, filters={"label": f"{RIG_LABEL}={self._rig_id}"})
        return sorted(name.lstrip("/") for one in found for name in one["Names"])

    # --- closing ----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Remove every container with this rig's label, and the network made here. Safe to call twice."""
        with self._opening:
            api, place, self._api, self._place = self._api, self._place, None, None
            sandboxes, self._sandboxes = self._sandboxes, []
        if api is None or place is None:
            return
        with ThreadPoolExecutor(STARTS_AT_ONCE) as pool:
            list(pool.map(DockerSandbox.kill, sandboxes))
        from docker.errors import NotFound

        with answering(f"closing rig {self._rig_id}"):
            for one in api.containers(all=True, filters={"label": f"{RIG_LABEL}={self._rig_id}"}):
                api.remove_container(one["Id"], force=True, v=True)
            if place.ours:
                with contextlib.suppress(NotFound):  # somebody has swept before us
                    api.remove_network(place.network)
        api.close()


def _or_missing(ask: Callable[[Any], Any], argument: Any, image: str) -> Any:
    from docker.errors import ImageNotFound

    try:
        return ask(argument)
    except ImageNotFound as problem:
        raise EngineError(f"there is no image {image} on this machine", "lambdarig images build") from problem
