"""Runs the shapes of one direction of a relayed connection.

Each shape has a thread and an inbox of its own, so that what comes bears the time at which it came while the shape
waits, also behind another shape that waits. A rule that is disarmed takes its shape out: what came but did not get
through is passed on at once, and from then on everything as it comes.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from emulator.clock import Clock
from emulator.model import Release, Shape

LOG = logging.getLogger(__name__)
AHEAD = 16 * 2**20  # bytes that a sender may be ahead of a shape that waits; then it waits too, as for TCP's window


class Ends(Protocol):
    """The connection, as far as a shape may end it."""

    def reset(self) -> None:
        """Both sides by RST, at once."""

    def end(self) -> None:
        """Both sides by FIN, behind what was delivered."""


class Inbox:
    """What is on its way to a shape; the shape's `chunks` (see `emulator.model.Chunks`)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._done = self._released = self._shut = False
        self.ended = math.inf

    def put(self, data: bytes) -> bool:
        """Behind what is there; waits while the sender is too far ahead. False when it is shut: that was lost."""
        came = self._clock.monotonic()
        with self._changed:
            self._changed.wait_for(lambda: self._size < AHEAD or self._shut)
            if not self._shut:
                self._waiting.append((came, data))
                self._size += len(data)
                self._changed.notify_all()
            return not self._shut

    def finish(self) -> None:
        """The sender has ended."""
        with self._changed:
            self.ended, self._done = self._clock.monotonic(), True
            self._changed.notify_all()

    def release(self) -> None:
        """The shape gets no more; see `rest`."""
        with self._changed:
            self._released = True
            self._changed.notify_all()

    def shut(self) -> None:
        """Nobody gets any more."""
        with self._changed:
            self._shut = True
            self._waiting.clear()
            self._changed.notify_all()

    def __iter__(self) -> Iterator[tuple[float, bytes]]:
        return self

    def __next__(self) -> tuple[float, bytes]:
        if (item := self._take(released=False)) is None:
            raise StopIteration
        return item

    def rest(self) -> Iterator[bytes]:
        """What a released shape did not get, to the sender's end."""
        while (item := self._take(released=True)) is not None:
            yield item[1]

    def _take(self, released: bool) -> tuple[float, bytes] | None:
        """The next, when it is there; None at the end, or once it is no longer as `released` says."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._done or self._shut or self._released != released)
            if not self._waiting or self._shut or self._released != released:
                return None
            item = self._waiting.popleft()
            self._size -= len(item[1])
            self._changed.notify_all()
            return item


class Stage:
    """One shape at work, and the line that it stands on (see `emulator.model.Line`)."""

    def __init__(self, shape: Shape, until: Release, clock: Clock, ends: Ends) -> None:
        self.inbox, self.closes = Inbox(clock), False
        self._shape, self._until, self._clock, self._ends = shape, until, clock, ends
        self._off = threading.Event()
        until.on_release(self._release)

    def out(self) -> Iterator[bytes]:
        """What the shape gives on. Raises ConnectionAbortedError for a shape that raised."""
        try:
            yield from filter(None, self._shape(self.inbox, self))
        except Exception as error:
            LOG.exception("%s: a fault's shape raised", threading.current_thread().name)
            raise ConnectionAbortedError("a fault's shape raised") from error
        yield from self.inbox.rest()
        self.inbox.shut()

    def shut(self) -> None:
        """The connection is over."""
        self._until.forget(self._release)
        self._off.set()
        self.inbox.shut()

    def now(self) -> float:
        return self._clock.monotonic()

    def wait(self, seconds: float) -> bool:
        return not self._off.wait(min(max(0.0, seconds), threading.TIMEOUT_MAX))

    def reset(self) -> bool:
        if armed := not self._off.is_set():
            self._ends.reset()
        return armed

    def close(self) -> bool:
        if armed := not self._off.is_set():
            self.closes = True
            self.inbox.shut()
        return armed

    def _release(self) -> None:
        self._off.set()
        self.inbox.release()


class Shaping:
    """The shapes of one direction, each behind the one before."""

    def __init__(self, steps: Sequence[tuple[Shape, Release]], clock: Clock, ends: Ends) -> None:
        self._ends = ends
        self._stages = [Stage(shape, until, clock, ends) for shape, until in steps]
        self._threads: list[threading.Thread] = []
        self._broken: OSError | None = None

    def passed(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """What is left of them at the end. Raises what `chunks` raised, behind what came before it."""
        name = threading.current_thread().name
        sources = [chunks, *(stage.out() for stage in self._stages[:-1])]
        for source, stage in zip(sources, self._stages, strict=True):
            self._threads.append(threading.Thread(target=self._feed, args=(source, stage), name=name, daemon=True))
            self._threads[-1].start()
        yield from self._stages[-1].out()
        if self._broken is not None:
            raise self._broken
        if any(stage.closes for stage in self._stages):
            self._ends.end()

    def shut(self) -> None:
        """The connection is over: nothing waits, nothing passes."""
        for stage in self._stages:
            stage.shut()

    def join(self) -> None:
        """Until the threads have ended, when it is shut and nobody can read from the sockets any more."""
        for thread in self._threads:
            thread.join()

    def _feed(self, source: Iterator[bytes], stage: Stage) -> None:
        try:
            all(stage.inbox.put(data) for data in source)  # to the end, or until nobody wants it any more
        except OSError as error:
            self._broken = error
        finally:
            stage.inbox.finish()
