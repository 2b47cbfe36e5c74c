"""The runs of flows that are under way, each in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class _Run:
    thread: threading.Thread
    canceled: threading.Event


class Runs:
    """The runs under way, each in a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[str, _Run] = {}
        self._closed = False

    def start(self, execution_id: str, work: Callable[[threading.Event], None]) -> None:
        """work gets the event that says it is canceled, and lets no exception out."""
        canceled = threading.Event()

        def run() -> None:
            try:
                work(canceled)
            finally:
                with self._lock:
                    self._under_way.pop(execution_id, None)

        thread = threading.Thread(target=run, name=f"flow-{execution_id}", daemon=True)
        with self._lock:
            if self._closed:
                return
            self._under_way[execution_id] = _Run(thread, canceled)
            thread.start()

    def cancel(self, execution_id: str) -> bool:
        """Whether it was under way. It ends when the call or file in hand is done."""
        with self._lock:
            run = self._under_way.get(execution_id)
        if run is not None:
            run.canceled.set()
        return run is not None

    def cancel_all(self) -> None:
        """Let all of them end."""
        with self._lock:
            for run in self._under_way.values():
                run.canceled.set()

    def busy(self) -> bool:
        """Whether any is under way."""
        return bool(self._under_way)

    def wait(self, execution_id: str = "", limit_s: float | None = 60.0) -> None:
        """Until that run, or every run, has ended. TimeoutError after limit_s machine seconds for one of them."""
        with self._lock:
            waited = {i: run for i, run in self._under_way.items() if execution_id in ("", i)}
        for each, run in waited.items():
            run.thread.join(limit_s)
            if run.thread.is_alive():
                raise TimeoutError(f"the run {each} has not ended after {limit_s} s")

    def stop(self) -> None:
        """Cancel all and begin none any more."""
        with self._lock:
            self._closed = True
        self.cancel_all()

    def close(self) -> None:
        """Stop, and wait until the last one has ended: at most as long as AppFlow waits for a connector."""
        self.stop()
        self.wait(limit_s=None)
