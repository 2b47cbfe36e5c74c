"""Clients in a process of their own: `load.py PORT CLIENTS SECONDS PATH` prints each client's turns in ms as JSON.

PATH: of an API, asked with a new connection each; or `invoke`, on one connection a client.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from rigs import Failed, Raw


def client(port: int, path: str, until: float) -> list[float]:
    raw, seen = Raw(port), []
    while time.perf_counter() < until:
        begin = time.perf_counter()
        raw.invoke() if path == "invoke" else raw.get_anew(path)
        seen.append((time.perf_counter() - begin) * 1000)
    raw.close()
    return seen


def load(port: int, clients: int, seconds: float, path: str) -> list[list[float]]:
    until = time.perf_counter() + seconds
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(lambda _: client(port, path, until), range(clients)))


if __name__ == "__main__":
    try:
        seen = load(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
    except Failed as failure:
        sys.exit(f"benchmarks: {failure}")
    print(json.dumps(seen))
