"""`--rig-keep`: the rig of the first failing test stays up until it is stopped."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest

pytest_plugins = ["plugin_run"]  # fixture: run

TESTS = '''
def test_passes(rig):
    pass

def test_fails(crm, rig):
    rig.client("secretsmanager").create_secret(Name="left", SecretString="x")
    assert rig.invoke("crm").error

def test_never_runs(rig):
    pass
'''


@pytest.fixture
def kept(run, pytester, tmp_path, monkeypatch):
    """A pytest that waits, the lines it has printed, and the address of its rig."""
    from plugin_run import FUNCTION

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    pytester.makepyfile(FUNCTION + TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rig-engine", "inline", "--rig-keep"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=pytester.path)
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if line.startswith("  stop:"):
            break
    yield process, lines
    process.kill()
    process.communicate()


def address(lines):
    (line,) = [line for line in lines if line.startswith("lambdarig: kept")]
    return line.split()[7]


def test_the_rig_stays_as_the_failure_left_it_until_ctrl_c(kept, tmp_path):
    process, lines = kept
    status = json.load(urllib.request.urlopen(f"{address(lines)}/_rig/status"))
    assert [function["name"] for function in status["functions"]] == ["crm"]
    assert list(tmp_path.glob("lambdarig-*/.lambdarig-state"))
    assert any("1 failed, 1 passed" in line for line in lines)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 1
    assert not list(tmp_path.glob("lambdarig-*/.lambdarig-state"))


def test_lambdarig_down_ends_it_too(kept):
    process, lines = kept
    port = address(lines).rpartition(":")[2]
    subprocess.run([sys.executable, "-m", "emulator.cli", "down", "--port", port], check=True, capture_output=True)
    process.communicate(timeout=60)
    assert process.returncode == 1


def test_a_run_that_passes_keeps_nothing(run):
    run("def test_it(rig):\n    pass\n", "--rig-keep").assert_outcomes(passed=1)


def test_workers_cannot_keep_a_rig(run):
    outcome = run("def test_it(rig):\n    pass\n", "--rig-keep", "-n", "2")
    assert outcome.ret == pytest.ExitCode.USAGE_ERROR
    outcome.stderr.fnmatch_lines(["*--rig-keep: workers cannot wait for you*"])
