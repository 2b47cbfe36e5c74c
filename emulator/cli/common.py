"""What several commands share: the options that say which rig, output, and how a rig that runs is asked."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import click

from emulator.errors import RigError, UsageError

PORT = 4566
as_json = click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
which_port = click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(1, 65535),
    envvar="LAMBDARIG_PORT",
    help="The rig's port.",
)
Command = Callable[..., Any]


def engine_option(command: Command) -> Command:
    """--engine; the name is checked where engines are known."""
    return click.option(
        "--engine",
        default="auto",
        show_default=True,
        envvar="LAMBDARIG_ENGINE",
        help="docker, process, inline, or auto (docker when an engine answers).",
    )(command)


def say(result: dict[str, Any] | list[Any], plain: str, wanted_json: bool) -> None:
    """Print a result the way it was asked for."""
    click.echo(json.dumps(result, indent=2, default=str) if wanted_json else plain)


def note(text: str) -> None:
    """Progress and remarks: stderr."""
    click.echo(text, err=True)


def ask(port: int, method: str, *path: str, body: Any = None, timeout: float = 10) -> dict[str, Any]:
    """Ask a running rig's control plane. Raises RigError when none answers, UsageError when it refuses."""
    data = None if body is None else json.dumps(body).encode()
    where = "/".join(quote(part, safe="") for part in path)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_rig/{where}", data, method=method)
    request.add_header("Content-Type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return _rigs(json.loads(answer.read()), port)
    except urllib.error.HTTPError as error:
        raise _refusal(error, port) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise nobody(port, getattr(error, "reason", error)) from None


def nobody(port: int, reason: object) -> RigError:
    """There is no rig on the port."""
    return RigError(f"no rig answers on port {port}: {reason}", f"lambdarig up --port {port} --detach")


def _refusal(error: urllib.error.HTTPError, port: int) -> RigError:
    """As the control plane words it; anything else is somebody else's."""
    try:
        said = json.loads(error.read())
        message = f"{said['message']}" if said["error"] else ""
    except (OSError, ValueError, KeyError, TypeError):
        return _stranger(port)
    return RigError(message, said.get("mend") or "") if error.code >= 500 else UsageError(message)


def _rigs(answer: Any, port: int) -> dict[str, Any]:
    if not isinstance(answer, dict):
        raise _stranger(port)
    return answer


def _stranger(port: int) -> RigError:
    return RigError(f"what answers on port {port} is no rig", "lambdarig up --port 0 --detach takes a free port")


def client(port: int, service: str) -> Any:
    """A boto3 client of a running rig that neither retries nor reads the machine's AWS configuration."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="AKIALAMBDARIGCLIENT0",
        aws_secret_access_key="lambdarig",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=1000, proxies={}),
    )
