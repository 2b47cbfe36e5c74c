"""The command `lambdarig`. Results on stdout, everything else on stderr; exit 0 ok, 1 the function or scenario
failed, 2 usage or configuration, 3 the rig or its engine failed (or is itself wrong), 130 interrupted."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from emulator.errors import RigError, meant

COMMANDS = {  # name -> module that has it; loaded when called, so that `up` starts quickly
    "init": "init",
    "up": "up",
    "down": "running",
    "status": "running",
    "doctor": "doctor",
    "invoke": "functions",
    "logs": "logs",
    "run": "run",
    "connector": "connector",
    "flow": "flow",
    "guide": "reproduce",
    "reproduce": "reproduce",
    "simulate-policy": "simulate",
    "faults": "faults",
    "fault": "faults",
    "images": "images",
}


class Commands(click.Group):
    """Loads a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"emulator.cli.{COMMANDS[name]}")
        command: click.Command = getattr(module, name.replace("-", "_"))
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            choices = f"choose one of {', '.join(COMMANDS)}{meant(args[0], COMMANDS)}"
            raise click.UsageError(f"unknown command {args[0]!r}: {choices}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lambdarig", prog_name="lambdarig")
def cli() -> None:
    """Connector Lambdas in memory-capped containers, behind an emulated Lambda, API Gateway and AppFlow,
    failing on demand."""


def main() -> None:
    """Entry point: turns the rig's own errors into one clear line and their exit code."""
    try:
        status = cli(standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.Abort:
        click.echo("stopped", err=True)
        status = 130
    except click.ClickException as error:
        error.show()
        status = 2
    except RigError as error:
        click.echo(f"lambdarig: {error}", err=True)
        status = error.exit_code
    except (BrokenPipeError, SystemExit):  # the reader of a pipe has gone (SystemExit: click has seen it first)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor may the interpreter's last flush meet it
        status = 0
    except Exception:
        _own_mistake()
        status = 3
    sys.exit(status if isinstance(status, int) else 0)


def _own_mistake() -> None:
    """Exit status 1, Python's own, would say that a function had failed."""
    import traceback

    traceback.print_exc()
    click.echo("lambdarig: this is a mistake of lambdarig itself: please report it with the lines above", err=True)
