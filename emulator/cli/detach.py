"""`lambdarig up --detach`: the same command without it, in a session of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from emulator.cli import cards
from emulator.cli.common import say
from emulator.errors import RigError, UsageError

STOP_LIMIT_S = 30


def detached(port: int, as_json: bool) -> None:
    """Start it, wait for what it announces, say that. Its stderr goes to a log beside the card."""
    log = cards.folder() / f"starting-{os.getpid()}.log"
    try:
        child, announced = _started(log)
        if announced is None:
            raise _failure(child.wait(), log)
        port = int(announced["url"].rpartition(":")[2])
        log.replace(cards.log_of(port))
    finally:
        log.unlink(missing_ok=True)
    log = cards.log_of(port)
    say(
        {**announced, "log": str(log)},
        f"lambdarig is up: {announced['url']} (pid {announced['pid']}, log {log})\n{restored(announced)}"
        f"  stop it with: lambdarig down --port {port}",
        as_json,
    )


def restored(announced: dict[str, Any]) -> str:
    """What a state on disk gave, as a line; empty without one."""
    if "restored" not in announced:
        return ""
    found = announced["restored"]
    counts = ", ".join(f"{name} {number}" for name, number in found.items() if name != "ended")
    ended = f"; runs that ended with the rig: {found['ended']}" if found["ended"] else ""
    return f"  restored from {announced['state']}: {counts}{ended}\n"


def _started(log: Path) -> tuple[subprocess.Popen[str], dict[str, Any] | None]:
    arguments = [argument for argument in sys.argv[1:] if argument not in ("--detach", "--json")]
    safe = ["-P"] if sys.version_info >= (3, 11) else []  # a folder `emulator` where we stand is none of ours
    with log.open("w") as output:
        child = subprocess.Popen(
            [sys.executable, *safe, "-m", "emulator.cli", *arguments, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            start_new_session=True,
        )
    try:
        return child, _first_words(child)
    except BaseException:
        child.terminate()
        child.wait(STOP_LIMIT_S)
        raise


def _first_words(child: subprocess.Popen[str]) -> dict[str, Any] | None:
    """The child's announcement; None when it ended without one."""
    assert child.stdout is not None
    text = ""
    for line in child.stdout:
        text += line
        if line.rstrip() == "}":
            return dict(json.loads(text))
    return None


def _failure(status: int, log: Path) -> RigError:
    """What the child said, with the meaning that its exit status has."""
    said = log.read_text(errors="replace").strip().removeprefix("lambdarig: ")
    return (UsageError if status == UsageError.exit_code else RigError)(said or f"the rig ended with status {status}")
