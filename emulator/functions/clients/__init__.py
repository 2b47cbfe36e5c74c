"""AWS's runtime clients for Node.js and Java, and interpreters for where there is none: made once, kept in the cache.

A client's folder is what /var/runtime holds in AWS's images. The docker engine's images are built from it, the process
engine shows it to functions as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from emulator.functions.clients import java, node

Say = Callable[[str], None]


class Language(Protocol):
    """What the module of a language has. ca_bundle: certificates to trust while fetching. say: told what is done."""

    def kept(self, version: str) -> Path | None: ...
    def home(self, version: str, ca_bundle: Path | None, say: Say) -> Path: ...
    def client(self, version: str, ca_bundle: Path | None, say: Say) -> Path: ...
    def own_files(self, version: str) -> dict[str, Path]: ...


LANGUAGES: dict[str, Language] = {"nodejs": node, "java": java}


def client(language: str, version: str, ca_bundle: Path | None, say: Say) -> dict[str, Path]:
    """What /var/runtime holds: name -> file or folder here. version: `22`, `17`.

    Raises EngineError with what is missing on this machine.
    """
    made = LANGUAGES[language].client(version, ca_bundle, say)
    return {**{entry.name: entry for entry in sorted(made.iterdir())}, **LANGUAGES[language].own_files(version)}


def interpreter(language: str, version: str, ca_bundle: Path | None, say: Say) -> Path:
    """A folder with bin/node or bin/java, from PyPI."""
    return LANGUAGES[language].home(version, ca_bundle, say)


def kept(language: str, version: str) -> Path | None:
    """The same, if it was fetched before."""
    return LANGUAGES[language].kept(version)
