import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import docker
import pytest
from docker.errors import ImageNotFound

from emulator.errors import EngineError, UsageError
from emulator.functions import imagebuild, imageclient, images

HANDLER = """
import getpass, os, sys
def handler(event, context):
    import boto3
    return {"path": sys.path[:4], "user": getpass.getuser(), "cwd": os.getcwd(), "boto3": boto3.__file__,
            "python": sys.version_info[:2], "got": event}
"""


class Here:
    """A Docker client that has just these images."""

    def __init__(self, *names: str) -> None:
        self.names, self.images = names, self

    def get(self, name: str) -> str:
        if name not in self.names:
            raise ImageNotFound(name)
        return name


def test_aws_own_image_comes_before_a_local_one():
    runtime = images.RUNTIMES["python3.13"]
    assert images.image_for("python3.13", Here(runtime.aws, runtime.local)) == runtime.aws
    assert images.image_for("python3.13", Here(runtime.local)) == runtime.local


def test_a_missing_image_says_how_to_get_one():
    with pytest.raises(EngineError) as caught:
        images.image_for("python3.13", Here("lambdarig/python:3.12"))
    assert caught.value.mend == "lambdarig images build --runtime python3.13"


def test_unknown_runtime_lists_the_choices():
    with pytest.raises(UsageError, match=r"unknown runtime 'python2.7': choose one of .*python3\.13"):
        images.image_for("python2.7", Here())


