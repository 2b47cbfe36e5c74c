"""AWS's runtime clients: made once, and what is said when this machine cannot make them."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from emulator.errors import EngineError
from emulator.functions import cache, clients
from emulator.functions.clients import fetching


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LAMBDARIG_CACHE", str(tmp_path / "cache"))


def test_what_is_kept_is_made_once_however_many_ask():
    made: list[Path] = []
    together = threading.Barrier(3)

    def make(draft: Path) -> None:
        made.append(draft)
        (draft / "file").write_text("x")

    def ask(_: int) -> Path:
        together.wait()
        return cache.keep("thing", make)

    with ThreadPoolExecutor(3) as pool:
        folders = set(pool.map(ask, range(3)))
    assert (len(made), [(folder / "file").read_text() for folder in folders]) == (1, ["x"])


def test_what_could_not_be_made_leaves_nothing_behind():
    def fail(draft: Path) -> None:
        (draft / "half").touch()
        raise EngineError("no")

    with pytest.raises(EngineError):
        cache.keep("thing", fail)
    assert cache.kept("thing") is None
    assert [path.name for path in cache.folder().iterdir()] == [".thing.lock"]


@pytest.mark.parametrize(("language", "version", "says", "mend"), [
    ("nodejs", "22", r"needs autoconf, aclocal, .*g\+\+", "apt-get install .* autoconf automake libtool cmake"),
    ("nodejs", "24", r"client 4\.0\.2 for Node\.js needs cmake", "apt-get install .*; or pull AWS's own image"),
    ("java", "17", "needs mvn", "apt-get install .* maven; or pull AWS's own image"),
])
def test_missing_tools_are_named_with_their_packages(monkeypatch, tmp_path, language, version, says, mend):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match=says) as told:
        clients.client(language, version, None, print)
    assert re.search(mend, told.value.mend)


@pytest.mark.parametrize(("said", "mend"), [
    ("SSL: CERTIFICATE_VERIFY_FAILED", "--ca-bundle"),
    ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "--ca-bundle"),
    ("PKIX path building failed", "keytool"),
    ("No module named pip", "ensurepip"),
    ("anything else", "look closer"),
])
def test_a_tools_failure_is_told_in_its_words_with_what_helps(said, mend):
    with pytest.raises(EngineError, match=said) as told:
        fetching.run(["sh", "-c", f"echo '{said}'; exit 1"], "it failed", "look closer")
    assert mend in told.value.mend
