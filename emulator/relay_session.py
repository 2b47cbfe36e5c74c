"""One relayed connection: both directions pumped at once, as the link that the rules made of it says.

A closed connection means two different things to the two ends: the client waits for the server's FIN, the server
frees its session on the client's. With `Link.hold` neither arrives before the release, everything else does.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

from emulator.listening import reset_on_close
from emulator.model import Link

LOG = logging.getLogger(__name__)
CHUNK = 65536

# PostgreSQL's client says goodbye in the protocol before it closes (Terminate, "X" with length 4, in the chapter
# on message formats), and the server ends the session on it. It is part of the close, so a hold keeps it back.
TERMINATE = b"X\x00\x00\x00\x04"


class Session:
    """One client and its connection to the server, pumped in both directions at once."""

    def __init__(self, client: socket.socket, server: socket.socket, link: Link) -> None:
        self._client, self._server = client, server
        self._lock = threading.Lock()
        self._goodbye = b""
        self._broken = False
        self._let_go = threading.Event()
        for connection in (client, server):
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if link.hold is None:
            self._let_go.set()
        else:
            link.hold.on_release(self._release)

    def run(self) -> None:
        """Until both directions have ended and whoever held the connection let go of it."""
        name = threading.current_thread().name
        back = threading.Thread(
            target=self._pump, args=(self._server, self._client, self._client.sendall), name=name, daemon=True
        )
        back.start()
        try:
            self._pump(self._client, self._server, self._forward)
        finally:
            back.join()
            self._server.close()

    def end(self) -> None:
        """End it now, held or not."""
        self._let_go.set()
        for connection in (self._client, self._server):
            _down(connection, socket.SHUT_RDWR)

    def _pump(self, source: socket.socket, sink: socket.socket, deliver: Callable[[bytes], None]) -> None:
        """One direction, data at once and its end when nothing holds it."""
        try:
            while data := source.recv(CHUNK):
                deliver(data)
        except OSError as error:
            LOG.debug("a relayed connection broke: %s", error)
            self._let_go.wait()
            self._break()
        self._let_go.wait()
        if not self._broken:
            _down(sink, socket.SHUT_WR)

    def _forward(self, data: bytes) -> None:
        """To the server; a goodbye waits with the close it belongs to, unless the client goes on talking."""
        with self._lock:
            self._server.sendall(self._hold_back(self._goodbye + data))

    def _hold_back(self, data: bytes) -> bytes:
        held = not self._let_go.is_set() and data.endswith(TERMINATE)
        self._goodbye = TERMINATE if held else b""
        return data[: -len(TERMINATE)] if held else data

    def _release(self) -> None:
        """The close that was held is delivered; a connection still in use becomes an ordinary one."""
        with self._lock:
            self._let_go.set()
            goodbye, self._goodbye = self._goodbye, b""
            try:
                self._server.sendall(goodbye)
            except OSError as error:
                LOG.debug("the server was gone before the goodbye: %s", error)

    def _break(self) -> None:
        """A reset ends both directions, and both ends see a reset: nothing may send FIN before the sockets close."""
        self._broken = True
        for connection in (self._client, self._server):
            reset_on_close(connection)
            _down(connection, socket.SHUT_RD)  # wakes the other direction, sends nothing


def _down(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError as error:
        LOG.debug("already down: %s", error)
