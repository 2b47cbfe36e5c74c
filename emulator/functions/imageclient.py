"""Images of Node.js and Java: a base, an interpreter (the base's own, else PyPI's), AWS's runtime client."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.errors import EngineError
from emulator.functions import cache, clients
from emulator.functions.imagebuild import ARCHITECTURES, IMAGE_FILES, build_image
from emulator.functions.runtimes import Runtime

if TYPE_CHECKING:
    from docker import DockerClient

COMMANDS = {"nodejs": "node", "java": "java"}
_ASK = """
found=$(command -v {command}) && readlink -f "$found" && {command} {version} 2>&1 | grep -E '^v|version "'
echo "libc $(ldd --version 2>&1)"
"""
_VERSION_OPTIONS = {"nodejs": "--version", "java": "-version"}
_NOT_RUNNING = shutil.ignore_patterns("include", "node_modules", "npm", "corepack")  # headers and npm
_OTHER_BASE = "name another base with --base: one with glibc, such as {base}"


@dataclass(frozen=True)
class LanguageBase:
    """interpreter: its path inside, empty when the base has none of the wanted version. version: `22`."""

    image: str
    interpreter: str


def inspect(docker: DockerClient, image: str, runtime: Runtime) -> LanguageBase:
    """Ask the base itself; raises EngineError when AWS's client could not run on it."""
    mend = _OTHER_BASE.format(base=runtime.base)
    said = _ask(docker, image, runtime, mend)
    machine = ARCHITECTURES.get(docker.images.get(image).attrs["Architecture"])
    if "musl" in said or machine != cache.machine():
        raise EngineError(f"base image {image} is {machine or 'for another machine'}"
                          f"{' with musl' if 'musl' in said else ''}: AWS's runtime client is made here for glibc on "
                          f"{cache.machine()}", mend=mend)
    lines = said.splitlines()
    version = re.search(r'(?:^v|version ")(\d+)', lines[1]) if len(lines) > 1 else None
    return LanguageBase(image, lines[0] if version and version[1] == runtime.version else "")


def _ask(docker: DockerClient, image: str, runtime: Runtime, mend: str) -> str:
    from docker.errors import APIError

    script = _ASK.format(command=COMMANDS[runtime.language], version=_VERSION_OPTIONS[runtime.language])
    asked = docker.containers.create(image, ["-c", script], entrypoint=["/bin/sh"], network_mode="none")
    try:
        asked.start()
        asked.wait()
        said: str = asked.logs().decode(errors="replace")
    except APIError as problem:
        raise EngineError(f"base image {image} has no /bin/sh that runs: {problem}", mend=mend) from problem
    finally:
        asked.remove(force=True)
    if "libc " not in said:
        raise EngineError(f"base image {image} has no shell that runs: {said.strip()[-500:]}", mend=mend)
    return said


def build(docker: DockerClient, base: LanguageBase, runtime: Runtime, ca_bundle: Path | None, context: Path,
          say: clients.Say) -> None:
    """Build the image of `runtime`; context: an empty folder for what goes into it."""
    parts = clients.client(runtime.language, runtime.version, ca_bundle, say)
    for name, source in parts.items():
        _copy(source, context / "runtime" / name)
    if base.interpreter:
        (context / "lang").mkdir()
    else:
        home = clients.interpreter(runtime.language, runtime.version, ca_bundle, say)
        shutil.copytree(home, context / "lang", symlinks=True, ignore=_NOT_RUNNING)
    for name in ("Dockerfile.client", "lambda-entrypoint.sh"):
        shutil.copy(IMAGE_FILES / name, context / name)
    say(f"building {runtime.local} from {base.image}")
    arguments = {"BASE": base.image, "COMMAND": COMMANDS[runtime.language], "INTERPRETER": base.interpreter}
    build_image(docker, str(context), arguments, runtime.local, runtime.name, "Dockerfile.client")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copy(source, target)
