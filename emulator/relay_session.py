"""One relayed connection: both directions pumped at once, as the link that the rules made of it says.

A closed connection means two different things to the two ends: the client waits for the server's FIN, the server
frees its session on the client's. With `Link.hold` neither arrives before the release, everything else does.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from functools import partial

from emulator.clock import Clock
from emulator.listening import reset_on_close
from emulator.model import Link, Release, Shape
from emulator.shaping import Shaping

LOG = logging.getLogger(__name__)
CHUNK = 65536
WAYS = ("upstream", "downstream")
SEND_LOOK = struct.pack("ll", 0, 250_000)  # a sender who waits for room looks up so often, a timeval: 0.25 s

# PostgreSQL's client says goodbye in the protocol before it closes (Terminate, "X" with length 4, in the chapter
# on message formats), and the server ends the session on it. It is part of the close, so a hold keeps it back.
TERMINATE = b"X\x00\x00\x00\x04"

CLOSINGS = ("fin", "reset", "silent")
CLOSED_S = 5.0


class Session:
    """One client and its connection to the server, pumped in both directions at once."""

    def __init__(self, client: socket.socket, server: socket.socket, link: Link, clock: Clock) -> None:
        self._client, self._server, self._hold = client, server, link.hold
        self._lock = threading.Lock()
        self._goodbye = b""
        self._over = self._broken = self._forgotten = False
        self._let_go, self._closed = threading.Event(), threading.Event()
        for connection in (client, server):
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, SEND_LOOK)
        self._shapings = {way: Shaping(steps, clock, self) for way in WAYS if (steps := _steps(link, way))}
        if self._hold is None:
            self._let_go.set()
        else:
            self._hold.on_release(self._release)

    def run(self) -> None:
        """Until both directions have ended and whoever held the connection let go of it."""
        name = threading.current_thread().name
        there = (self._client, self._server, self._forward, "upstream")
        back = (self._server, self._client, partial(self._send, self._client), "downstream")
        backwards = threading.Thread(target=self._pump, args=back, name=name, daemon=True)
        backwards.start()
        try:
            self._pump(*there)
        finally:
            backwards.join()
            self._tidy()
            for connection in (self._client, self._server):
                connection.close()
            self._closed.set()

    def end(self) -> None:
        """End it now in order, held or not: both sides see FIN."""
        self._over = True
        self._interrupt()
        for connection in (self._client, self._server):
            _down(connection, socket.SHUT_RDWR)

    def reset(self) -> None:
        """End it now, held or not: both sides see RST, so nothing may send FIN before the sockets close."""
        self._over = self._broken = True
        self._interrupt()
        for connection in (self._client, self._server):
            reset_on_close(connection)
            _down(connection, socket.SHUT_RD)  # wakes the other direction, sends nothing

    def lapse(self, closing: str) -> None:
        """The server is gone, one of CLOSINGS: the client is told at once (and this returns when it was), or finds out
        when it says something, even goodbye."""
        if closing == "silent":
            self._forgotten = True
            return
        (self.end if closing == "fin" else self.reset)()
        self._closed.wait(CLOSED_S)

    def _interrupt(self) -> None:
        self._let_go.set()
        for shaping in self._shapings.values():
            shaping.shut()

    def _pump(self, source: socket.socket, sink: socket.socket, deliver: Callable[[bytes], None], way: str) -> None:
        """One direction, data at once and its end when nothing holds it."""
        chunks: Iterator[bytes] = iter(partial(source.recv, CHUNK), b"")
        if shaping := self._shapings.get(way):
            chunks = shaping.passed(chunks)
        try:
            for data in chunks:
                if not self._forgotten:
                    deliver(data)
                elif source is self._client:
                    break
        except OSError as error:
            LOG.debug("a relayed connection broke: %s", error)
            self._let_go.wait()
            if not self._over:
                self.reset()
        if self._forgotten and source is self._client and not self._over:
            self.reset()
        self._let_go.wait()
        if not (self._broken or self._forgotten):
            if source is self._client:
                self._say_goodbye()
            _down(sink, socket.SHUT_WR)

    def _send(self, sink: socket.socket, data: bytes) -> None:
        """All of it. A sender who waits for room would not notice that the connection is over: raises OSError then."""
        left = memoryview(data)
        while left:
            if self._over:
                raise ConnectionAbortedError("it was ended")
            with contextlib.suppress(BlockingIOError):  # no room in all the time that SEND_LOOK gives it
                left = left[sink.send(left) :]

    def _forward(self, data: bytes) -> None:
        """To the server; a goodbye waits with the close it belongs to, unless the client goes on talking."""
        with self._lock:
            self._send(self._server, self._hold_back(self._goodbye + data))
        if self._goodbye and self._let_go.is_set():  # released meanwhile
            self._release()

    def _hold_back(self, data: bytes) -> bytes:
        held = not self._let_go.is_set() and data.endswith(TERMINATE)
        self._goodbye = TERMINATE if held else b""
        return data[: -len(TERMINATE)] if held else data

    def _release(self) -> None:
        """The close that was held is delivered; a connection still in use becomes an ordinary one. Whoever disarms a
        rule does not wait for a server that does not read: the goodbye then comes behind what is being forwarded."""
        self._let_go.set()
        if self._goodbye and self._lock.acquire(blocking=False):
            try:
                self._goodbye = self._goodbye[self._server.send(self._goodbye, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                LOG.debug("no room for the goodbye: it comes with the close")
            except OSError as error:
                LOG.debug("the server was gone before the goodbye: %s", error)
            finally:
                self._lock.release()

    def _say_goodbye(self) -> None:
        """What is left of it, before the end overtakes it."""
        with self._lock:
            goodbye, self._goodbye = self._goodbye, b""
            try:
                self._send(self._server, goodbye)
            except OSError as error:
                LOG.debug("the server was gone before the goodbye: %s", error)

    def _tidy(self) -> None:
        """Both directions have ended; a reader whose shape wanted no more may still wait for its socket."""
        if self._hold is not None:
            self._hold.forget(self._release)
        for connection in (self._client, self._server) if self._shapings else ():
            _down(connection, socket.SHUT_RD)
        for shaping in self._shapings.values():
            shaping.shut()
            shaping.join()


def _steps(link: Link, way: str) -> list[tuple[Shape, Release]]:
    return [(shape, until) for direction, shape, until in link.shapes if direction == way]


def _down(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError as error:
        LOG.debug("already down: %s", error)
