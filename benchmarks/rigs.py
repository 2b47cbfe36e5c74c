"""A rig in a process of its own, as `lambdarig up` starts it, and the clients that ask it."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bare import EVENT, ROLE

REGION = "us-east-1"
HANDLER = """
import time

def handler(event, context):
    return {"statusCode": 200, "body": "ok"}

def slow(event, context):
    time.sleep(2)
    return {"statusCode": 200, "body": "ok"}
"""
# Signed once and for ever: the rig reads the scope, and what boto3 costs is measured apart.
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential=AKIALAMBDARIGCLIENT0/20260101/{REGION}/lambda/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
)


class Failed(Exception):
    """A benchmark could not be taken; the argument says why."""


def write_code(folder: Path) -> Path:
    """The handler, readable by the function's user."""
    folder.chmod(0o755)
    (folder / "app.py").write_text(HANDLER)
    return folder


class RigProcess:
    """A running rig. url, pid: as it announced."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, runtime: str, code: Path) -> None:
        self.process, self.url, self.pid, self.runtime, self.code = process, url, process.pid, runtime, code
        self.port = int(url.rsplit(":", 1)[1])

    def client(self, service: str) -> Any:
        """boto3 that neither retries nor waits long."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="AKIALAMBDARIGCLIENT0",
            aws_secret_access_key="x", config=Config(retries={"max_attempts": 0}, read_timeout=60),
        )

    def add_function(self, name: str = "bench", handler: str = "app.handler") -> str:
        """Create the function from its folder; gives its ARN."""
        made = self.client("lambda").create_function(
            FunctionName=name, Runtime=self.runtime, Role=ROLE, Handler=handler, MemorySize=1769, Timeout=15,
            Code={"S3Bucket": "hot-reload", "S3Key": str(self.code)},
        )
        return str(made["FunctionArn"])

    def add_api(self, arn: str) -> str:
        """A deployed REST API with GET /x on the function; gives the path to ask for."""
        gateway = self.client("apigateway")
        api = gateway.create_rest_api(name="bench")["id"]
        root = gateway.get_resources(restApiId=api)["items"][0]["id"]
        resource = gateway.create_resource(restApiId=api, parentId=root, pathPart="x")["id"]
        uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations"
        gateway.put_method(restApiId=api, resourceId=resource, httpMethod="GET", authorizationType="NONE")
        gateway.put_integration(
            restApiId=api, resourceId=resource, httpMethod="GET", type="AWS_PROXY", integrationHttpMethod="POST",
            uri=uri,
        )
        self.client("lambda").add_permission(
            FunctionName=arn, StatementId=f"api-{api}", Action="lambda:InvokeFunction",
            Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:{REGION}:{arn.split(':')[4]}:{api}/*",
        )
        gateway.create_deployment(restApiId=api, stageName="dev")
        return f"/_aws/execute-api/{api}/dev/x"

    def ask(self, path: str) -> Any:
        """GET of the control plane."""
        with urllib.request.urlopen(f"{self.url}/_rig/{path}", timeout=30) as answer:
            return json.loads(answer.read())

    def connection(self) -> Raw:
        return Raw(self.port)

    def forget_environments(self, name: str) -> None:
        """The next invocation is a cold start: a new configuration makes a new revision."""
        self.client("lambda").update_function_configuration(FunctionName=name, Description=str(time.time_ns()))


class Raw:
    """One keep-alive connection of the standard library's client; `invoke` and `get` check what they get."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def invoke(self, name: str = "bench") -> None:
        path = f"/2015-03-31/functions/{name}/invocations"
        self._ask("POST", path, EVENT, {"Authorization": AUTHORIZATION, "X-Amz-Date": "20260101T000000Z"})

    def get(self, path: str) -> None:
        self._ask("GET", path, None, {})

    def get_anew(self, path: str) -> None:
        """With a connection of its own."""
        fresh = Raw(self._port)
        try:
            fresh._ask("GET", path, None, {"Connection": "close"})
        finally:
            fresh.close()

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> None:
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 200 or answer.getheader("x-amz-function-error"):
            raise Failed(f"{method} {path}: {answer.status} {said[:500]!r}")

    def close(self) -> None:
        self._connection.close()


def spawn(engine: str, *more: str) -> subprocess.Popen[bytes]:
    """`lambdarig up`, its own words thrown away."""
    command = [sys.executable, "-m", "emulator.cli", "up", "--engine", engine, "--port", "0", "--json", *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def announced(process: subprocess.Popen[bytes]) -> str:
    """The URL, read as soon as the rig says it."""
    assert process.stdout is not None
    text = ""
    for line in iter(process.stdout.readline, b""):
        text += line.decode()
        if line.rstrip() == b"}":
            return str(json.loads(text)["url"])
    raise Failed("the rig did not start")


def stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does; the rig removes what it made."""
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


@contextlib.contextmanager
def rig(engine: str, runtime: str, *more: str) -> Iterator[RigProcess]:
    """A rig, stopped in the end whatever happens."""
    with tempfile.TemporaryDirectory(prefix="lambdarig-bench-") as folder:
        code, process = write_code(Path(folder)), spawn(engine, *more)
        try:
            yield RigProcess(process, announced(process), runtime, code)
        finally:
            stop(process)
