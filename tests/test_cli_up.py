"""`up` and `down`: what is said, what runs, and that nothing is left."""

import json
import re
import signal
import subprocess
import sys
import threading

import psutil
import pytest
from cli_rig import Up, shell

pytest_plugins = ["cli_fixtures"]  # fixtures: home, cli


def test_up_says_where_it_is_and_ends_on_a_signal_leaving_nothing(home):
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        up = Up(home, "rig.yaml", "--engine", "inline")
        assert up.said.keys() == {"url", "engine", "seed", "pid"}
        assert (up.said["engine"], up.said["pid"]) == ("inline", up.process.pid)
        assert len(home.left()) == 2
        status, said = up.end(how)
        assert status == 0
        assert "stopping" in said
        assert "Traceback" not in said
        assert home.left() == []


def test_lambdarig_yaml_is_found_where_one_stands(home):
    (home.work / "rig.yaml").rename(home.work / "lambdarig.yaml")
    up = Up(home, "--engine", "inline")
    assert json.loads(up.call("invoke", "crm").stdout) == {"got": {}}
    assert up.end()[0] == 0


def test_down_stops_it_and_waits(home):
    up = Up(home, "--engine", "inline")
    done = up.call("down", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"stopped": True})
    assert home.left() == []
    assert up.end()[0] == 0


def test_a_rig_whose_port_is_dead_is_stopped_by_its_card(home):
    up = Up(home, "--engine", "inline")
    up.process.send_signal(signal.SIGSTOP)
    threading.Timer(4, up.process.send_signal, [signal.SIGCONT]).start()
    done = up.call("down")
    assert (done.returncode, done.stdout) == (0, f"stopped the rig on port {up.port}\n")
    assert up.end()[0] == 0
    assert home.left() == []


def test_detached_it_returns_when_it_is_healthy(home):
    done = home.call("up", "rig.yaml", "--detach", "--port", "0", "--engine", "inline", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    assert said.keys() == {"url", "engine", "seed", "pid", "log"}
    port = said["url"].rpartition(":")[2]
    assert json.loads(home.call("invoke", "crm", "--port", port).stdout) == {"got": {}}
    assert home.call("down", "--port", port).stdout == f"stopped the rig on port {port}\n"
    assert not psutil.pid_exists(said["pid"]) or psutil.Process(said["pid"]).status() == psutil.STATUS_ZOMBIE
    assert home.left() == []
    assert [path for path in home.runtime.rglob("*") if path.is_file()] == []


def test_detached_in_words(home):
    done = home.call("up", "--detach", "--port", "0", "--engine", "inline")
    (port,) = re.findall(r"stop it with: lambdarig down --port (\d+)", done.stdout)
    assert home.call("down", "--port", port).returncode == 0


def test_a_folder_named_emulator_is_not_taken_for_it(home):
    (home.work / "emulator").mkdir()
    (home.work / "emulator" / "__init__.py").write_text("raise SystemExit('wrong one')")
    code = "import sys; sys.path.pop(0); from emulator.cli import main; main()"
    arguments = ("up", "--detach", "--port", "0", "--engine", "inline", "--json")
    done = subprocess.run(
        (sys.executable, "-c", code, *arguments), capture_output=True, text=True, cwd=home.work,
        env={**shell(), **home.variables}, check=False,
    )  # fmt: skip
    if sys.version_info >= (3, 11):
        assert done.returncode == 0, done.stderr
        port = json.loads(done.stdout)["url"].rpartition(":")[2]
        assert subprocess.run((sys.executable, "-c", code, "down", "--port", port), cwd=home.work,
                              env={**shell(), **home.variables}, check=False).returncode == 0  # fmt: skip


def test_an_engine_that_is_asked_for_and_does_not_answer_is_exit_3_with_the_mend(home, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home.work}/nobody.sock")
    for options in ([], ["--detach"]):
        done = home.call("up", "--engine", "docker", "--port", "0", *options)
        assert (done.returncode, done.stdout) == (3, "")
        assert done.stderr.startswith("lambdarig: the docker engine cannot be used: ")
        assert "to mend it: install Docker" in done.stderr
    assert home.left() == []


def test_without_docker_auto_is_the_process_engine(home, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{home.work}/nobody.sock")
    up = Up(home)
    assert up.said["engine"] == "process"
    assert up.end()[0] == 0


def test_a_rule_is_armed_from_the_start(home):
    up = Up(home, "rig.yaml", "--engine", "inline", "--fault", "{fault: cold_start, with: {delay_ms: 9000}}")
    log = json.loads(up.call("invoke", "crm", "--json").stdout)["log"]
    assert float(re.search(r"Init Duration: ([\d.]+) ms", log)[1]) >= 9000
    up.end()


def test_a_folder_of_ones_own_is_kept(home):
    up = Up(home, "--engine", "inline", "--files", "mine")
    assert (home.work / "mine").is_dir()
    up.end()
    assert (home.work / "mine").is_dir()
    assert home.left() == []


def test_what_the_emulated_aws_refuses_is_exit_2_and_leaves_nothing(home):
    text = "functions: {crm: {folder: code, handler: h, environment: {AWS_REGION: x}}}"
    (home.work / "refused.yaml").write_text(text)
    done = home.call("up", "refused.yaml", "--port", "0", "--engine", "inline")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lambdarig: refused.yaml: functions.crm: Lambda was unable to configure")
    assert home.left() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_breaks_off_what_is_being_built(home, how, monkeypatch):
    """A function whose requirements never finish installing."""
    (home.work / "pip.conf").write_text("[global]\nindex-url = http://192.0.2.1/\nretries = 99\ntimeout = 900\n")
    (home.work / "code" / "requirements.txt").write_text("nothing-of-that-name==1.0\n")
    (home.work / "slow.yaml").write_text("functions: {crm: {folder: code, handler: h, requirements: true}}")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(home.work / "pip.conf"))
    up = Up(home, "slow.yaml", "--engine", "inline", wait=False)
    up.wait_for("its requirements")
    status, said = up.end(how)
    assert (status, said.endswith("stopped\n")) == (130, True)
    assert home.left() == []


def test_with_the_process_engine_no_process_outlives_it(home):
    up = Up(home, "rig.yaml", "--engine", "process")
    assert json.loads(up.call("invoke", "crm").stdout) == {"got": {}}
    children = psutil.Process(up.process.pid).children(recursive=True)
    assert children
    assert up.end(signal.SIGINT)[0] == 0
    _, alive = psutil.wait_procs(children, timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert home.left() == []


@pytest.mark.docker
def test_with_the_docker_engine_no_container_and_no_network_outlives_it(home):
    import docker

    up = Up(home, "rig.yaml", "--engine", "docker")
    rig = json.loads(up.call("status", "--json").stdout)["rig"]
    assert json.loads(up.call("invoke", "crm", "--payload", "1").stdout) == {"got": 1}
    engine = docker.from_env()
    mine = {"filters": {"label": f"lambdarig.rig={rig}"}}
    assert len(engine.containers.list(all=True, **mine)) == 1
    assert len(engine.networks.list(**mine)) == 1
    assert "idle" in up.call("status").stdout
    assert up.call("down").returncode == 0
    assert up.end()[0] == 0
    assert (engine.containers.list(all=True, **mine), engine.networks.list(**mine)) == ([], [])
    assert home.left() == []
    engine.close()
