"""Packs a sample for a Lambda runtime: its files and its requirements in one folder, which becomes /var/task.

    python sample_connectors/build.py FOLDER RUNTIME OUT

for example `python sample_connectors/build.py sample_connectors/salesforce python3.11 build/salesforce`.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache" / "sample_connectors"
MACHINES = {"arm64": "aarch64", "amd64": "x86_64"}
NOT_CODE = shutil.ignore_patterns("__pycache__", "*.md", "requirements.txt", "stub.*", "soql.py", "objects.json")


class BuildError(Exception):
    """The sample could not be packed."""


def build(folder: Path, runtime: str, out: Path) -> Path:
    """Put `folder` and its requirements for `runtime` (`python3.11`) into `out`, which is replaced; returns `out`.

    The installed requirements are kept under .cache/ by the hash of requirements.txt, runtime and machine.
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
    done = CACHE / key
    if done.exists():
        return done
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as work:
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
    _pip("wheel", "--no-deps", "--wheel-dir", str(wheels), "-r", str(requirements))
    _pip(
        "install", "--target", str(task), "--python-version", version, "--implementation", "cp",
        "--platform", f"manylinux2014_{machine}", "--platform", f"manylinux_2_28_{machine}",
        "--only-binary=:all:", "--find-links", str(wheels), "--no-compile", "-r", str(requirements),
    )


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{done.stdout.strip()}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        print(build(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])))
    except BuildError as problem:
        sys.exit(str(problem))
