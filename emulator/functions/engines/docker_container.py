"""What a container of a function is: the daemon's `POST /containers/create` document, and the folders it mounts."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.errors import EngineError
from emulator.functions.engines.protocol import EnvironmentSpec
from emulator.reaper import RIG_LABEL

MB = 1024 * 1024
USER = "993:990"  # sbx_user1051 on Lambda
CPU_PERIOD_US = 100_000
MB_PER_CPU = 1769  # AWS: 1,769 MB of memory come with one vCPU
LEAST_QUOTA_US = 1000  # the kernel takes no less
LEAST_TMP_KB = 4  # one page; a tmpfs of size 0 has no limit
PROCESSES = DESCRIPTORS = 1024
ENVIRONMENT_LABEL = "lambdarig.environment"
RIG_FOLDER = "/var/rig"
RESOLVER = "resolv.conf"
# Where Debian and Amazon Linux keep what OpenSSL trusts by default.
SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
CA_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
# Writing to a pipe keeps the daemon out of the path of every printed byte, and tells of the runtime's death at once.
INTO_PIPE = f'exec "$@" >{RIG_FOLDER}/log 2>&1'


@dataclass(frozen=True)
class HostPaths:
    """Where the daemon finds a path of ours. mounts: (our folder, the daemon's or None), deepest first.

    None as a whole: the rig is not in a container, and both see the same file system.
    """

    mounts: tuple[tuple[Path, Path | None], ...] | None = None

    @classmethod
    def of_container(cls, document: Mapping[str, Any]) -> HostPaths:
        """From `docker inspect` of the container that the rig itself runs in."""
        pairs = [(Path(m["Destination"]), Path(m["Source"]) if m.get("Source") else None) for m in document["Mounts"]]
        return cls(tuple(sorted(pairs, key=lambda pair: len(pair[0].parts), reverse=True)))

    def on_host(self, path: Path) -> str:
        """Raises EngineError for a path that only the rig's own container has."""
        path = path.resolve()
        if self.mounts is None:
            return str(path)
        source = next(((ours, theirs) for ours, theirs in self.mounts if path.is_relative_to(ours)), None)
        if source is None or source[1] is None:
            raise EngineError(f"{path} exists only inside the rig's own container",
                              "mount its folder into the rig's service in docker-compose.yml")
        return str(source[1] / path.relative_to(source[0]))


@dataclass(frozen=True)
class Place:
    """What every container of one rig shares. network: its name. host: the rig's address in it. ours: made by us, with
    nobody else in it: names are then asked of the rig alone, past Docker's own DNS."""

    rig_id: str
    network: str
    host: str
    paths: HostPaths = HostPaths()
    ours: bool = True


def container_config(
    spec: EnvironmentSpec, place: Place, image: str, command: Sequence[str], port: int, folder: Path,
    layers: Path | None = None,
) -> dict[str, Any]:
    """The document for `spec`. command: what runs. port: of its Runtime API. folder: becomes /var/rig (`log` is a
    pipe in it, `ca.pem` the bundle, `resolv.conf` there where `place` is ours)."""
    trust = dict.fromkeys(CA_VARIABLES if spec.ca_bundle else (), f"{RIG_FOLDER}/ca.pem")
    variables = {**trust, **spec.variables, "AWS_LAMBDA_RUNTIME_API": f"{place.host}:{port}"}
    return {
        "Image": image,
        "Entrypoint": _entrypoint(spec, command),
        "Cmd": [],
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "User": USER,
        "WorkingDir": "/var/task",
        "Hostname": _plain(spec.id)[:63],
        "Labels": {**spec.labels, RIG_LABEL: place.rig_id, ENVIRONMENT_LABEL: spec.id},
        "HostConfig": {
            **_limits(spec),
            **_confinement(),
            "Mounts": _mounts(spec, place, folder, layers),
            "NetworkMode": place.network,
            "ExtraHosts": [f"{name}:{place.host}" for name in spec.hosts],
            "Dns": [place.host],
            "LogConfig": {"Type": "none"},
        },
    }


def container_name(rig_id: str, env_id: str, unique: str) -> str:
    """For `docker ps`: readable, and never in the way of a namesake that is still being removed."""
    return f"lambdarig-{_plain(rig_id)}-{_plain(env_id)}-{unique}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-")


def _entrypoint(spec: EnvironmentSpec, command: Sequence[str]) -> list[str]:
    """Fewer descriptors are for the runtime alone: what builds the container, under a limit of its own, needs more."""
    less = "" if spec.limits.open_files is None else f"ulimit -n {descriptors(spec)} && "
    runs = command if spec.exit_status is None else leaving(spec.exit_status)
    return ["/bin/sh", "-c", f"{less}{INTO_PIPE}", "sh", *runs]


