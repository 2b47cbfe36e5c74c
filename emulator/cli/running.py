"""`down` and `status`: of a rig that runs."""

from __future__ import annotations

from collections.abc import Callable

import click
import psutil

from emulator.cli import cards
from emulator.cli.asking import ask, nobody
from emulator.cli.common import as_json, note, say, which_port
from emulator.clock import Clock
from emulator.errors import RigError, UsageError

STOP_LIMIT_S = 30
TABLES = {
    "functions": ("name", "runtime", "memory_mb", "timeout_s", "reserved_concurrency"),
    "environments": ("id", "state", "initialization", "native_id"),
    "faults": ("name", "fault", "strikes"),
}


@click.command()
@which_port
@as_json
def down(port: int, as_json: bool) -> None:
    """Stop the rig on a port and wait until its containers, network and files are gone."""
    answers, card = _answers(port), cards.read(port)
    process = card.process() if card else None
    if answers:
        ask(port, "POST", "stop")
    elif process is not None:
        process.terminate()
    else:
        cards.remove(port)
        say({"stopped": False}, f"no rig runs on port {port}", as_json)
        return
    if process is not None:
        _wait(process)
    else:
        _wait_for_silence(port)
    cards.remove(port)
    say({"stopped": True}, f"stopped the rig on port {port}", as_json)


def _answers(port: int) -> bool:
    try:
        return "rig" in ask(port, "GET", "health", timeout=3)
    except UsageError:
        raise
    except RigError:
        return False


def _wait(process: psutil.Process) -> None:
    """Until it is gone; a rig that will not go is killed, and its reaper cleans up."""
    if _until(lambda: not cards.lives(process)):
        return
    note(f"the rig (pid {process.pid}) did not stop within {STOP_LIMIT_S} s: killing it; its reaper cleans up")
    process.kill()
    _until(lambda: not cards.lives(process))


def _wait_for_silence(port: int) -> None:
    """For a rig whose process cannot be seen from here: one in a container on the host's network."""
    if not _until(lambda: not _answers(port)):
        raise RigError(f"the rig on port {port} did not stop within {STOP_LIMIT_S} s")


def _until(done: Callable[[], bool]) -> bool:
    clock = Clock()
    while not done():
        if clock.now() > STOP_LIMIT_S:
            return False
        clock.stall(0.02)
    return True


@click.command()
@which_port
@as_json
def status(port: int, as_json: bool) -> None:
    """What the rig on a port is doing: functions, environments, rules."""
    found = ask(port, "GET", "status")
    if "rig" not in found:
        raise nobody(port, "somebody else does")
    if as_json:
        say(found, "", True)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"{found['url']}  engine {found['engine']}  seed {found['seed']}  pid {found['pid']}", highlight=False
    )
    for title, columns in TABLES.items():
        table = Table(*columns, title=f"{title}: {len(found[title])}", title_justify="left")
        for row in found[title]:
            table.add_row(*("" if row[c] is None else str(row[c])[:40] for c in columns))
        console.print(table if found[title] else f"{title}: none")
