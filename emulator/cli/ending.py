"""The end of a rig that runs in the foreground, asked for by a signal or by another thread."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from types import FrameType


class Ending:
    """A pipe tells, because a signal's handler may take no lock: it runs in the middle of whatever the main thread
    does, which may be holding the very lock (`threading.Event.set` there hangs for ever, once in some hundred ends).

    starting: while True, a signal breaks the start off at once, with KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        self.starting = False

    def ask(self) -> None:
        """From anywhere, as often as wanted."""
        with contextlib.suppress(BlockingIOError):  # asked some ten thousand times already
            os.write(self._write, b".")

    def asked(self) -> bool:
        return bool(select.select([self._read], [], [], 0)[0])

    def wait(self) -> None:
        """Until it is asked for."""
        select.select([self._read], [], [])

    def on_signals(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP (unless nohup has taken that) as asking."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.ask()
        if self.starting:
            self.starting = False
            raise KeyboardInterrupt
