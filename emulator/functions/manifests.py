"""What a Node.js or Java function's manifest names, installed or compiled once and kept in the user's cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from emulator.functions import cache
from emulator.functions.clients import fetching, node

MEND_POM = "mend the function's pom.xml, or see that Maven reaches its repository"


def modules(folder: Path, version: str) -> Path | None:
    """node_modules for the package.json in `folder`, without what is for development only; None when it needs none.

    version: `22`. Its own npm installs, so that what is compiled fits. package-lock.json is obeyed where it is.
    """
    described, lock = folder / "package.json", folder / "package-lock.json"
    if not described.exists() or not json.loads(described.read_text()).get("dependencies"):
        return None
    written = [described, *([lock] if lock.exists() else [])]

    def make(draft: Path) -> None:
        for file in written:
            shutil.copy(file, draft)
        home = node.home(version, None, fetching.tell)
        fetching.npm(home, draft, None, "ci" if lock.exists() else "install", "--omit=dev")

    return cache.keep(f"npm/{_key([version, cache.machine()], written)}", make) / "node_modules"


def classes(folder: Path) -> Path:
    """A deployment package of the Maven project in `folder`: its classes, and lib/ with the jars that it runs with."""
    written = [folder / "pom.xml", *sorted(path for path in (folder / "src").rglob("*") if path.is_file())]

    def make(draft: Path) -> None:
        fetching.need({"mvn": "maven", "javac": "openjdk-17-jdk-headless"}, "building a Java function",
                      "give the folder of what was built elsewhere")
        work = draft.with_name("work")
        shutil.copytree(folder, work, ignore=shutil.ignore_patterns("target"))
        fetching.maven(work / "pom.xml", "compile", "dependency:copy-dependencies", "-DincludeScope=runtime",
                       f"-DoutputDirectory={draft / 'lib'}", mend=MEND_POM)
        shutil.copytree(work / "target" / "classes", draft, dirs_exist_ok=True)

    return cache.keep(f"maven/{_key([str(path.relative_to(folder)) for path in written], written)}", make)


def _key(words: list[str], files: list[Path]) -> str:
    digest = hashlib.sha256("\0".join(words).encode())
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]
