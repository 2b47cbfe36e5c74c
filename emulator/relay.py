"""A TCP relay from the functions to one database: the point where a fault can hold on to a connection.

A closed connection means two different things to the two ends: the client waits for the server's FIN, the server
frees its session on the client's. With `Link.hold` neither arrives before the release, everything else does.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

from emulator.errors import RigError
from emulator.injector import Injector
from emulator.listening import Listening, reset_on_close
from emulator.model import Connection, Link, Release

LOG = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10.0
CHUNK = 65536

# PostgreSQL's client says goodbye in the protocol before it closes (Terminate, "X" with length 4, in the chapter
# on message formats), and the server ends the session on it. It is part of the close, so a hold keeps it back.
TERMINATE = b"X\x00\x00\x00\x04"

Attribute = Callable[[str], tuple[str, str]]


class Relay:
    """Relays every connection made to `listener` to `target` (host, port), after the point `connect`.

    attribute: address of the client -> (function, invocation), empty where nobody knows.
    accepted, refused: connections since the start (or `reset`); refused ones never reached the target.
    """

    def __init__(
        self, name: str, listener: socket.socket, target: tuple[str, int], injector: Injector, attribute: Attribute
    ) -> None:
        self.name, self.target = name, target
        self.accepted = self.refused = 0
        self._injector, self._attribute = injector, attribute
        self._sessions: set[_Session] = set()
        self._lock = threading.Lock()
        self._listening = Listening(listener, self._handle, f"relay-{name}")

    def start(self) -> None:
        """Accept connections from now on."""
        self._listening.start()

    @property
    def active(self) -> int:
        """Connections relayed now, held ones included."""
        with self._lock:
            return len(self._sessions)

    def reset(self) -> None:
        """Count from conn-1 again; open connections stay."""
        with self._lock:
            self.accepted = self.refused = 0

    def close(self) -> None:
        """End every connection, held or not, and stop listening."""
        with self._lock:
            sessions = list(self._sessions)
        for session in sessions:
            session.end()
        self._listening.close()

    def _handle(self, client: socket.socket, peer_ip: str) -> None:
        with self._lock:
            self.accepted += 1
            number = self.accepted
        function, invocation = self._attribute(peer_ip)
        subject = Connection(f"{self.name}/conn-{number}", self.name, function, invocation)
        link, server = self._connect(subject)
        if server is None:
            with self._lock:
                self.refused += 1
            reset_on_close(client)
            return
        self._relay(_Session(client, server, link.hold))

    def _connect(self, subject: Connection) -> tuple[Link, socket.socket | None]:
        """Through the point to the target; the socket is None when the connection must not be."""
        servers: list[socket.socket] = []

        def proceed(_: Connection) -> Link:
            try:
                servers.append(socket.create_connection(self.target, CONNECT_TIMEOUT_S))
            except OSError as error:
                LOG.warning("%s: %s:%s is out of reach: %s", subject.id, *self.target, error)
                return Link("refused")
            return Link()

        try:
            link = self._injector.pass_through("connect", subject, proceed).reply
        except RigError as error:
            LOG.error("%s refused: %s", subject.id, error)
            link = Link("refused")
        kept = servers.pop() if servers and link.verdict == "connected" else None
        for server in servers:
            server.close()
        return link, kept

    def _relay(self, session: _Session) -> None:
        with self._lock:
            self._sessions.add(session)
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.discard(session)


class _Session:
    """One client and its connection to the server, pumped in both directions at once."""

    def __init__(self, client: socket.socket, server: socket.socket, hold: Release | None) -> None:
        self._client, self._server = client, server
        self._lock = threading.Lock()
        self._goodbye = b""
        self._broken = False
        self._let_go = threading.Event()
        for connection in (client, server):
            connection.settimeout(None)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hold is None:
            self._let_go.set()
        else:
            hold.on_release(self._release)

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
