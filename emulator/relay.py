"""A TCP relay from the functions to one database or other host: the point where a fault can strike a connection."""

from __future__ import annotations

import logging
import re
import socket
import threading
from collections.abc import Callable
from dataclasses import replace

from emulator.errors import FaultError, RigError, UsageError
from emulator.injector import Injector
from emulator.listening import Listening, reset_on_close
from emulator.model import Connection, Link
from emulator.numbering import Numbers
from emulator.relay_session import CLOSINGS, Session

LOG = logging.getLogger(__name__)
CONNECT_TIMEOUT_S = 10.0
ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[\w.-]+)):(?P<port>[0-9]{1,5})", re.ASCII)

Attribute = Callable[[str], tuple[str, str]]
Origin = Callable[[str], str]


def address(written: str) -> tuple[str, int]:
    """`cache.example.com:6379` or `[::1]:6379` as host and port. Raises UsageError."""
    found = ADDRESS.fullmatch(written)
    if found is None or not 0 < int(found["port"]) < 65536:
        raise UsageError(f"{written!r} is no address: write host:port, such as localhost:6379")
    return found["host"] or found["v6"], int(found["port"])


class Relay:
    """Relays every connection made to `listener` to `target` (host, port), after the point `connect`.

    attribute: address of the client -> (function, invocation), empty where nobody knows. origin: the same -> id of the
    environment. accepted, refused: connections since the start (or `reset`); refused ones never reached the target.
    Connections are numbered by invocation, so that those made at once are the same ones whoever comes first.
    """

    def __init__(
        self,
        name: str,
        listener: socket.socket,
        target: tuple[str, int],
        injector: Injector,
        attribute: Attribute,
        origin: Origin = lambda _: "",
    ) -> None:
        self.name, self.target = name, target
        self.accepted = self.refused = 0
        self._injector, self._attribute, self._origin = injector, attribute, origin
        self._numbers = Numbers("/conn-")
        self._sessions: dict[Session, tuple[str, int, Connection]] = {}
        self._closed = False
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

    def resume(self, environment: str, invocation: str, idle_s: float) -> None:
        """This environment was frozen so long in rig time, and goes on when this returns: each of its connections
        passes the point `resume`. Raises FaultError."""
        with self._lock:
            ours = [(nth, session, made) for session, (env, nth, made) in self._sessions.items() if env == environment]
        for _, session, made in sorted(ours, key=lambda one: one[0]):
            subject = replace(made, invocation=invocation, idle_s=idle_s)
            link = self._injector.pass_through("resume", subject, lambda _: Link(), quiet=True).reply
            if link.closing and link.closing not in CLOSINGS:
                choices = ", ".join(CLOSINGS)
                raise FaultError(f"{subject.id} cannot end by {link.closing!r} at resume (choose from: {choices})")
            if link.closing:
                session.lapse(link.closing)

    def reset(self) -> None:
        """Count from conn-1 again; open connections stay, and are of nobody that will still be there."""
        with self._lock:
            self.accepted = self.refused = 0
            self._numbers = Numbers("/conn-")
            self._sessions = {session: ("", nth, made) for session, (_, nth, made) in self._sessions.items()}

    def close(self) -> None:
        """End every connection, held or not, and stop listening."""
        with self._lock:
            self._closed = True
            sessions = list(self._sessions)
        for session in sessions:
            session.end()
        self._listening.close()

    def _handle(self, client: socket.socket, peer_ip: str) -> None:
        function, invocation = self._attribute(peer_ip)
        environment = self._origin(peer_ip)
        with self._lock:
            self.accepted += 1
            nth = self.accepted
        identity = self._numbers.next(invocation or environment, self.name)
        subject = Connection(identity, self.name, function, invocation, self.target)
        link, server = self._connect(subject)
        if server is None:
            with self._lock:
                self.refused += 1
            reset_on_close(client)
            return
        self._relay(Session(client, server, link, self._injector.clock), environment, nth, subject)

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

    def _relay(self, session: Session, environment: str, nth: int, subject: Connection) -> None:
        with self._lock:
            self._sessions[session] = environment, nth, subject
            late = self._closed
        if late:
            session.end()
        try:
            session.run()
        finally:
            with self._lock:
                del self._sessions[session]
