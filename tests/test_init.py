"""`lambdarig init`: what it writes passes as it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
LAMBDARIG = (sys.executable, "-m", "emulator.cli")
NAMES = [
    "connector/handler.py",
    "docker-compose.yml",
    "lambdarig.yaml",
    "scenarios/secret-not-visible.yaml",
    "tests/test_connector.py",
]


def run(folder, *command):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def project(tmp_path):
    """A folder that the command has written."""
    tmp_path.chmod(0o755)
    done = run(tmp_path, *LAMBDARIG, "init", "shop", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [f"shop/{name}" for name in NAMES]
    return tmp_path / "shop"


def test_its_test_passes(project, real_engine):
    done = run(project, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rig-engine", real_engine)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_its_scenario_passes(project, real_engine):
    done = run(project, *LAMBDARIG, "run", "scenarios/secret-not-visible.yaml", "--engine", real_engine)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("passed")


def test_it_says_what_it_wrote_and_what_can_be_done_with_it(tmp_path):
    done = run(tmp_path, *LAMBDARIG, "init")
    assert done.stdout.startswith("".join(f"wrote {name}\n" for name in NAMES))
    assert "lambdarig run scenarios/secret-not-visible.yaml" in done.stdout
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == NAMES


def test_nothing_is_overwritten_and_nothing_is_written_then(tmp_path):
    (tmp_path / "lambdarig.yaml").write_text("mine")
    done = run(tmp_path, *LAMBDARIG, "init")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lambdarig: lambdarig.yaml is there already: nothing was written")
    assert [path.name for path in tmp_path.iterdir()] == ["lambdarig.yaml"]
    assert (tmp_path / "lambdarig.yaml").read_text() == "mine"


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    done = run(tmp_path, *LAMBDARIG, "init", "file/below")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.docker
@pytest.mark.xdist_group("compose")
def test_its_compose_file_differs_from_the_projects_own_in_what_it_must(project):
    """The two are kept in step; tests/test_compose.py brings the project's own up."""
    done = run(project, "docker", "compose", "-p", "shop", "config", "--format", "json")
    assert done.returncode == 0, done.stderr
    ours = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["rig"]
    theirs = yaml.safe_load((project / "docker-compose.yml").read_text())["services"]["rig"]
    differ = {key for key in {*ours, *theirs} if ours.get(key) != theirs.get(key)}
    assert differ == {"image", "build", "volumes", "configs", "depends_on"}
    assert {*theirs["volumes"]} == {*ours["volumes"], ".:/rig:ro"}
