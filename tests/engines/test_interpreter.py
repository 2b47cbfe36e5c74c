"""Which interpreter runs a function, and what of its packages a function sees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.functions.engines import interpreter
from emulator.functions.engines.interpreter import Interpreters, describe

OWN = "{}.{}".format(*sys.version_info)


def test_this_interpreter_is_described_without_links() -> None:
    found = Interpreters().find(OWN)
    assert found is not None
    assert Path(found.executable).is_relative_to(found.prefix)
    assert Path(found.executable) == Path(found.executable).resolve()


def test_the_runtime_client_and_sdk_are_shown_with_what_they_need_and_nothing_else() -> None:
    packages = describe()["packages"]
    assert {"awslambdaric", "boto3", "botocore", "urllib3", "dateutil", "six.py"} <= set(packages)
    assert [name for name in packages if name.startswith(("flask", "moto", "pytest", "emulator"))] == []
    assert all(Path(path).exists() for path in packages.values())


def test_another_interpreter_describes_itself_as_this_one_would() -> None:
    asked = subprocess.run([sys.executable, "-I", interpreter.__file__], capture_output=True, text=True, check=True)
    assert json.loads(asked.stdout) == describe()


def test_a_command_that_is_not_the_version_it_is_named_for_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in (("python3.98", f"exec {sys.executable} \"$@\""), ("python3.99", "exit 127")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    interpreters = Interpreters()
    assert [interpreters.find(version) for version in ("3.98", "3.99", "3.97")] == [None, None, None]
    assert [one.version for one in interpreters.found(["3.98", OWN])] == [OWN]


def test_a_missing_runtime_client_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "SHOWN", ("no-such-distribution",))
    found = describe()
    assert (found["missing"], found["packages"]) == ("no-such-distribution", {})
