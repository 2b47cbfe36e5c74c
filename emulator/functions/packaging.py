"""Packs a function's folder for its runtime: its files and what its requirements.txt names, in one folder that
becomes /var/task. Packages are installed once and kept in the user's cache (LAMBDARIG_CACHE, else XDG's)."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from emulator.errors import RigError

MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
NOT_CODE = shutil.ignore_patterns("__pycache__", "*.md", "requirements.txt")


class BuildError(RigError):
    """The function could not be packed."""


def cache() -> Path:
    """Where installed requirements are kept."""
    given = os.environ.get("LAMBDARIG_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (Path(given) if given else Path(base) / "lambdarig") / "requirements"


def build(folder: Path, runtime: str, out: Path) -> Path:
    """Put `folder` and its requirements for `runtime` (`python3.11`) into `out`, which is replaced; returns `out`.

    The installed requirements are kept by the hash of requirements.txt, runtime and machine.
    """
    if not runtime.startswith("python3."):
        raise BuildError(f"{runtime!r} is no Python runtime: write python3.11 and the like")
    if out.exists():
        shutil.rmtree(out)
    requirements = folder / "requirements.txt"
    if requirements.exists():
        shutil.copytree(_installed(requirements, runtime.removeprefix("python")), out)
    shutil.copytree(folder, out, ignore=NOT_CODE, dirs_exist_ok=True)
    return out


def _installed(requirements: Path, version: str) -> Path:
    machine = MACHINES.get(platform.machine().lower(), platform.machine().lower())
    key = hashlib.sha256(requirements.read_bytes() + f"/{version}/{machine}".encode()).hexdigest()[:16]
    done = cache() / key
    if done.exists():
        return done
    done.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=done.parent) as work:
        _install(requirements, version, machine, Path(work))
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
