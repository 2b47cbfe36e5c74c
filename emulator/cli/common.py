"""What several commands share: the options that say which rig, output, and the files that say which rigs run."""

from __future__ import annotations

import json
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from emulator.errors import RigError, UsageError

PORT = 4566
as_json = click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
which_port = click.option(
    "--port",
    default=PORT,
    show_default=True,
    type=click.IntRange(0, 65535),
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
    click.echo(json.dumps(result, indent=2) if wanted_json else plain)


def note(text: str) -> None:
    """Progress and remarks: stderr."""
    click.echo(text, err=True)


def ask(port: int, method: str, path: str, body: Any = None, timeout: float = 10) -> Any:
    """Ask a running rig's control plane. Raises RigError when none answers, UsageError when it refuses."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/_rig/{path}", data, method=method)
    request.add_header("Content-Type", "application/json")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        raise UsageError(_message(error)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise RigError(f"no rig answers on port {port}: {reason}", f"lambdarig up --port {port} --detach") from None


def _message(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["message"])
    except (ValueError, KeyError):
        return f"the rig answered {error.code} {error.reason}"


def card(port: int) -> Path:
    """The file that says which process has the rig on this port."""
    base = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    return Path(base) / f"lambdarig-{os.getuid()}" / f"{port}.json"


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
