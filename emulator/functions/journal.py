"""The log of one invocation: lines as they come, to CloudWatch while the handler works, and kept for LogResult."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emulator.clock import Clock
from emulator.functions.frames import Frames

KEPT = 64 * 1024 * 1024  # bytes of output kept of one invocation; as much as the rig keeps of all logs together
Event = tuple[int, str]  # (milliseconds since the epoch, message with its newline)


class Journal:
    """publish: takes events, each once, in order."""

    def __init__(self, clock: Clock, publish: Callable[[list[Event]], None]) -> None:
        self.events: list[Event] = []
        self._clock, self._publish = clock, publish
        self._published = self._size = self._dropped = 0
        self._frames = Frames()
        self._open: list[bytes] = []
        self._since = 0

    def say(self, line: str) -> None:
        """A line of the platform's; nothing when it is empty."""
        if line:
            self.events.append((int(self._clock.wall() * 1000), line))

    def print(self, chunks: Iterable[tuple[int, bytes]], whole: bool = True) -> None:
        """What the function wrote: one event a message where its client framed it, at the client's time; else one a
        line, at the time its first byte was read. whole: a last line without a newline is one, too; otherwise it waits
        for the rest of it."""
        last = 0
        for last, data in chunks:
            self._take(last, data)
        if whole:
            self._printed(last, self._frames.rest())
            self._end_line()
        if whole and self._dropped:
            self.say(f"lambdarig: {self._dropped} bytes more were printed; of one invocation {KEPT} are kept\n")
            self._dropped = 0

    def _take(self, at: int, data: bytes) -> None:
        if self._size + len(data) > KEPT:
            self._dropped += len(data)
            return
        self._size += len(data)
        for framed, part in self._frames.split(data):
            if framed is None:
                self._printed(at, part)
            else:
                self._end_line()
                self.events.append((framed, part.decode("utf-8", errors="replace")))

    def _end_line(self) -> None:
        if self._open:
            self._line(self._since, b"".join(self._open))
            self._open = []

    def _printed(self, at: int, data: bytes) -> None:
        head, newline, rest = data.rpartition(b"\n")
        if newline:
            first, *others = b"".join([*self._open, head]).split(b"\n")
            self._line(self._since if self._open else at, first)
            for line in others:
                self._line(at, line)
            self._open = []
        if rest:
            self._since = self._since if self._open else at
            self._open.append(rest)

    def _line(self, at: int, line: bytes) -> None:
        """Without framing AWS's clients join the lines of one event, as a traceback's, with carriage returns."""
        text = line.decode("utf-8", errors="replace")
        body = text.rstrip("\r")
        self.events.append((at, body.replace("\r", "\n") + text[len(body) :] + "\n"))

    def publish(self) -> None:
        """Hand on what is new."""
        new = self.events[self._published :]
        if new:
            self._published = len(self.events)
            self._publish(new)

    def text(self) -> bytes:
        """All of it, each event on a line of its own."""
        return "".join(text if text.endswith("\n") else f"{text}\n" for _, text in self.events).encode()