@pytest.mark.parametrize("call", [images.available, lambda: images.build(None, None, None, print)])
def test_no_engine_is_one_clear_error(call, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(EngineError, match="no Docker engine answers") as caught:
        call()
    assert "--engine process" in caught.value.mend


def test_pip_failure_shows_what_pip_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    base = imagebuild.Base("some/base:1", "3.11", "/usr/bin/python3", "x86_64")
    with pytest.raises(EngineError, match="No matching distribution found for awslambdaric"):
        imagebuild.install_packages(tmp_path / "runtime", base, None)


@pytest.fixture
def client():
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def bare_image(client):
    """An image with nothing in it but one empty file."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("empty"))
    name = f"lambdarig-test-{uuid4().hex[:8]}:bare"
    client.api.import_image_from_data(tar.getvalue(), repository=name.split(":")[0], tag="bare")
    yield name
    client.images.remove(name)


@pytest.mark.docker
def test_base_without_python_is_refused(bare_image):
    with pytest.raises(EngineError, match=f"base image {bare_image} has no python3 that runs") as caught:
        images.build(bare_image, None, None, print)
    assert "--base" in caught.value.mend


@pytest.mark.docker
def test_base_that_cannot_be_pulled_is_refused():
    with pytest.raises(EngineError, match=r"image localhost:1/nothing:1 is not here and cannot be pulled"):
        images.build("localhost:1/nothing:1", None, None, print)


@pytest.fixture(scope="module")
def local_image():
    """A local image, built now; building on top of it again must work as well as from a bare base."""
    said: list[str] = []
    image = images.build(_a_base(), None, None, said.append)
    assert any("awslambdaric" in line for line in said)
    return image


def _a_base() -> str:
    return images.LOCAL_BASE if _is_here(images.LOCAL_BASE) else "python:3.13-slim"


def _is_here(name: str) -> bool:
    client = docker.from_env()
    try:
        return bool(client.images.list(name))
    finally:
        client.close()


@pytest.mark.docker
@pytest.mark.xdist_group("images")
def test_built_image_is_found_and_labelled(local_image, client):
    runtime = "python" + local_image.partition(":")[2]
    assert {"runtime": runtime, "image": local_image, "origin": "local"} in images.available()
    assert client.images.get(local_image).labels[imagebuild.LABEL] == runtime
    assert images.pull_or_build(runtime, print) == images.image_for(runtime)


@pytest.mark.docker
@pytest.mark.xdist_group("images")
def test_base_of_another_python_is_refused(local_image):
    other = "python3.10" if local_image.endswith("3.14") else "python3.14"
    with pytest.raises(EngineError, match=f"has Python .*, not the one of {other}"):
        images.build(_a_base(), other, None, print)


@pytest.mark.docker
@pytest.mark.parametrize(
    ("runtime", "base"), [("nodejs22.x", "nodejs22.x"), ("java17", "java17"), ("nodejs20.x", "java17")]
)
def test_a_bases_own_interpreter_is_used_when_its_version_fits(client, runtime, base):
    found = imageclient.inspect(client, images.image_for(base), images.RUNTIMES[runtime])
    assert bool(found.interpreter) == (runtime == base)


@pytest.mark.docker
def test_base_without_a_shell_is_refused_for_other_languages(bare_image):
    with pytest.raises(EngineError, match=f"base image {bare_image} has no /bin/sh that runs") as caught:
        images.build(bare_image, "nodejs22.x", None, print)
    assert "node:22-slim" in caught.value.mend


@pytest.mark.docker
def test_images_of_other_languages_are_listed_after_pythons():
    listed = [row["runtime"] for row in images.available()]
    assert {"nodejs20.x", "nodejs22.x", "nodejs24.x", "java17"} <= set(listed)
    assert listed[0].startswith("python")


@pytest.fixture
def runtime_api():
    """The two calls a runtime client needs for one event. `answers` collects what it posts."""
    answers: list[dict] = []
    answered = threading.Event()

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            answered.wait(30 if answers else 0)
            self._reply(200, b'{"n": 1}', {"Lambda-Runtime-Aws-Request-Id": "r-1", "Lambda-Runtime-Deadline-Ms": "1"})

        def do_POST(self):
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self._reply(202, b"{}", {})
            answered.set()

        def _reply(self, status, body, headers):
            self.send_response(status)
            # Without a Content-Type AWS's client dies of a segmentation fault.
            always = {"Content-Type": "application/json", "Content-Length": str(len(body))}
            for name, value in (always | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            """Keeps the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, answers, answered
    server.shutdown()
    server.server_close()


@pytest.fixture
def run(client, local_image, tmp_path):
    """Start the image on HANDLER as an engine does: unprivileged, read-only, code mounted."""
    started = []
    tmp_path.chmod(0o755)
    (tmp_path / "app.py").write_text(HANDLER)

    def start(**environment):
        container = client.containers.run(
            local_image, ["app.handler"], detach=True, network_mode="host", user="993:990", read_only=True,
            environment=environment, volumes={str(tmp_path): {"bind": "/var/task", "mode": "ro"}})
        started.append(container)
        return container

    yield start
    for container in started:
        container.remove(force=True)


@pytest.mark.docker
@pytest.mark.xdist_group("images")
def test_handler_sees_a_lambda(run, runtime_api, local_image):
    port, answers, answered = runtime_api
    container = run(AWS_LAMBDA_RUNTIME_API=f"127.0.0.1:{port}")
    assert answered.wait(20), container.logs()
    version = local_image.partition(":")[2]
    assert answers == [{
        "path": ["/var/task", f"/opt/python/lib/python{version}/site-packages", "/opt/python", "/var/runtime"],
        "user": "sbx_user1051", "cwd": "/var/task", "boto3": "/var/runtime/boto3/__init__.py",
        "python": [int(part) for part in version.split(".")], "got": {"n": 1},
    }]


@pytest.mark.docker
@pytest.mark.xdist_group("images")
def test_exec_wrapper_runs_and_a_missing_one_exits_127(run, tmp_path):
    (tmp_path / "wrapper").write_text('#!/bin/sh\necho "wrapped: $*"\nexit 9\n')
    (tmp_path / "wrapper").chmod(0o755)
    wrapped = run(AWS_LAMBDA_RUNTIME_API="127.0.0.1:1", AWS_LAMBDA_EXEC_WRAPPER="/var/task/wrapper")
    missing = run(AWS_LAMBDA_RUNTIME_API="127.0.0.1:1", AWS_LAMBDA_EXEC_WRAPPER="/opt/none")
    assert wrapped.wait(timeout=20)["StatusCode"] == 9
    assert wrapped.logs() == b"wrapped: /var/lang/bin/python3 /var/runtime/bootstrap.py\n"
    assert missing.wait(timeout=20)["StatusCode"] == 127
    assert missing.logs() == b"/opt/none: does not exist\n"
