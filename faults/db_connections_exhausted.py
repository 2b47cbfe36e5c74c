"""db_connections_exhausted: the database has no connection left."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from emulator.fault import Context, Fault, param
from emulator.model import Connection, Link

LIMIT_S = 10.0
SSL_REQUEST, VERSION_3, TRUSTED, TOO_MANY = 80877103, 196608, bytes(4), "53300"


@dataclass(frozen=True)
class DbConnectionsExhausted(Fault):
    """A real PostgreSQL has no connection left: what it still takes is taken before the handler's connect, which then
    gets the server's own error, `sorry, too many clients already` (SQLSTATE 53300; asyncpg's TooManyConnectionsError).
    No password is needed: a session counts while the server waits for one. Whoever asks past the relay is refused
    too. When the rule is gone, so are the sessions."""

    name: ClassVar[str] = "db_connections_exhausted"

    leave: int = param(0, "connections", "left free when it strikes first; only superusers get the last three of them")
    user: str = param("postgres", "", "to ask for; a server that trusts whoever comes must have it")
    most: int = param(1000, "connections", "to take of one server, at most", least=1)

    def new_state(self) -> dict[tuple[str, int], list[socket.socket]]:
        """What is held, by server."""
        return {}

    def on_connect(self, subject: Connection, proceed: Callable[[], Link], ctx: Context) -> Link:
        with ctx.lock:
            held = ctx.state.setdefault(subject.target, [])
            wanted = len(held) if held and self.leave else self.most + 1
            held[:] = [one for one in held if _lives(one)]  # authentication_timeout has ended those of a minute ago
            while len(held) < wanted and (one := _session(subject.target, self.user)):
                held.append(one)
            if len(held) > self.most:
                raise ConnectionError(f"the server takes more than {self.most} connections: raise `most`")
            if wanted > self.most:
                _end([held.pop() for _ in range(min(self.leave, len(held)))])
            if held:
                ctx.acted(f"holds {len(held)} connection{'s' * (len(held) != 1)}")
        return proceed()

    def heal(self, ctx: Context) -> None:
        with ctx.lock:
            sessions = [one for held in ctx.state.values() for one in held]
            ctx.state.clear()
        _end(sessions)


def _session(server: tuple[str, int], user: str) -> socket.socket | None:
    """A session that the server waits for; None where it has none left. In PostgreSQL's frontend protocol."""
    one = socket.create_connection(server, LIMIT_S)
    try:
        one.sendall(struct.pack("!II", 8, SSL_REQUEST))
        one = _as_it_wants(one, server)
        wish = struct.pack("!I", VERSION_3) + b"".join(text.encode() + b"\0" for text in ("user", user, ""))
        one.sendall(struct.pack("!I", len(wish) + 4) + wish)
        said = _answer(one)
    except BaseException:
        one.close()
        raise
    if not said:
        return one
    one.close()
    if said[b"C"] != TOO_MANY:
        raise ConnectionError(f"no session for user {user!r}: {said[b'C']} {said[b'M']}")
    return None


def _answer(one: socket.socket) -> dict[bytes, str]:
    """What a refusal says, by field; empty when the server asks who this is, or trusts and is ready."""
    with one.makefile("rb") as answer:
        while True:
            kind, length = struct.unpack("!cI", answer.read(5))
            body = answer.read(length - 4)
            if kind == b"E":
                return {part[:1]: part[1:].decode(errors="replace") for part in body.split(b"\0")}
            if kind == b"Z" or (kind == b"R" and body != TRUSTED):
                return {}


def _as_it_wants(one: socket.socket, server: tuple[str, int]) -> socket.socket:
    """With TLS where the server can: it may take no sessions without."""
    match one.recv(1):
        case b"N":
            return one
        case b"S":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # it gets no secret of ours
            return context.wrap_socket(one)
        case other:
            raise ConnectionError(f"{server[0]}:{server[1]} is no PostgreSQL: asked for TLS it says {other!r}")


def _lives(one: socket.socket) -> bool:
    """Whether the server still keeps it."""
    one.setblocking(False)
    try:
        with contextlib.suppress(ConnectionError):
            while one.recv(4096):  # why it ended it
                pass
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    one.close()
    return False


def _end(sessions: list[socket.socket]) -> None:
    """Returns when the server has them back: it closes its side when the place is free."""
    for one in sessions:
        one.settimeout(LIMIT_S)
        with contextlib.suppress(OSError):  # the server ended it
            one.shutdown(socket.SHUT_WR)
    for one in sessions:
        with one, contextlib.suppress(ConnectionError):
            while one.recv(4096):
                pass
