"""The steps that make a local image: what Python a base has, AWS's runtime client for it, and the build itself."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.errors import EngineError
from emulator.functions.clients import fetching

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "lambdarig.runtime"
PACKAGES = ("awslambdaric>=3.0", "boto3>=1.36")
IMAGE_FILES = Path(__file__).with_name("image")
ARCHITECTURES = {"amd64": "x86_64", "arm64": "aarch64"}
_WHEEL_PLATFORMS = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
_ASK_PYTHON = "import platform, sys; print(*sys.version_info[:2], sys.executable, platform.libc_ver()[0] or 'other')"
_OTHER_BASE = "name another base with --base: one with glibc and Python 3.10 or later, such as python:3.13-slim"


@dataclass(frozen=True)
class Base:
    """What a base image has. version: `3.11`. interpreter: its path. machine: x86_64 or aarch64."""

    image: str
    version: str
    interpreter: str
    machine: str


def inspect_base(docker: DockerClient, image: str) -> Base:
    """Ask the base itself; raises EngineError when no function could run on it."""
    from docker.errors import APIError

    asked = docker.containers.create(image, ["-c", _ASK_PYTHON], entrypoint=["python3"], network_mode="none")
    try:
        asked.start()
        asked.wait()
        major, minor, interpreter, libc = asked.logs().decode().split()
    except (APIError, ValueError) as problem:
        raise EngineError(f"base image {image} has no python3 that runs: {problem}", mend=_OTHER_BASE) from problem
    finally:
        asked.remove(force=True)
    architecture = docker.images.get(image).attrs["Architecture"]
    if libc != "glibc" or architecture not in ARCHITECTURES:
        raise EngineError(f"base image {image} is {architecture} with {libc}: AWS's runtime client needs glibc on "
                          f"{' or '.join(ARCHITECTURES)}", mend=_OTHER_BASE)
    return Base(image, f"{major}.{minor}", interpreter, ARCHITECTURES[architecture])


def install_packages(target: Path, base: Base, ca_bundle: Path | None) -> None:
    """AWS's runtime client and SDK into a folder here: the build inside needs no network and no certificates."""
    platforms = [f"--platform={platform}_{base.machine}" for platform in _WHEEL_PLATFORMS]
    fetching.pip(target, PACKAGES, ca_bundle, "--python-version", base.version, *platforms)
    shutil.rmtree(target / "bin", ignore_errors=True)  # scripts that name this machine's Python


def build_image(
    docker: DockerClient, context: str, arguments: Mapping[str, str], tag: str, runtime: str,
    dockerfile: str = "Dockerfile",
) -> None:
    """Build `tag` from the folder `context`. arguments: what its Dockerfile takes."""
    from docker.errors import APIError, BuildError

    try:
        docker.images.build(path=context, tag=tag, dockerfile=dockerfile, buildargs=dict(arguments),
                            labels={LABEL: runtime}, rm=True, forcerm=True)
    except BuildError as problem:
        log: list[Any] = list(problem.build_log)
        said = "".join(str(line.get("stream", "")) for line in log)[-2000:]
        raise EngineError(f"building {tag} failed: {problem.msg}\n{said}".rstrip()) from problem
    except APIError as problem:
        raise EngineError(f"building {tag} failed: {problem.explanation}") from problem
