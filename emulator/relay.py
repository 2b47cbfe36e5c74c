"""A TCP relay from the functions to one database or other host: the point where a fault can strike a connection."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

from emulator.errors import RigError
from emulator.injector import Injector
from emulator.listening import Listening, reset_on_close
from emulator.model import Connection, Link
from emulator.relay_session import Session

LOG = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10.0

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
        self._sessions: set[Session] = set()
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
        subject = Connection(f"{self.name}/conn-{number}", self.name, function, invocation, self.target)
        link, server = self._connect(subject)
        if server is None:
            with self._lock:
                self.refused += 1
            reset_on_close(client)
            return
        self._relay(Session(client, server, link, self._injector.clock))

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

    def _relay(self, session: Session) -> None:
        with self._lock:
            self._sessions.add(session)
        try:
            session.run()
        finally:
            with self._lock:
                self._sessions.discard(session)
