"""Functions served from a local folder: a change in the folder retires their warm environments."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path


class HotReload:
    """One watcher thread a folder, while any function uses it."""

    def __init__(self, changed: Callable[[Path], None]) -> None:
        self._changed = changed
        self._stops: dict[Path, threading.Event] = {}
        self._lock = threading.Lock()

    def watch(self, folder: Path) -> None:
        """Report changes below `folder` from now on."""
        with self._lock:
            if folder in self._stops:
                return
            stop = self._stops[folder] = threading.Event()
        ready = threading.Event()
        threading.Thread(target=self._follow, args=(folder, stop, ready), name=f"watch {folder}", daemon=True).start()
        ready.wait()

    def _follow(self, folder: Path, stop: threading.Event, ready: threading.Event) -> None:
        from watchfiles import watch

        changes = watch(folder, stop_event=stop, debounce=200, step=20, rust_timeout=100, yield_on_timeout=True)
        for batch in changes:
            ready.set()
            if batch and any("__pycache__" not in path for _, path in batch):
                self._changed(folder)

    def close(self) -> None:
        """Stop every watcher."""
        with self._lock:
            for stop in self._stops.values():
                stop.set()
            self._stops.clear()
