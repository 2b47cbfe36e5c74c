"""A listening socket served by one thread per connection, so that a slow or stalled one delays nobody else."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)


class Listening:
    """Accepts on `listener` from `start` to `close`; calls `handle(connection, peer_ip)` in a thread of its own.

    The handler owns its connection only while it runs: it is closed when the handler returns or raises.
    """

    def __init__(self, listener: socket.socket, handle: Callable[[socket.socket, str], None], name: str) -> None:
        self._listener, self._handle, self._name = listener, handle, name
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._acceptor = threading.Thread(target=self._accept, name=f"{name}-accept", daemon=True)
        self._closed = False

    def start(self) -> None:
        """Accept from now on."""
        self._listener.setblocking(True)
        self._acceptor.start()

    @property
    def open(self) -> int:
        """Connections being handled now."""
        with self._lock:
            return len(self._open)

    def close(self) -> None:
        """Stop accepting, end every connection, wait for the handlers. Safe to call twice."""
        with self._lock:
            self._closed = True
            ending = dict(self._open)
        _shutdown(self._listener)
        if self._acceptor.is_alive():
            self._acceptor.join(5)
        self._listener.close()
        for connection, thread in ending.items():
            _shutdown(connection)
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, peer = self._listener.accept()
            except OSError as error:
                if not self._closed:
                    LOG.error("%s stopped accepting: %s", self._name, error)
                return
            thread = threading.Thread(
                target=self._run, args=(connection, peer[0]), name=f"{self._name}-{peer[0]}", daemon=True
            )
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._open[connection] = thread
                thread.start()

    def _run(self, connection: socket.socket, peer_ip: str) -> None:
        try:
            self._handle(connection, peer_ip)
        except Exception:
            LOG.exception("%s: a connection from %s ended by an error of the rig's own", self._name, peer_ip)
        finally:
            connection.close()
            with self._lock:
                self._open.pop(connection, None)


def reset_on_close(connection: socket.socket) -> None:
    """Make the next `close` send RST, which a client sees as `Connection reset by peer`, instead of FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _shutdown(connection: socket.socket) -> None:
    """Wake whoever is blocked on the socket: closing alone would leave that thread asleep."""
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError as error:
        LOG.debug("already down: %s", error)
