"""Cold start: `lambda.invoke` with no environment, beside bare `docker run` of the same image to its first `next`."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

from bare import Bare, opened
from rigs import rig, write_code
from samples import Lane, Row, interleaved, over, row

GONE_S = 0.5  # what a turn leaves behind is removed in the background: let it go before the next


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    with (
        tempfile.TemporaryDirectory(prefix="lambdarig-bench-") as folder,
        opened(engine, write_code(Path(folder)), runtime) as bare,
        rig(engine, runtime) as running,
        _docker_run(engine, runtime, Path(folder)) as plain,
    ):
        running.add_function()
        raw = running.connection()

        def cold() -> float:
            running.forget_environments("bench")
            time.sleep(GONE_S)
            begin = time.perf_counter()
            raw.invoke()
            return (time.perf_counter() - begin) * 1000

        lanes: dict[str, Lane] = {**plain, "bare": lambda: _first_next(bare), "cold": cold}
        seen = interleaved(lanes, rounds=3 if quick else 15, warm_up=0 if quick else 1)
    rows = [row("docker engine: `docker run` -> first `next` (bridge network)", seen["run"])] if plain else []
    against = over(seen["cold"], seen["run"], "docker run") if plain else over(seen["cold"], seen["bare"], "engine")
    return [
        *rows,
        row(f"{engine} engine alone: start -> first `next`, Lambda's limits and mounts", seen["bare"]),
        row(f"{engine} engine: cold lambda.invoke", seen["cold"], against),
    ]


def _first_next(bare: Bare) -> float:
    begin = time.perf_counter()
    with bare.started():
        took = (time.perf_counter() - begin) * 1000
    time.sleep(GONE_S)
    return took


@contextlib.contextmanager
def _docker_run(engine: str, runtime: str, code: Path) -> Iterator[dict[str, Lane]]:
    """A lane by the docker command, as a person would start the image; nothing for other engines."""
    if engine != "docker":
        yield {}
        return
    from emulator.functions.images import image_for

    image, gateway, name = image_for(runtime), _bridge(), f"lambdarig-bench-{secrets.token_hex(3)}"
    with socket.create_server((gateway, 0)) as listener:
        api = f"AWS_LAMBDA_RUNTIME_API={gateway}:{listener.getsockname()[1]}"
        command = ["docker", "run", "--detach", "--name", name, "--memory", "1769m", "--volume", f"{code}:/var/task:ro",
                   "--env", api, image, "app.handler"]

        def lane() -> float:
            begin = time.perf_counter()
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            try:
                connection, _ = listener.accept()
                with connection:
                    assert connection.recv(4096).startswith(b"GET /2018-06-01/runtime/invocation/next")
                    return (time.perf_counter() - begin) * 1000
            finally:
                child.wait()
                remove()
                time.sleep(GONE_S)

        def remove() -> None:
            subprocess.run(["docker", "rm", "--force", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           check=False)

        listener.settimeout(30)
        try:
            yield {"run": lane}
        finally:
            remove()


def _bridge() -> str:
    """The host's address on the default bridge: the gateway or, where the daemon leaves it out, the first host."""
    asked = ["docker", "network", "inspect", "bridge", "--format", "{{json (index .IPAM.Config 0)}}"]
    pool = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    return str(pool.get("Gateway") or next(ip_network(pool["Subnet"]).hosts()))
