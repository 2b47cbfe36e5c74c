"""Calls pip, npm and Maven: whatever is downloaded comes by the registries' own clients, as they are set up here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from emulator.errors import EngineError

SHOWN = 2000  # characters of what a tool said


def tell(line: str) -> None:
    """Says what takes long where nobody else was asked to say it."""
    print(f"lambdarig: {line}", file=sys.stderr, flush=True)


def need(commands: Mapping[str, str], what: str, instead: str) -> None:
    """Raises EngineError naming the commands (command -> Debian package) that are not on PATH."""
    missing = {command: package for command, package in commands.items() if shutil.which(command) is None}
    if missing:
        packages = " ".join(dict.fromkeys(missing.values()))
        raise EngineError(f"{what} needs {', '.join(missing)}",
                          f"apt-get install -y --no-install-recommends {packages}; or {instead}")


def run(command: Sequence[str], what: str, mend: str, environment: Mapping[str, str] | None = None,
        folder: Path | None = None) -> None:
    """Raises EngineError with what the command said."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                          check=False, stdin=subprocess.DEVNULL, cwd=folder, env={**os.environ, **(environment or {})})
    if done.returncode:
        said = done.stdout.strip()[-SHOWN:]
        raise EngineError(f"{what}:\n{said}", _mend(said, mend))


def _mend(said: str, mend: str) -> str:
    if "No module named pip" in said:
        return f"{sys.executable} -m ensurepip"
    if "CERTIFICATE_VERIFY_FAILED" in said or "UNABLE_TO_GET_ISSUER_CERT" in said or "SELF_SIGNED_CERT" in said:
        return "lambdarig images build --ca-bundle FILE, with your network's certificates"
    if "PKIX path building failed" in said:
        return "let Maven's Java trust your network's certificates: keytool -importcert -cacerts -file FILE"
    return mend


def pip(target: Path, requirements: Sequence[str], ca_bundle: Path | None, *options: str) -> None:
    """Install wheels into a folder here."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile",
               "--only-binary=:all:", "--target", str(target), *options]
    command += ["--cert", str(ca_bundle)] if ca_bundle else []
    run([*command, *requirements], f"pip could not install {' and '.join(requirements)}",
        "see that pip reaches its package index")


def npm(home: Path, folder: Path, ca_bundle: Path | None, *arguments: str) -> None:
    """Run npm of the Node.js at `home` in `folder`, with that Node's own headers for what it compiles."""
    environment = {
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "MAKEFLAGS": f"-j{os.cpu_count() or 1}",
        "npm_config_nodedir": str(home),
        **({"npm_config_cafile": str(ca_bundle), "NODE_EXTRA_CA_CERTS": str(ca_bundle)} if ca_bundle else {}),
    }
    command = [str(home / "bin" / "npm"), *arguments, "--no-audit", "--no-fund", "--no-update-notifier"]
    run(command, f"npm {' '.join(arguments)} failed", "see that npm reaches its registry", environment, folder)


def maven(pom: Path, *arguments: str, mend: str = "see that Maven reaches its repository") -> None:
    run(["mvn", "--quiet", "--batch-mode", "--file", str(pom), *arguments], f"mvn {' '.join(arguments)} failed", mend)
