import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from uuid import uuid4

import boto3
import docker
import pytest
from botocore.config import Config

from emulator.functions import images
from emulator.reaper import RIG_LABEL

ROOT = Path(__file__).parent.parent

# Asks each host:port for a PostgreSQL's answer to SSLRequest: one letter, S or N.
HANDLER = """
import socket
def handler(event, context):
    return {f"{host}:{port}": ask(host, port) for host, port in event["ask"]}
def ask(host, port):
    try:
        with socket.create_connection((host, port), 3) as connection:
            connection.sendall(bytes.fromhex("0000000804d2162f"))
            return connection.recv(1).decode()
    except OSError as problem:
        return type(problem).__name__
"""

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("compose")]


class Stack:
    """One `docker compose` project of its own name and port."""

    def __init__(self, bases: dict[str, str], folder: Path = ROOT) -> None:
        self.name, self._folder = f"lambdarig-test-{uuid4().hex[:8]}", folder
        published = {"LAMBDARIG_PUBLISH": "127.0.0.1:0", "LAMBDARIG_CA_BUNDLE": os.environ.get("PIP_CERT", "/dev/null")}
        self._environment = {**os.environ, **bases, **published}

    def __call__(self, *words: str) -> str:
        done = subprocess.run(["docker", "compose", "-p", self.name, *words], cwd=self._folder, env=self._environment,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"docker compose {' '.join(words)}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def up(self, *options: str) -> None:
        self("up", "-d", "--wait", *(options or ("--build",)))

    def client(self, service: str):
        url = f"http://{self('port', 'rig', '4566').strip()}"
        return boto3.client(service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="test",
                            aws_secret_access_key="test", config=Config(read_timeout=60, retries={"max_attempts": 0}))


@pytest.fixture(scope="module")
def bases():
    """The public base images, or those that the machine can make."""
    made = subprocess.run(["scripts/compose-bases"], cwd=ROOT, env={**os.environ, "PYTHON": sys.executable},
                          stdout=subprocess.PIPE, text=True, check=True)
    return dict(line.split("=", 1) for line in made.stdout.splitlines())


@pytest.fixture
def stack(bases):
    stack = Stack(bases)
    yield stack
    stack("down", "-v", "--rmi", "local", "--timeout", "10")


@pytest.fixture
def engine():
    client = docker.from_env()
    yield client
    client.close()


def _create(stack):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", HANDLER)
    stack.client("lambda").create_function(
        FunctionName="probe", Runtime=images.available()[0]["runtime"], Handler="app.handler", Timeout=30,
        Role="arn:aws:iam::123456789012:role/probe", Code={"ZipFile": archive.getvalue()})


def _invoke(stack, *ask):
    answer = stack.client("lambda").invoke(FunctionName="probe", Payload=json.dumps({"ask": ask}))
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def _siblings(engine, stack):
    """The connector containers beside this stack's rig: on its network, and made by a rig."""
    running = engine.containers.list(filters={"network": f"{stack.name}_connectors"})
    return [one for one in running if RIG_LABEL in one.labels]


def _left(engine, stack):
    ours = {"label": f"com.docker.compose.project={stack.name}"}
    return [*engine.api.containers(all=True, filters=ours), *engine.api.networks(filters=ours),
            *(engine.api.volumes(filters=ours)["Volumes"] or ())]


def test_functions_run_beside_the_rig_and_down_leaves_nothing(stack, engine):
    stack.up()
    assert stack("port", "rig", "4566").startswith("127.0.0.1:")
    _create(stack)
    answers = _invoke(stack, ("postgres", 5432), ("192.0.2.1", 443))
    assert answers["postgres:5432"] in ("S", "N")
    assert answers["192.0.2.1:443"] != "S"
    (sibling,) = _siblings(engine, stack)
    assert list(sibling.attrs["NetworkSettings"]["Networks"]) == [f"{stack.name}_connectors"]
    stack("down", "-v", "--rmi", "local")
    assert _left(engine, stack) == []
    with pytest.raises(docker.errors.NotFound):
        sibling.reload()


def test_what_a_killed_rig_left_goes_when_it_comes_up_again(stack, engine):
    stack.up()
    _create(stack)
    _invoke(stack)
    (sibling,) = _siblings(engine, stack)
    stack("kill", "rig")
    stack.up()
    _create(stack)
    _invoke(stack)
    with pytest.raises(docker.errors.NotFound):
        sibling.reload()


def test_a_starter_comes_up_with_its_function(stack, bases, tmp_path):
    """By an image that is there: what it would be built of is not published from here."""
    stack("build", "rig")
    subprocess.run([sys.executable, "-m", "emulator.cli", "init", str(tmp_path)], check=True, capture_output=True)
    tmp_path.chmod(0o755)
    starter = Stack({**bases, "LAMBDARIG_IMAGE": f"{stack.name}-rig"}, tmp_path)
    try:
        starter.up("--no-build")
        answer = starter.client("lambda").invoke(FunctionName="crm", Payload=b"{}")
        assert json.loads(answer["Payload"].read()) == {"user": "ada", "object": "Account"}
    finally:
        starter("down", "-v", "--timeout", "10")
