"""A folder's changes are told, until the end."""

from __future__ import annotations

import threading

import pytest

from emulator.functions.hot_reload import HotReload

PATIENCE_S = 10


class Told:
    def __init__(self):
        self.folders, self.one = [], threading.Event()

    def __call__(self, folder):
        self.folders.append(folder)
        self.one.set()


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def watching(told):
    made = HotReload(told)
    yield made
    made.close()


def test_a_change_is_told(watching, told, tmp_path):
    watching.watch(tmp_path)
    (tmp_path / "app.py").write_text("x = 1\n")
    assert told.one.wait(PATIENCE_S)
    assert told.folders[0] == tmp_path


def test_a_change_below_is_told(watching, told, tmp_path):
    (tmp_path / "lib").mkdir()
    watching.watch(tmp_path)
    (tmp_path / "lib/a.py").write_text("x = 1\n")
    assert told.one.wait(PATIENCE_S)


def test_byte_code_is_no_change(watching, told, tmp_path):
    (tmp_path / "__pycache__").mkdir()
    watching.watch(tmp_path)
    (tmp_path / "__pycache__/app.pyc").write_bytes(b"0")
    assert not told.one.wait(0.5)


def test_a_folder_is_watched_once(watching, tmp_path):
    watching.watch(tmp_path)
    watching.watch(tmp_path)
    assert sum(thread.name == f"watch {tmp_path}" for thread in threading.enumerate()) == 1


def test_close_ends_every_watcher(told, tmp_path):
    watching = HotReload(told)
    watching.watch(tmp_path)
    watching.close()
    assert not any(thread.name == f"watch {tmp_path}" for thread in threading.enumerate())


def test_a_folder_that_cannot_be_watched_keeps_nobody_waiting(watching, tmp_path, caplog):
    watching.watch(tmp_path / "nowhere")
    assert "not watched" in caplog.text


def test_a_folder_that_nobody_wanted_since_the_last_time_is_watched_no_more(watching, told, tmp_path):
    used, left = tmp_path / "used", tmp_path / "left"
    for folder in (used, left):
        folder.mkdir()
        watching.watch(folder)
    watching.clear()
    watching.watch(used)
    watching.clear()
    (left / "app.py").write_text("x = 1\n")
    (used / "app.py").write_text("x = 1\n")
    assert told.one.wait(PATIENCE_S)
    assert set(told.folders) == {used}
    assert list(watching._watchers) == [used]
