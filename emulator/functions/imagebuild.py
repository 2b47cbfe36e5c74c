"""The steps that make a local image: what Python a base has, AWS's runtime client for it, and the build itself."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

LABEL = "lambdarig.runtime"
PACKAGES = ("awslambdaric>=3.0", "boto3>=1.36")
_WHEEL_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
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
    if libc != "glibc" or architecture not in _WHEEL_MACHINES:
        raise EngineError(f"base image {image} is {architecture} with {libc}: AWS's runtime client needs glibc on "
                          f"{' or '.join(_WHEEL_MACHINES)}", mend=_OTHER_BASE)
    return Base(image, f"{major}.{minor}", interpreter, _WHEEL_MACHINES[architecture])


def install_packages(target: Path, base: Base, ca_bundle: Path | None) -> None:
    """AWS's runtime client and SDK into a folder here: the build inside needs no network and no certificates."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
               "--target", str(target), "--only-binary=:all:", "--python-version", base.version]
    command += [f"--platform={platform}_{base.machine}" for platform in _WHEEL_PLATFORMS]
    command += ["--cert", str(ca_bundle)] if ca_bundle else []
    done = subprocess.run([*command, *PACKAGES], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()[-2000:]
        raise EngineError(f"pip could not install the runtime client:\n{said}", mend=_pip_mend(said))
    shutil.rmtree(target / "bin", ignore_errors=True)  # scripts that name this machine's Python


def _pip_mend(said: str) -> str:
    if "No module named pip" in said:
        return f"{sys.executable} -m ensurepip"
    if "CERTIFICATE_VERIFY_FAILED" in said:
        return "lambdarig images build --ca-bundle FILE, with your network's certificates"
    return "see that pip reaches its package index"


def build_image(docker: DockerClient, context: str, base: Base, tag: str, runtime: str) -> None:
    """Build `tag` from the folder `context`, whose Dockerfile takes BASE, PYTHON and VERSION."""
    from docker.errors import APIError, BuildError

    arguments = {"BASE": base.image, "PYTHON": base.interpreter, "VERSION": base.version}
    try:
        docker.images.build(path=context, tag=tag, buildargs=arguments, labels={LABEL: runtime}, rm=True, forcerm=True)
    except BuildError as problem:
        log: list[Any] = list(problem.build_log)
        said = "".join(str(line.get("stream", "")) for line in log)[-2000:]
        raise EngineError(f"building {tag} failed: {problem.msg}\n{said}".rstrip()) from problem
    except APIError as problem:
        raise EngineError(f"building {tag} failed: {problem.explanation}") from problem
