"""A rig that cannot be made leaves nothing."""

import tempfile

import pytest

from emulator.rig import Rig
from emulator.settings import Settings


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def broken(*_):
    raise RuntimeError("cannot be wired")


def test_its_folder_is_gone(temporary, monkeypatch):
    monkeypatch.setattr(Rig, "_wire", broken)
    with pytest.raises(RuntimeError, match="cannot be wired"):
        Rig(Settings(engine="inline"))
    assert list(temporary.iterdir()) == []


def test_a_folder_that_was_given_to_it_stays(temporary, monkeypatch):
    monkeypatch.setattr(Rig, "_wire", broken)
    with pytest.raises(RuntimeError, match="cannot be wired"):
        Rig(Settings(engine="inline", state_dir=temporary / "mine"))
    assert [path.name for path in temporary.iterdir()] == ["mine"]
