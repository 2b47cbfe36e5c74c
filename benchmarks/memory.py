"""Memory per warm environment: what the rig itself grew by, and what the environments hold."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psutil
from rigs import Failed, RigProcess, rig
from samples import Row, row

MB = 1024 * 1024
COUNTS = (1, 5, 10)


def run(engine: str, runtime: str, quick: bool) -> list[Row]:
    with rig(engine, runtime) as running:
        running.add_function("slow", "app.slow")
        running.client("secretsmanager").list_secrets()  # moto is loaded before anything is compared
        empty = _rss(running)
        rows = [row("the rig alone, moto loaded: resident memory", [empty], unit="MB")]
        for count in COUNTS[: 2 if quick else None]:
            _at_once(running, count)
            rig_grew, held = _rss(running) - empty, _held(engine, running)
            if len(held) != count:
                raise Failed(f"{len(held)} environments, not {count}")
            each = (rig_grew + sum(held)) / count
            parts = f"{rig_grew / count:.2f} MB of it in the rig; all together {empty + each * count:.0f} MB"
            rows.append(row(f"{engine} engine: per warm environment, of {count}", [each], parts, unit="MB"))
        rows += _shims(engine, running)
    return rows


def _at_once(running: RigProcess, count: int) -> None:
    """So many invocations at the same time, that is so many environments."""
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(lambda _: running.connection().invoke("slow"), range(count)))


def _rss(running: RigProcess) -> float:
    """MB of the rig's own process and its reaper."""
    process = psutil.Process(running.pid)
    ours = [process, *(child for child in process.children() if "reaper.py" in " ".join(child.cmdline()))]
    return float(sum(one.memory_info().rss for one in ours)) / MB


def _held(engine: str, running: RigProcess) -> list[float]:
    """MB each environment holds: a container's control group less cached files that can go, or its processes' PSS."""
    if engine == "docker":
        return [_container(one) for one in _containers(running)]
    held = []
    for child in psutil.Process(running.pid).children():
        tree = [child, *child.children(recursive=True)]
        if "reaper.py" not in " ".join(child.cmdline()):
            held.append(sum(one.memory_full_info().pss for one in tree) / MB)
    return held


def _containers(running: RigProcess) -> list[str]:
    """Ids of this rig's containers."""
    import docker

    with_label = {"label": f"lambdarig.rig={running.ask('health')['rig']}"}
    return [one.id or "" for one in docker.from_env().containers.list(filters=with_label)]


def _container(container: str) -> float:
    import docker

    memory = docker.from_env().api.stats(container, stream=False, one_shot=True)["memory_stats"]
    cached = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    return float(memory["usage"] - cached) / MB


def _shims(engine: str, running: RigProcess) -> list[Row]:
    """Docker's own process beside every container: no memory of ours, but memory all the same."""
    if engine != "docker":
        return []
    ids = _containers(running)
    found = [one for one in psutil.process_iter(["cmdline"]) if any(i in (one.info["cmdline"] or []) for i in ids)]
    held = [one.memory_full_info().pss / MB for one in found]
    return [row("Docker's containerd-shim beside each container", held, unit="MB")] if held else []
