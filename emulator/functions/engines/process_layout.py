"""What a process sandbox looks like inside: the document that `launcher.py` builds it from.

The paths are Lambda's own (/var/task, /var/lang, /var/runtime, /opt), whatever the machine's are: the rig's interpreter
appears at /var/lang, so one in a virtual environment below /root or /tmp serves as well. Of the machine only the
system's programs and libraries are shown; no home folder, no /run with its sockets, no /dev/shm (Lambda has none).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from emulator.functions.engines.docker_container import (
    CA_VARIABLES,
    DESCRIPTORS,
    SYSTEM_BUNDLES,
    descriptors,
    leaving,
    tmp_kb,
)
from emulator.functions.engines.interpreter import Interpreter
from emulator.functions.engines.protocol import EnvironmentSpec

HOST = "169.254.100.1"  # where Lambda's own Runtime API is found
BUNDLE = "/var/rig/ca.pem"
SYSTEM = ("bin", "gnu", "lib", "lib32", "lib64", "libx32", "nix", "sbin", "sys", "usr")
ETC = (
    "alternatives", "ca-certificates", "crypto-policies", "java*", "ld.so.*", "localtime", "mime.types", "os-release",
    "pki", "protocols", "services", "ssl",
)
FOLDERS = ("/home", "/opt", "/proc", "/tmp", "/var/task")
USER = "sbx_user1051"
FILES = {
    "/etc/group": "root:x:0:\nnogroup:x:65534:\nsbx:x:990:\n",
    "/etc/hostname": "localhost\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    "/etc/passwd": f"root:x:0:0::/root:/sbin/nologin\n{USER}:x:993:990::/home/{USER}:/sbin/nologin\n",
    "/etc/resolv.conf": f"nameserver {HOST}\n",
}
BOOTSTRAP = Path(__file__).parents[1] / "image" / "python" / "bootstrap.py"
# As in AWS's images.
PATHS = {
    "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib",
    "PWD": "/var/task",
}
RUNTIME = "/var/runtime"
LANG = "LAMBDARIG_LANG"  # tells a bootstrap where the interpreter is when it is not at /var/lang
# AWS's Node.js finds its SDK by `import` too; a plain one looks for packages only above the file that imports.
SDK_LINKS = [("/var/node_modules", "/var/runtime/node_modules")]
PYTHON = {"PYTHONPATH": RUNTIME}
MB = 1024 * 1024


def probe(root: Path) -> dict[str, Any]:
    """A sandbox with nothing in it, to see whether this machine can make one."""
    return _document(False, root, True) | {"binds": [], "masks": [], "links": [], "files": {}, "tmp_kb": 1024}


def namespaced(
    spec: EnvironmentSpec, interpreter: Interpreter, layers: Path | None, root: Path, port: int
) -> dict[str, Any]:
    """The sandbox of `spec`. root: an empty folder to build upon. port: of its Runtime API, at HOST."""
    trust = dict.fromkeys(CA_VARIABLES if spec.ca_bundle else (), BUNDLE)
    paths = {**PATHS, **(PYTHON if interpreter.language == "python" else {})}
    env = {**paths, **trust, **spec.variables, "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{port}"}
    names = "".join(f"{HOST}\t{name}\n" for name in spec.hosts)
    return _document(False, root, False, descriptors(spec)) | {
        "binds": list(_binds(spec, interpreter, layers)),
        "masks": [f"/var/lang/{os.path.relpath(hidden, interpreter.prefix)}" for hidden in interpreter.hidden],
        "links": [
            *(SDK_LINKS if interpreter.language == "nodejs" else ()),
            *((f"/{path.name}", os.readlink(path)) for path in _system() if path.is_symlink()),
        ],
        "files": {**FILES, "/etc/hosts": f"127.0.0.1\tlocalhost localhost.localdomain\n{names}"},
        "tmp_kb": tmp_kb(spec),
        "cwd": "/var/task",
        "argv": _argv(spec, interpreter, "/var/lang", RUNTIME, env),
        "env": env,
    }


def bare(
    spec: EnvironmentSpec, interpreter: Interpreter, layers: Path | None, packages: Path, address: str
) -> dict[str, Any]:
    """Without namespaces: a plain process in the folder of its code. packages: a folder with the runtime client."""
    code = str(spec.function.code)
    folders = [code, *([str(layers / "python")] if layers else []), str(packages)]
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        **dict.fromkeys(CA_VARIABLES if spec.ca_bundle else (), str(spec.ca_bundle)),
        **spec.variables,
        "LAMBDA_TASK_ROOT": code, "LAMBDA_RUNTIME_DIR": str(packages),
        **({"PYTHONPATH": ":".join(folders)} if interpreter.language == "python" else {LANG: interpreter.prefix}),
        "AWS_LAMBDA_RUNTIME_API": address,
    }
    argv = _argv(spec, interpreter, interpreter.prefix, str(packages), env)
    return _document(True, packages, False, descriptors(spec)) | {"cwd": code, "argv": argv, "env": env}


def with_limit(document: dict[str, Any], memory_mb: int) -> dict[str, Any]:
    """With a bound well past the cap, for what is taken faster than the watch can see: a MemoryError inside."""
    return document | {"limits": {**document["limits"], "RLIMIT_DATA": (4 * memory_mb + 512) * MB}}


def show_packages(interpreter: Interpreter, folder: Path) -> Path:
    """A folder of links to what /var/runtime would hold."""
    folder.mkdir(parents=True, exist_ok=True)
    bootstrap = {"bootstrap.py": str(BOOTSTRAP)} if interpreter.language == "python" else {}
    for name, path in {**interpreter.packages, **bootstrap}.items():
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(path)
    return folder


def _document(bare: bool, root: Path, probe: bool, open_files: int = DESCRIPTORS) -> dict[str, Any]:
    return {
        "bare": bare, "probe": probe, "root": str(root), "host": HOST, "uid": os.getuid(), "gid": os.getgid(),
        "folders": list(FOLDERS), "groups": [], "thaw": [], "limits": {"RLIMIT_NOFILE": open_files, "RLIMIT_CORE": 0},
    }


def _argv(
    spec: EnvironmentSpec, interpreter: Interpreter, lang: str, runtime: str, env: dict[str, str]
) -> list[str]:
    """As AWS's bootstrap, which starts the interpreter through AWS_LAMBDA_EXEC_WRAPPER when the function sets one."""
    if spec.exit_status is not None:
        return list(leaving(spec.exit_status))
    if interpreter.language != "python":
        return ["/bin/sh", f"{runtime}/bootstrap"]
    wrapper = env.get("AWS_LAMBDA_EXEC_WRAPPER")
    executable = f"{lang}/{os.path.relpath(interpreter.executable, interpreter.prefix)}"
    return [*([wrapper] if wrapper else []), executable, f"{runtime}/bootstrap.py"]


def _system() -> Iterator[Path]:
    return (path for name in SYSTEM if (path := Path("/") / name).exists())


def _binds(spec: EnvironmentSpec, interpreter: Interpreter, layers: Path | None) -> Iterable[tuple[str, str]]:
    """(source, target), in order of mounting."""
    yield from ((str(path), str(path)) for path in _system() if not path.is_symlink())
    yield from ((str(path), str(path)) for name in ETC for path in sorted(Path("/etc").glob(name)) if path.exists())
    yield interpreter.prefix, "/var/lang"
    yield from ((path, f"/var/runtime/{name}") for name, path in sorted(interpreter.packages.items()))
    if interpreter.language == "python":
        yield str(BOOTSTRAP), "/var/runtime/bootstrap.py"
    yield str(spec.function.code), "/var/task"
    if layers:
        yield str(layers), "/opt"
    if spec.ca_bundle:
        yield from ((str(spec.ca_bundle), path) for path in (BUNDLE, *filter(os.path.exists, SYSTEM_BUNDLES)))
