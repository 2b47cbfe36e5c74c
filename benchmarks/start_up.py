"""`lambdarig up`: from the start of the process to healthy, and to the first AWS call that moto answers."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time

from rigs import AUTHORIZATION, Failed, stop
from samples import Row, interleaved, row

LIMIT_S = 30
LOOK_S = 0.001


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    lanes = {
        "python": lambda: subprocess.run([sys.executable, "-c", "pass"], check=True) and None,
        "healthy": lambda: _up(engine, "GET", "/_rig/health", {}),
        "answered": lambda: _up(engine, "POST", "/", {
            "X-Amz-Target": "secretsmanager.ListSecrets", "Content-Type": "application/x-amz-json-1.1",
            "Authorization": AUTHORIZATION.replace("/lambda/", "/secretsmanager/"),
        }),
    }
    seen = interleaved(lanes, rounds=3 if quick else 10, warm_up=0 if quick else 1)
    return [
        row("floor: an empty Python program, start to end", seen["python"]),
        row(f"{engine} engine: `lambdarig up` -> healthy", seen["healthy"]),
        row(f"{engine} engine: `lambdarig up` -> first AWS call answered by moto, asked at once", seen["answered"]),
    ]


def _up(engine: str, method: str, path: str, headers: dict[str, str]) -> float:
    """Milliseconds from the process's start to the answer, asking until the port answers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "emulator.cli", "up", "--engine", engine, "--port", str(port), "--json"]
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        while not _answers(port, method, path, headers):
            if process.poll() is not None or time.perf_counter() - begin > LIMIT_S:
                raise Failed("the rig did not become healthy")
            time.sleep(LOOK_S)
        return (time.perf_counter() - begin) * 1000
    finally:
        stop(process)


def _answers(port: int, method: str, path: str, headers: dict[str, str]) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LIMIT_S)
    try:
        connection.request(method, path, b"{}" if method == "POST" else None, headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Failed(f"{method} {path}: {answer.status}")
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
    return True
