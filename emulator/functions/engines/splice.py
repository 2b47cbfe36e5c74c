"""Carries what arrives at sockets inside sandboxes to the rig's own sockets outside: one thread, no copy of a process.

A socket stays in the network namespace it was made in, so the rig can accept in a sandbox that has no route to it.
Bytes, half-closes and resets pass as they are: a fault at the rig's end must look the same from inside.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

Address = tuple[str, int]
READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
CHUNK = 1 << 16
QUERIES = 256  # datagrams that may wait for an answer at once; the oldest gives way
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: close sends RST


class Splice:
    """`carry` and `carry_datagrams` begin, `drop` ends; all may be called from any thread."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._jobs: deque[Callable[[], None]] = deque()
        self._pairs: dict[socket.socket, set[_Pair]] = {}
        self._queries: deque[socket.socket] = deque()
        self._wake, woken = socket.socketpair()
        self._wake.setblocking(False)
        woken.setblocking(False)
        self._selector.register(woken, READ, lambda _: self._run_jobs(woken))
        self._running = True
        self._thread = threading.Thread(target=self._loop, name="splice", daemon=True)
        self._thread.start()

    def carry(self, inside: socket.socket, outside: Address, source: str) -> None:
        """Every connection accepted from `inside` continues to `outside`, where it comes from the address `source`."""
        inside.setblocking(False)
        self._do(lambda: self._listen(inside, lambda _: self._accept(inside, outside, source)))

    def carry_datagrams(self, inside: socket.socket, outside: Address, source: str) -> None:
        """Every datagram goes to `outside`; the first answer goes back to its sender."""
        inside.setblocking(False)
        self._do(lambda: self._listen(inside, lambda _: self._ask(inside, outside, source)))

    def drop(self, insides: list[socket.socket]) -> None:
        """Close these sockets and every connection that came by them; returns once it is done."""
        done = threading.Event()
        self._do(lambda: self._drop(insides, done))
        done.wait()

    def close(self) -> None:
        """Drop everything and end the thread."""
        self.drop(list(self._pairs))
        self._do(self._stop)
        self._thread.join()
        self._wake.close()

    def _do(self, job: Callable[[], None]) -> None:
        self._jobs.append(job)
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
            self._wake.send(b".")

    def _run_jobs(self, woken: socket.socket) -> None:
        woken.recv(CHUNK)
        while self._jobs:
            self._jobs.popleft()()

    def _loop(self) -> None:
        while self._running:
            for key, events in self._selector.select():
                current = self._selector.get_map().get(key.fd)
                if current is not None and current.fileobj is key.fileobj:  # else an earlier one has closed it
                    current.data(events)
        for key in list(self._selector.get_map().values()):
            self._forget(key.fileobj)
        self._selector.close()

    def _stop(self) -> None:
        self._running = False

    def _listen(self, inside: socket.socket, ready: Callable[[int], None]) -> None:
        self._pairs[inside] = set()
        self._selector.register(inside, READ, ready)

    def _drop(self, insides: list[socket.socket], done: threading.Event) -> None:
        for inside in insides:
            for pair in list(self._pairs.pop(inside, ())):
                pair.reset()
            self._forget(inside)
        done.set()

    def _forget(self, sock: Any) -> None:
        with contextlib.suppress(KeyError, ValueError):  # not registered, or closed already
            self._selector.unregister(sock)
        sock.close()

    def _accept(self, inside: socket.socket, outside: Address, source: str) -> None:
        try:
            left, _ = inside.accept()
        except OSError:
            return  # the client gave up first
        right = socket.socket()
        for sock in (left, right):
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        right.bind((source, 0))
        right.connect_ex(outside)  # refused or not shows at the first read
        mine = self._pairs[inside]
        pair = _Pair(self._selector, left, right, lambda gone: mine.discard(gone))
        mine.add(pair)

    def _ask(self, inside: socket.socket, outside: Address, source: str) -> None:
        try:
            question, sender = inside.recvfrom(CHUNK)
        except OSError:
            return  # taken back by the kernel (a bad checksum)
        query = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        query.setblocking(False)
        query.bind((source, 0))
        query.connect(outside)
        query.send(question)
        self._queries.append(query)
        self._selector.register(query, READ, lambda _: self._answer(query, inside, sender))
        if len(self._queries) > QUERIES:
            self._forget(self._queries.popleft())

    def _answer(self, query: socket.socket, inside: socket.socket, sender: Address) -> None:
        with contextlib.suppress(OSError):  # nobody listens at one end: a lost datagram, as in any network
            inside.sendto(query.recv(CHUNK), sender)
        self._queries.remove(query)
        self._forget(query)


class _Pair:
    """Two connected sockets: what one receives the other sends. Reading stops while the other end is slow."""

    def __init__(
        self, selector: selectors.BaseSelector, left: socket.socket, right: socket.socket, gone: Callable[[_Pair], None]
    ) -> None:
        self._selector, self._gone = selector, gone
        self._other = {left: right, right: left}
        self._unsent: dict[socket.socket, bytes] = {left: b"", right: b""}
        self._ended: set[socket.socket] = set()
        self._shut: set[socket.socket] = set()
        self._watched: dict[socket.socket, int] = {left: 0, right: 0}
        for sock in self._other:
            self._watch(sock)

    def reset(self) -> None:
        """End both at once, as a reset by the other side would."""
        for sock in self._other:
            with contextlib.suppress(OSError):  # not connected any more
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close()

    def _ready(self, sock: socket.socket, events: int) -> None:
        try:
            if events & WRITE:
                self._send(sock)
            if events & READ and sock not in self._ended and not self._unsent[self._other[sock]]:
                self._receive(sock)
        except BlockingIOError:
            pass  # the connection outside is not made yet
        except OSError:
            self.reset()

    def _receive(self, sock: socket.socket) -> None:
        other, data = self._other[sock], sock.recv(CHUNK)
        if not data:
            self._ended.add(sock)
        self._unsent[other] = data
        self._send(other)

    def _send(self, sock: socket.socket) -> None:
        other = self._other[sock]
        if data := self._unsent[sock]:
            with contextlib.suppress(BlockingIOError):
                self._unsent[sock] = data[sock.send(data):]
        if other in self._ended and not self._unsent[sock] and sock not in self._shut:
            self._shut.add(sock)
            sock.shutdown(socket.SHUT_WR)
        if len(self._shut) == 2:
            self._close()
        else:
            self._watch(sock)
            self._watch(other)

    def _watch(self, sock: socket.socket) -> None:
        wanted = WRITE if self._unsent[sock] else 0
        if sock not in self._ended and not self._unsent[self._other[sock]]:
            wanted |= READ
        had, self._watched[sock] = self._watched[sock], wanted
        if wanted == had:
            return
        if not had:
            self._selector.register(sock, wanted, lambda events: self._ready(sock, events))
        elif wanted:
            self._selector.modify(sock, wanted, self._selector.get_key(sock).data)
        else:
            self._selector.unregister(sock)

    def _close(self) -> None:
        for sock, watched in self._watched.items():
            if watched:
                self._selector.unregister(sock)
            sock.close()
        self._watched.clear()
        self._gone(self)
