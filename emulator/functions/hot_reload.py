"""Functions served from a local folder: a change in the folder retires their warm environments."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

LOG = logging.getLogger(__name__)
STEP_MS, DEBOUNCE_MS, TIMEOUT_MS = 20, 200, 100  # a change is told within a third of a second
CLOSE_S = 2.0


@dataclass
class _Watcher:
    thread: threading.Thread | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    ready: threading.Event = field(default_factory=threading.Event)


class HotReload:
    """One watcher thread a folder, from its first function on. changed: called in that thread."""

    def __init__(self, changed: Callable[[Path], None]) -> None:
        self._changed = changed
        self._watchers: dict[Path, _Watcher] = {}
        self._wanted: set[Path] = set()
        self._lock = threading.Lock()

    def watch(self, folder: Path) -> None:
        """Report changes below `folder` from now on; returns once they are seen."""
        with self._lock:
            self._wanted.add(folder)
            watcher = self._watchers.get(folder)
            if watcher is None:
                watcher = self._watchers[folder] = _Watcher()
                watcher.thread = threading.Thread(
                    target=self._follow, args=(folder, watcher), name=f"watch {folder}", daemon=True
                )
                watcher.thread.start()
        watcher.ready.wait()

    def _follow(self, folder: Path, watcher: _Watcher) -> None:
        try:
            self._report(folder, watcher)
        except Exception as problem:  # as a folder that is gone, or no more inotify watches
            LOG.warning("%s is not watched any more, its functions are not reloaded: %s", folder, problem)
            with self._lock:
                self._watchers.pop(folder, None)
        finally:
            watcher.ready.set()

    def _report(self, folder: Path, watcher: _Watcher) -> None:
        from watchfiles import watch

        changes = watch(
            folder,
            stop_event=watcher.stop,
            debounce=DEBOUNCE_MS,
            step=STEP_MS,
            rust_timeout=TIMEOUT_MS,
            yield_on_timeout=True,
        )
        for batch in changes:
            watcher.ready.set()
            if any("__pycache__" not in path for _, path in batch) and not watcher.stop.is_set():
                self._changed(folder)

    def clear(self) -> None:
        """Forget the functions. A watcher is dear to start, so one that was wanted since the last time goes on."""
        with self._lock:
            idle = [folder for folder in self._watchers if folder not in self._wanted]
            stopping = [self._watchers.pop(folder) for folder in idle]
            self._wanted.clear()
        for watcher in stopping:
            watcher.stop.set()

    def close(self) -> None:
        """Stop every watcher."""
        with self._lock:
            watchers, self._watchers = self._watchers, {}
        for watcher in watchers.values():
            watcher.stop.set()
        for watcher in watchers.values():
            if watcher.thread is not None:
                watcher.thread.join(CLOSE_S)