def leaving(status: int) -> Sequence[str]:
    """A command that does nothing but end."""
    return ("/bin/sh", "-c", f"exit {status}")


def cpu_quota(spec: EnvironmentSpec) -> int:
    """Microseconds of CPU in each CPU_PERIOD_US."""
    share = 1.0 if spec.limits.cpu is None else spec.limits.cpu
    return max(LEAST_QUOTA_US, round(share * spec.function.memory_mb * CPU_PERIOD_US / MB_PER_CPU))


def tmp_kb(spec: EnvironmentSpec) -> int:
    """Size of /tmp."""
    whole = spec.function.ephemeral_mb * 1024
    return whole if spec.limits.tmp_kb is None else max(LEAST_TMP_KB, min(whole, spec.limits.tmp_kb))


def descriptors(spec: EnvironmentSpec) -> int:
    """How many files and sockets a process may have open."""
    return DESCRIPTORS if spec.limits.open_files is None else min(DESCRIPTORS, spec.limits.open_files)


def _limits(spec: EnvironmentSpec) -> dict[str, Any]:
    memory = spec.function.memory_mb * MB
    return {
        "Memory": memory,
        "MemorySwap": memory,  # the sum of both: without it Docker allows as much swap again
        "CpuPeriod": CPU_PERIOD_US,
        "CpuQuota": cpu_quota(spec),
        "PidsLimit": PROCESSES,
        "Ulimits": [{"Name": "nofile", "Soft": DESCRIPTORS, "Hard": DESCRIPTORS}],
        # What is written to /tmp counts into the memory cap here; on Lambda it is a disk. Programs run from there.
        "Tmpfs": {"/tmp": f"size={tmp_kb(spec)}k,mode=1777,exec"},
    }


def _confinement() -> dict[str, Any]:
    return {
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Init": True,  # a runtime that is process 1 could not be killed from inside, and would reap no children
        "IpcMode": "none",  # Lambda has no /dev/shm: multiprocessing.Queue fails there, and here
        "RestartPolicy": {"Name": "no"},
    }


def _mounts(spec: EnvironmentSpec, place: Place, folder: Path, layers: Path | None) -> list[dict[str, Any]]:
    pairs = [(folder, RIG_FOLDER)]
    # On internal networks Docker's DNS forwards nothing in some versions (25.0.5 to 26.1.2, moby#47822).
    pairs += [(folder / RESOLVER, "/etc/resolv.conf")] if place.ours else []
    pairs += [(spec.function.code, "/var/task")] if spec.function.code else []
    pairs += [(layers, "/opt")] if layers else []
    pairs += [(folder / "ca.pem", bundle) for bundle in SYSTEM_BUNDLES] if spec.ca_bundle else []
    return [
        {"Type": "bind", "Source": place.paths.on_host(source), "Target": target, "ReadOnly": True}
        for source, target in pairs
    ]


def readable(folder: Path) -> Path:
    """Raises EngineError where Lambda's user could not read the folder: imports would fail without saying why."""
    if folder.stat().st_mode & 0o005 != 0o005:
        raise EngineError(f"{folder} cannot be read by Lambda's user (uid 993)", f"chmod o+rx {folder}")
    return folder


def merged_layers(layers: Sequence[Path], state_dir: Path) -> Path | None:
    """One folder with every layer's files, later layers over earlier ones; a single layer is used where it lies.

    Several are copied once per content (names, sizes, times) to `state_dir`/layers.
    """
    if len(layers) < 2:
        return layers[0] if layers else None
    digest = hashlib.sha256("\n".join(line for layer in layers for line in _listing(layer)).encode()).hexdigest()
    merged = state_dir / "layers" / digest[:32]
    if not merged.exists():
        merged.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=merged.parent))
        for layer in layers:
            _copy_over(layer, draft)
        draft.chmod(0o755)
        try:
            draft.rename(merged)
        except OSError:  # another start was quicker with the same content
            shutil.rmtree(draft)
    return merged


def _listing(layer: Path) -> list[str]:
    stats = ((path.relative_to(layer), path.lstat()) for path in sorted(layer.rglob("*")))
    return [f"{path} {stat.st_mode} {stat.st_size} {stat.st_mtime_ns}" for path, stat in stats]


def _copy_over(source: Path, target: Path) -> None:
    for entry in os.scandir(source):
        to = target / entry.name
        if entry.is_dir(follow_symlinks=False):
            if to.is_symlink() or to.is_file():
                to.unlink()
            to.mkdir(exist_ok=True)
            _copy_over(Path(entry.path), to)
            shutil.copystat(entry.path, to)
        else:
            _clear(to)
            shutil.copy2(entry.path, to, follow_symlinks=False)


def _clear(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
