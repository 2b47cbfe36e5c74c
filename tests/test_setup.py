import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(path for path in (ROOT / "scripts").iterdir() if path.is_file())
SHOW = 'echo "$LAMBDARIG_ENGINE $LAMBDARIG_ENGINE_TESTS"; exit 7'


def _with_engine(*arguments, **environment):
    return subprocess.run([ROOT / "scripts/with-engine", *arguments], env={**os.environ, **environment},
                          capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def no_engine(tmp_path):
    return {"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci/run"], ids=lambda path: path.name)
def test_script_is_bash(script):
    subprocess.run(["bash", "-n", script], check=True)
    assert script.suffix == ".sh" or os.access(script, os.X_OK)


def test_going_without_docker_is_said_and_the_exit_code_passes_on():
    done = _with_engine("sh", "-c", SHOW, ENGINE="process")
    assert (done.returncode, done.stdout) == (7, "process process\n")
    assert "without Docker" in done.stderr


def test_tests_need_an_engine_or_the_word_that_they_go_without(no_engine):
    done = _with_engine("sh", "-c", SHOW, ENGINE="auto", **no_engine)
    assert (done.returncode, done.stdout) == (3, "")
    assert "no Docker engine answers at DOCKER_HOST" in done.stderr
    assert "add ENGINE=process" in done.stderr


def test_the_demo_falls_back_to_processes_and_says_what_that_costs(no_engine):
    done = _with_engine("--or-process", "sh", "-c", SHOW, ENGINE="auto", **no_engine)
    assert (done.returncode, done.stdout) == (7, "process process\n")
    assert "no private network" in done.stderr


def test_asked_for_docker_nothing_else_will_do(no_engine):
    done = _with_engine("--or-process", "sh", "-c", SHOW, ENGINE="docker", **no_engine)
    assert (done.returncode, done.stdout) == (3, "")


def test_unknown_engine_lists_the_choices():
    done = _with_engine("true", ENGINE="dokcer")
    assert done.returncode == 2
    assert "unknown engine 'dokcer': choose one of auto, docker, process" in done.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_make_lets_its_command_clean_up(stop):
    waiting = "import signal\ntry: print('up', flush=True); signal.pause()\nexcept KeyboardInterrupt: exit(9)"
    # A shell cannot trap what was ignored when it began, as SIGINT is where tests run in the background.
    running = subprocess.Popen([ROOT / "scripts/with-engine", sys.executable, "-c", waiting], text=True,
                               stdout=subprocess.PIPE, env={**os.environ, "ENGINE": "process"},
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    with running:
        assert running.stdout.readline() == "up\n"
        running.send_signal(stop)
        assert running.wait(30) == 9


def _unheard(command, **options):
    """Runs it with an output that nobody reads, as behind `2>&1 | head`."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return subprocess.run(command, cwd=ROOT, stdout=writing, stderr=writing, check=False, timeout=60, **options)
    finally:
        os.close(writing)


def test_an_engine_of_ours_goes_when_nobody_reads_what_is_said_any_more(tmp_path):
    script = """
        . scripts/lib.sh; . scripts/engine.sh
        owned=$1; systemctl() { kill "$(cat "$owned.copy")"; }
        bash -c 'exec -a dockerd sleep 1000' > /dev/null 2>&1 &
        echo $! > "$owned"; echo $! > "$owned.copy"
        until is_dockerd $!; do :; done
        trap engine_release EXIT
        engine_hold
    """
    owned = tmp_path / "pid"
    assert _unheard(["bash", "-euo", "pipefail", "-c", script, "test", owned]).returncode == 0
    assert not owned.exists()
    assert not Path(f"/proc/{Path(f'{owned}.copy').read_text().strip()}").exists()


def test_what_is_said_to_nobody_ends_the_script_and_not_before_it_has_cleaned_up():
    done = _unheard(["scripts/with-engine", "true"], env={**os.environ, "ENGINE": "process"})
    assert done.returncode == 141


def test_the_mirror_is_the_one_that_apt_uses(tmp_path):
    apt_get = tmp_path / "apt-get"
    apt_get.write_text('#!/bin/sh\necho "Other Other main http://other/"\n'
                       'echo "Debian Debian-Security main http://sec/"\necho "Debian Debian main http://mine/debian/"\n')
    apt_get.chmod(0o755)
    said = subprocess.run(["bash", "-c", ". scripts/lib.sh; debian_mirror"], cwd=ROOT, text=True, capture_output=True,
                          env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True)
    assert said.stdout == "http://mine/debian/\n"
