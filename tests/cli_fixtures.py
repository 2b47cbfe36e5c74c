"""The command line in this process, and a folder to give commands in."""

import sys

import pytest
from cli_rig import Home, furnished

from emulator.cli import main


@pytest.fixture
def home(tmp_path):
    return furnished(Home(tmp_path / "home"))


@pytest.fixture
def cli(monkeypatch, capsys, home):
    """cli(ARGUMENT...) -> (exit status, stdout, stderr), in this process."""
    monkeypatch.chdir(home.work)
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", None)
    for name in ("LAMBDARIG_ENGINE", "LAMBDARIG_PORT"):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["lambdarig", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        assert "a mistake of lambdarig itself" not in err
        return end.value.code, out, err

    return call
