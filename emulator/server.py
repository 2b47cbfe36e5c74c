"""HTTP: one port for everything, and the dispatch behind it."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

from emulator.errors import RigError, UsageError

LOG = logging.getLogger(__name__)
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


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
        serve = self._gateway if self._is_gateway(environ) else self._endpoint
        try:
            return serve(environ, start_response)
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
    """waitress on a listening socket, in threads of its own.

    threads: more than there can be invocations at once (the account's limit), so that one that calls another
    function, or AWS, never waits for a thread that waits for it.
    """

    def __init__(self, app: Application, listener: socket.socket, threads: int) -> None:
        from waitress.server import create_server

        self.address: tuple[str, int] = listener.getsockname()[:2]
        self._server = create_server(
            app,
            sockets=[listener],
            threads=threads,
            connection_limit=2000,
            asyncore_use_poll=True,
            ident=None,
            channel_timeout=1000,
            max_request_body_size=1 << 28,
            inbuf_overflow=1 << 24,
            outbuf_overflow=1 << 24,
            clear_untrusted_proxy_headers=False,
            cleanup_interval=30,
        )
        self._thread = threading.Thread(target=self._server.run, name="http", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop accepting and serving; the loop's own thread closes its sockets."""
        from waitress import wasyncore

        sockets = self._server._map
        self._server.trigger.pull_trigger(lambda: wasyncore.close_all(sockets, ignore_all=True))
        self._thread.join(5)
        self._server.task_dispatcher.shutdown(cancel_pending=True, timeout=1)


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
