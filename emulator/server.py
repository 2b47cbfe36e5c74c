"""HTTP: one port for everything, and the dispatch behind it."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from emulator.errors import RigError, UsageError
from emulator.http_connection import Application, serve

LOG = logging.getLogger(__name__)


class Front:
    """WSGI: `/_rig/` to the control plane (absent where functions call), REST APIs' addresses to API Gateway, all else
    to the AWS endpoint."""

    def __init__(
        self,
        endpoint: Application,
        gateway: Application,
        is_gateway: Callable[[dict[str, Any]], bool],
        control: Application | None = None,
    ) -> None:
        self._endpoint, self._gateway, self._is_gateway, self._control = endpoint, gateway, is_gateway, control

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if self._control is not None and environ["PATH_INFO"].startswith("/_rig"):
            return self._control(environ, start_response)
        answer = self._gateway if self._is_gateway(environ) else self._endpoint
        try:
            return answer(environ, start_response)
        except RigError as error:  # not an answer of AWS's, and it must not look like one
            LOG.error("%s %s: %s", environ["REQUEST_METHOD"], environ["PATH_INFO"], error)
            kind, body = type(error).__name__, json.dumps({"message": f"lambdarig: {error.message}"}).encode()
            headers = [
                ("content-type", "application/json"),
                ("x-lambdarig-error", kind),
                ("content-length", str(len(body))),
            ]
            start_response("500 Internal Server Error", headers)
            return [body]


class Server:
    """A WSGI application on a listening socket: a thread a connection, from its acceptance to its end.

    A request that calls another function, or AWS, never waits for a thread that waits for it: there are as many as
    there are connections. threads: how many of them stay for later ones; they wait in `accept`, so that the kernel
    gives a new connection to the thread that will serve it.
    """

    def __init__(self, app: Application, listener: socket.socket, threads: int) -> None:
        self.address: tuple[str, int] = listener.getsockname()[:2]
        self._app, self._listener, self._kept = app, listener, threads
        self._lock, self._closed, self._waiting = threading.Lock(), threading.Event(), 0
        self._open: set[socket.socket] = set()
        self._threads: set[threading.Thread] = set()
        listener.setblocking(True)
        self._add_thread()

    def close(self) -> None:
        """Stop accepting and reading; answers on their way have a second to leave."""
        self._closed.set()
        _shut(self._listener, socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            ending, threads = list(self._open), self._threads - {threading.current_thread()}
        for sock in ending:
            _shut(sock, socket.SHUT_RD)
        share = 1.0 / max(1, len(threads))
        for thread in threads:
            thread.join(share)
        for sock in ending:
            _shut(sock, socket.SHUT_RDWR)

    def _add_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="http", daemon=True)
        with self._lock:
            if self._closed.is_set():
                return
            self._waiting += 1
            self._threads.add(thread)
        thread.start()

    def _run(self) -> None:
        try:
            while (accepted := self._accept()) is not None:
                self._serve(*accepted)
                with self._lock:
                    if self._waiting >= self._kept:
                        return
                    self._waiting += 1
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _accept(self) -> tuple[socket.socket, tuple[str, int]] | None:
        while not self._closed.is_set():
            try:
                sock, peer = self._listener.accept()
            except OSError as error:  # closed; a client that has gone again; or no descriptor is left for it
                if not self._closed.is_set():
                    LOG.warning("accepting a connection: %s", error)
                    self._closed.wait(0.05)
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(sock)
                self._waiting -= 1
                last = self._waiting == 0
            if self._closed.is_set():
                _shut(sock, socket.SHUT_RD)
            if last:
                self._add_thread()
            return sock, peer[:2]
        return None

    def _serve(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        try:
            serve(sock, peer, self.address, self._app)
        finally:
            with self._lock:
                self._open.discard(sock)
            _shut(sock, socket.SHUT_RDWR)
            sock.close()


def _shut(sock: socket.socket, how: int) -> None:
    """Wakes whoever waits on the socket; one that is down already is as wanted."""
    with contextlib.suppress(OSError):
        sock.shutdown(how)


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket. Raises UsageError naming the port when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise UsageError(
            f"cannot listen on {host} port {port}: {error.strerror or error}",
            "`lambdarig down` stops a rig that runs there; `--port 0` takes a free port",
        ) from None
    return sock
