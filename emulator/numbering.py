"""Numbers by which an invocation's calls and connections are told apart: each counts its own, so those made at once by
several invocations are the same ones whoever comes first."""

from __future__ import annotations

import threading
from collections import OrderedDict

COUNTED = 10_000  # invocations whose calls are numbered; older ones are over


class Numbers:
    """`NAME/inv-3/login.salesforce.com#1`: how often it was that host in that place. sign: what is before the number.
    Thread-safe."""

    def __init__(self, sign: str = "#") -> None:
        self._sign = sign
        self._lock = threading.Lock()
        self._seen: OrderedDict[tuple[str, str], int] = OrderedDict()

    def next(self, place: str, host: str) -> str:
        """The id of the next one. place: an invocation or an environment; empty where nobody knows."""
        with self._lock:
            number = self._seen.pop((place, host), 0) + 1
            self._seen[place, host] = number
            if len(self._seen) > COUNTED:
                self._seen.popitem(last=False)
        return f"{place}/{host}{self._sign}{number}" if place else f"{host}{self._sign}{number}"
