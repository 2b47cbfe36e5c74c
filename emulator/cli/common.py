"""What several commands share: the options that say which rig, output, and clients of a rig that runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

PORT = 4566
NO_DOCKER = "install Docker and start it (Debian: apt-get install docker.io), or use --engine process"
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
    click.echo(json.dumps(result, indent=2, default=_text) if wanted_json else plain)


def _text(value: Any) -> str:
    """ISO 8601 for times."""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def note(text: str) -> None:
    """Progress and remarks: stderr."""
    click.echo(text, err=True)


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
