"""Control groups, in made-up trees of both versions and in the machine's own."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from emulator.errors import EngineError
from emulator.functions.engines import cgroup
from emulator.functions.engines.cgroup import ROOT, Cgroup
from emulator.functions.engines.pressure import overfill

V1 = ("memory", "cpu", "pids", "freezer")
FILES = {
    1: {"memory": {"memory.limit_in_bytes": "", "memory.swappiness": "60", "memory.max_usage_in_bytes": "1000\n",
                   "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"},
        "cpu": {"cpu.cfs_period_us": "", "cpu.cfs_quota_us": ""}, "pids": {"pids.max": ""},
        "freezer": {"freezer.state": "THAWED\n"}},
    2: {"": {"memory.max": "", "memory.swap.max": "", "cpu.max": "", "pids.max": "", "memory.current": "700\n",
             "cgroup.freeze": "0\n", "cgroup.events": "populated 1\nfrozen 1\n", "memory.peak": "900\n",
             "memory.events": "low 0\noom 3\noom_kill 1\noom_group_kill 0\n"}},
}


def tree(tmp_path: Path, version: int, path: str = "lambdarig/x") -> Path:
    """A folder like /sys/fs/cgroup with one group at `path`."""
    if version == 2:
        for folder in (tmp_path, tmp_path / "lambdarig"):
            folder.mkdir(exist_ok=True)
            (folder / "cgroup.subtree_control").touch()
        (tmp_path / "cgroup.controllers").touch()
    for controller, files in FILES[version].items():
        group = tmp_path / controller / path
        group.mkdir(parents=True, exist_ok=True)
        for name, text in {**files, "cgroup.procs": "7\n8\n"}.items():
            (group / name).write_text(text)
    return tmp_path


def process(tmp_path: Path, text: str) -> Path:
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cgroup").write_text(text)
    return tmp_path / "proc"


def found(tmp_path: Path, version: int) -> Cgroup:
    text = "0::/lambdarig/x\n" if version == 2 else "".join(f"{n}:{c}:/lambdarig/x\n" for n, c in enumerate(V1, 1))
    group = Cgroup.of_pid(7, tree(tmp_path / "cgroup", version), process(tmp_path, text))
    assert group is not None
    return group


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "cgroup").mkdir()


def test_version_1_has_a_folder_per_controller_also_when_mounted_together(tmp_path: Path) -> None:
    text = "4:memory:/lambdarig/x\n3:cpu,cpuacct:/lambdarig/x\n2:pids:/lambdarig/x\n1:freezer:/lambdarig/x\n0::/\n"
    root = tree(tmp_path / "cgroup", 1)
    group = Cgroup.of_pid(7, root, process(tmp_path, text))
    assert group is not None
    assert group.dirs == {name: root / name / "lambdarig/x" for name in V1}


def test_version_2_has_one_folder(tmp_path: Path) -> None:
    assert set(found(tmp_path, 2).dirs.values()) == {tmp_path / "cgroup" / "lambdarig/x"}


@pytest.mark.parametrize("text", ["0::/../../other\n", "0::/elsewhere\n", "1:memory:/lambdarig/x\n", ""])
def test_a_group_that_cannot_be_seen_is_none(tmp_path: Path, text: str) -> None:
    assert Cgroup.of_pid(7, tree(tmp_path / "cgroup", 2), process(tmp_path, text)) is None


def test_a_process_that_is_not_there_has_no_group(tmp_path: Path) -> None:
    assert Cgroup.of_pid(9, tree(tmp_path / "cgroup", 1), tmp_path) is None


@pytest.mark.parametrize(("version", "peak", "kills"), [(1, 1000, 2), (2, 900, 1)])
def test_peak_and_kills_are_read_from_the_kernels_files(tmp_path: Path, version: int, peak: int, kills: int) -> None:
    group = found(tmp_path, version)
    assert (group.peak(), group.oom_kills(), group.pids()) == (peak, kills, [7, 8])


def test_version_2_before_kernel_5_19_gives_what_is_in_use(tmp_path: Path) -> None:
    group = found(tmp_path, 2)
    (group.dirs["memory"] / "memory.peak").unlink()
    group.reset_peak()
    assert group.peak() == 700


def test_version_1_resets_its_peak_by_writing_to_it(tmp_path: Path) -> None:
    group = found(tmp_path, 1)
    group.reset_peak()
    assert group.peak() == 0


@pytest.mark.parametrize(("version", "usage", "stat"), [
    (1, "memory.usage_in_bytes", "inactive_file 9\ntotal_inactive_file 300\ntotal_active_file 100\ntotal_rss 500\n"),
    (2, "memory.current", "anon 500\ninactive_file 300\nactive_file 100\n"),
])
def test_what_is_on_disk_too_is_not_in_use(tmp_path: Path, version: int, usage: str, stat: str) -> None:
    group = found(tmp_path, version)
    (group.dirs["memory"] / usage).write_text("1000\n")
    (group.dirs["memory"] / "memory.stat").write_text(stat)
    assert group.in_use() == 600


def test_the_cap_of_memory_and_swap_together_is_never_the_lower_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group, written = found(tmp_path, 1), []
    (group.dirs["memory"] / "memory.limit_in_bytes").write_text("1000\n")
    (group.dirs["memory"] / "memory.memsw.limit_in_bytes").write_text("1000\n")
    monkeypatch.setattr(cgroup, "_write", lambda file, text: written.append((file.name, text)))
    group.set_cap(500)
    group.set_cap(2000)
    plain, both = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
    assert written == [(plain, "500"), (both, "500"), (both, "2000"), (plain, "2000")]


@pytest.mark.parametrize(("refusals", "lowered"), [(2, (10 + 2) << 20), (0, 10 << 20)])
def test_a_cap_that_the_kernel_does_not_get_down_to_is_a_little_higher(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusals: int, lowered: int
) -> None:
    group, left = found(tmp_path, 2), [errno.EBUSY] * refusals

    def write(file: Path, text: str) -> None:
        if left:
            raise OSError(left.pop(), "busy")

    (group.dirs["memory"] / "memory.max").write_text(str(64 << 20))
    (group.dirs["memory"] / "memory.stat").write_text("")
    monkeypatch.setattr(cgroup, "_write", write)
    assert group.squeeze(10 << 20, 64 << 20, lambda: None) == lowered


def test_a_group_that_cannot_be_filled_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"killed nothing in .*: FileNotFoundError"):
        overfill(tmp_path / "no" / "cgroup.procs", 1, lambda pid: False)


@pytest.mark.parametrize(("version", "file", "frozen", "thawed"), [
    (1, "freezer.state", "FROZEN", "THAWED"), (2, "cgroup.freeze", "1", "0")])
def test_freezing_and_thawing_write_the_kernels_words(
    tmp_path: Path, version: int, file: str, frozen: str, thawed: str
) -> None:
    group = found(tmp_path, version)
    for act, word in ((group.freeze, frozen), (group.thaw, thawed)):
        (group.dirs["freezer"] / file).write_text("")
        act()
        assert (group.dirs["freezer"] / file).read_text() == word


def test_a_group_that_does_not_freeze_in_time_is_thawed_and_told(tmp_path: Path) -> None:
    group = found(tmp_path, 2)
    (group.dirs["freezer"] / "cgroup.events").write_text("populated 1\nfrozen 0\n")
    with pytest.raises(EngineError, match="did not freeze"):
        group.freeze(timeout=0.01)
    assert (group.dirs["freezer"] / "cgroup.freeze").read_text()[0] == "0"


def test_a_tree_that_cannot_be_written_is_an_engine_error(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="control group lambdarig/new"):
        Cgroup.create("new", 1 << 20, 7000, 10, tmp_path / "cgroup")  # the files of a real one never appear
    assert not (tmp_path / "cgroup" / "memory" / "lambdarig" / "new").exists()


@pytest.mark.docker
def test_a_real_group_freezes_measures_caps_and_kills() -> None:
    """Where groups can be made, which is where an engine's daemon is ours too; elsewhere that is an EngineError."""
    name = f"test-{uuid.uuid4().hex}"
    if not os.access(ROOT / "memory" if (ROOT / "memory").is_dir() else ROOT, os.W_OK):
        with pytest.raises(EngineError, match="run as root"):
            Cgroup.create(name, 64 << 20, 50_000, 20)
        return
    group = Cgroup.create(name, 64 << 20, 50_000, 20)
    try:
        _live_and_die(group)
    finally:
        group.kill_all()
        group.remove()
        group.remove()
    assert not any(path.exists() for path in group.dirs.values())


def _live_and_die(group: Cgroup) -> None:
    program = "import sys; sys.stdin.readline(); x = b'x' * (32 << 20); print('held', flush=True); sys.stdin.readline()"
    program += "; y = b'y' * (64 << 20)"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as child:  # type: ignore[call-overload]
        group.add(child.pid)
        assert group.pids() == [child.pid]
        same = Cgroup.of_pid(child.pid)
        assert same is not None
        assert same.dirs == group.dirs
        assert group.can_freeze
        group.freeze()
        child.stdin.write("go\n")
        group.thaw()
        assert child.stdout.readline() == "held\n"
        assert 32 << 20 <= group.peak() < 64 << 20
        assert group.oom_kills() == 0
        child.stdin.write("too much\n")
        assert child.wait(30) == -signal.SIGKILL
        assert group.oom_kills() == 1
