"""`down` and `status`: of a rig that runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal

import click

from emulator.cli.common import as_json, ask, card, note, say, which_port
from emulator.errors import RigError

STOP_LIMIT_S = 30


@click.command()
@which_port
@as_json
def down(port: int, as_json: bool) -> None:
    """Stop the rig on a port and wait until its containers, network and files are gone."""
    import psutil

    pid = _pid(port)
    if pid is None:
        say({"stopped": False}, f"no rig runs on port {port}", as_json)
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_LIMIT_S)
        except psutil.TimeoutExpired:
            note(f"the rig (pid {pid}) did not stop within {STOP_LIMIT_S} s: killing it; its reaper cleans up")
            process.kill()
            process.wait(STOP_LIMIT_S)
    card(port).unlink(missing_ok=True)
    say({"stopped": True, "pid": pid}, f"stopped the rig on port {port} (pid {pid})", as_json)


def _pid(port: int) -> int | None:
    """From the rig itself; from its card when it no longer answers."""
    try:
        return int(ask(port, "GET", "health", timeout=3)["pid"])
    except RigError:
        pass
    with contextlib.suppress(OSError, ValueError, KeyError):
        pid = int(json.loads(card(port).read_text())["pid"])
        with contextlib.suppress(OSError):
            os.kill(pid, 0)
            return pid
        card(port).unlink(missing_ok=True)
    return None


@click.command()
@which_port
@as_json
def status(port: int, as_json: bool) -> None:
    """What the rig on a port is doing: functions, environments, rules."""
    found = ask(port, "GET", "status")
    if as_json:
        say(found, "", True)
        return
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"{found['url']}  engine {found['engine']}  seed {found['seed']}  pid {found['pid']}", highlight=False
    )
    tables = {
        "functions": ("name", "runtime", "memory_mb", "timeout_s", "reserved_concurrency"),
        "environments": ("id", "state", "native_id"),
        "faults": ("name", "fault", "strikes"),
    }
    for title, columns in tables.items():
        table = Table(*columns, title=f"{title}: {len(found[title])}", title_justify="left")
        for row in found[title]:
            table.add_row(*("" if row[c] is None else str(row[c])[:40] for c in columns))
        console.print(table if found[title] else f"{title}: none")
