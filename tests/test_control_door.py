"""Health: 200 once everything that was asked for is there."""

import tempfile
from pathlib import Path

import pytest
from werkzeug.test import Client

from emulator.control_door import ControlDoor
from emulator.errors import UsageError
from emulator.rig import Rig
from emulator.settings import Settings


def ask(door):
    return Client(door).get("/_rig/health", environ_base={"REMOTE_ADDR": "127.0.0.1"})


def test_health_is_503_while_a_files_functions_are_made(inline_rig):
    door = ControlDoor(inline_rig.rig, lambda: None)
    door.ready = False
    assert (ask(door).status_code, ask(door).json["status"]) == (503, "building")
    door.ready = True
    assert (ask(door).status_code, ask(door).json["status"]) == (200, "ok")


@pytest.mark.parametrize("settings", [Settings(engine="dokcer"), Settings(engine="inline", host="192.0.2.1")])
def test_a_rig_that_cannot_start_leaves_no_folder(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(UsageError), Rig(settings):
        raise AssertionError("it started")
    assert list(Path(tmp_path).iterdir()) == []
