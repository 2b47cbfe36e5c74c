"""The rig's HTTP server with an application that does nothing: what client and server cost by themselves."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rigs import RigProcess, stop


def nothing(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    start_response("200 OK", [("content-type", "application/json"), ("content-length", "2")])
    return [b"{}"]


@contextlib.contextmanager
def serving_nothing() -> Iterator[RigProcess]:
    """In a process of its own, as the rig is."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        port = process.stdout.readline().decode().strip()
        yield RigProcess(process, f"http://127.0.0.1:{port}", "", Path())
    finally:
        stop(process)


if __name__ == "__main__":
    from emulator.server import Server, listen

    print(Server(nothing, listen("127.0.0.1", 0), 132).address[1], flush=True)
    threading.Event().wait()
