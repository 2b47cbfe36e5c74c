"""Folders that AppFlow's state can and cannot be in."""

import fcntl
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing

import pytest

from emulator.aws.services.appflow.kept.database import Database
from emulator.aws.services.appflow.kept.folder import FILE, Folder
from emulator.errors import RigError, UsageError
from emulator.rig import Rig
from emulator.settings import Settings


def refused(folder):
    with pytest.raises(UsageError) as caught:
        Rig(Settings(engine="inline", state=folder))
    return str(caught.value)


def test_files_are_the_owners_alone(tmp_path):
    with Rig(Settings(engine="inline", state=tmp_path / "new" / "state")) as rig:
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in rig.state.path.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE((tmp_path / "new" / "state").stat().st_mode) == 0o700


def test_a_second_rig_is_told_which_process_has_the_folder(tmp_path):
    with Rig(Settings(engine="inline", state=tmp_path)):
        message = refused(tmp_path)
    assert f"the state folder {tmp_path} is in use by another rig: process {os.getpid()}" in message
    assert f"kill {os.getpid()}" in message
    with Rig(Settings(engine="inline", state=tmp_path)) as rig:
        assert rig.restored.flows == 0


def test_a_folder_of_something_else_is_not_touched(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    message = refused(tmp_path)
    assert message.startswith(f"{tmp_path} is no state folder of lambdarig: it holds notes.txt\n")
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "state").write_text("")
    assert refused(tmp_path / "state").startswith(f"the state folder {tmp_path}/state cannot be used: Not a directory")


def test_a_state_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / FILE).mkdir()
    assert refused(tmp_path).startswith(f"the state {tmp_path / FILE} cannot be opened: ")


def written(folder, statement, *values):
    Database(folder / FILE).close()
    with closing(sqlite3.connect(folder / FILE)) as database:
        database.execute(statement, values)
        database.commit()


def test_a_newer_version_is_not_read(tmp_path):
    written(tmp_path, "pragma user_version = 7")
    assert "has version 7, and this lambdarig knows version 1" in refused(tmp_path)


def test_another_programs_file_is_not_taken(tmp_path):
    with closing(sqlite3.connect(tmp_path / FILE)) as database:
        database.execute("create table theirs (a)")
    assert "is no state of lambdarig, but another SQLite file" in refused(tmp_path)


@pytest.mark.parametrize("damage", [b"not a database, whatever its name says" * 40, None])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path, damage):
    Database(tmp_path / FILE).close()
    whole = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(damage or whole[:4096] + b"\xff" * (len(whole) - 4096))
    message = refused(tmp_path)
    assert message.startswith(f"the state {tmp_path / FILE} is damaged: ")
    assert "put a copy of the folder back, or remove it to begin anew" in message


@pytest.mark.parametrize(("family", "text"), [("flows", "{}"), ("flows", "no JSON"), ("runs", '"x"'), ("other", "1")])
def test_a_row_that_cannot_be_read_is_named(tmp_path, family, text):
    written(tmp_path, "insert into kept values (?, 'contacts', ?)", family, text)
    assert f"is damaged: {family}, 'contacts': " in refused(tmp_path)
    Folder(tmp_path).release()


def test_the_lock_ends_with_its_process(tmp_path):
    imports = "import os; from pathlib import Path; from emulator.aws.services.appflow.kept.folder import Folder"
    code = f"{imports}\nFolder(Path({str(tmp_path)!r})); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    Folder(tmp_path).release()


def test_what_fails_in_a_transaction_is_not_kept(tmp_path):
    database = Database(tmp_path / FILE)

    def write():
        with database.together():
            database.write("insert into buckets values ('a', 'b', null)")
            database.write("insert into nothing values (1)")

    with pytest.raises(RigError, match="cannot be written"):
        write()
    assert list(database.read("select * from buckets")) == []
    database.close()


def test_the_lock_is_not_handed_to_children(tmp_path):
    folder = Folder(tmp_path)
    flags = [fcntl.fcntl(int(fd), fcntl.F_GETFD) for fd in os.listdir("/proc/self/fd")
             if os.path.realpath(f"/proc/self/fd/{fd}") == str(tmp_path / "lock")]
    folder.release()
    assert flags == [fcntl.FD_CLOEXEC]
