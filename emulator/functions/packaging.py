"""Packs a function's folder for its runtime: its files and what its manifest names (requirements.txt, package.json or
pom.xml), in one folder that becomes /var/task. Packages are installed once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from emulator.errors import EngineError, RigError
from emulator.functions import manifests
from emulator.functions.cache import folder as cache_folder
from emulator.functions.cache import machine
from emulator.functions.runtimes import RUNTIMES, Runtime

NOT_CODE = shutil.ignore_patterns("__pycache__", "*.md", "requirements.txt")
NOT_NODE_CODE = shutil.ignore_patterns("node_modules", "*.md")


class BuildError(RigError):
    """The function could not be packed."""


def cache() -> Path:
    """Where installed requirements are kept."""
    return cache_folder() / "requirements"


def build(folder: Path, runtime: str, out: Path) -> Path:
    """Put `folder` and what its manifest names for `runtime` (`python3.11`) into `out`, which is replaced.

    Returns `out`. What is installed is kept by the hash of the manifest, runtime and machine; what is compiled from
    Java by that of its sources.
    """
    wanted = RUNTIMES.get(runtime)
    if wanted is None:
        raise BuildError(f"{runtime!r} cannot be packed: write one of {', '.join(RUNTIMES)}")
    if out.exists():
        shutil.rmtree(out)
    if wanted.language == "python":
        _pack_python(folder, wanted, out)
        return out
    try:
        _pack_java(folder, out) if wanted.language == "java" else _pack_node(folder, wanted, out)
    except EngineError as problem:
        raise BuildError(problem.message, problem.mend) from problem
    return out


def _pack_python(folder: Path, runtime: Runtime, out: Path) -> None:
    requirements = folder / "requirements.txt"
    if requirements.exists():
        shutil.copytree(_installed(requirements, runtime.version), out)
    shutil.copytree(folder, out, ignore=NOT_CODE, dirs_exist_ok=True)


def _pack_node(folder: Path, runtime: Runtime, out: Path) -> None:
    modules = manifests.modules(folder, runtime.version)
    shutil.copytree(folder, out, ignore=NOT_NODE_CODE)
    if modules is not None:
        shutil.copytree(modules, out / "node_modules", symlinks=True)


def _pack_java(folder: Path, out: Path) -> None:
    """A folder without a pom.xml holds classes and lib/ already."""
    source = manifests.classes(folder) if (folder / "pom.xml").exists() else folder
    shutil.copytree(source, out)


def _installed(requirements: Path, version: str) -> Path:
    key = hashlib.sha256(requirements.read_bytes() + f"/{version}/{machine()}".encode()).hexdigest()[:16]
    done = cache() / key
    if done.exists():
        return done
    done.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=done.parent) as work:
        _install(requirements, version, machine(), Path(work))
        try:
            os.rename(Path(work) / "task", done)
        except OSError:
            if not done.exists():  # else another build of the same was quicker
                raise
    return done


def _install(requirements: Path, version: str, machine: str, work: Path) -> None:
    """pip refuses source packages for another Python, so those listed are first made into wheels by this one."""
    wheels, task = work / "wheels", work / "task"
    # --use-pep517: an environment without `wheel` in it (as Debian makes them) builds no wheel otherwise.
    _pip("wheel", "--use-pep517", "--no-deps", "--wheel-dir", str(wheels), "-r", str(requirements))
    _pip(
        "install", "--target", str(task), "--python-version", version, "--implementation", "cp",
        "--platform", f"manylinux2014_{machine}", "--platform", f"manylinux_2_28_{machine}",
        "--only-binary=:all:", "--find-links", str(wheels), "--no-compile", "-r", str(requirements),
    )


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{done.stdout.strip()}", "mend the function's requirements.txt")
