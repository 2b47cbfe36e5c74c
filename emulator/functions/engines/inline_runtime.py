"""A Runtime API client in a thread, with awslambdaric's payloads and error types.

It understands what the rig must be able to answer: next, response, error and init error. It leaves out response
streaming, X-Ray causes, client context and awslambdaric's set-up of logging.
"""

from __future__ import annotations

import http.client
import json
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from emulator.clock import Clock
from emulator.functions.engines.inline_loading import Handler, Unloadable
from emulator.functions.engines.inline_world import World

PREFIX = "/2018-06-01/runtime/"


@dataclass(frozen=True)
class Context:
    """The handler's second argument, with the attributes that awslambdaric gives it."""

    clock: Clock
    deadline_ms: int
    aws_request_id: str
    invoked_function_arn: str
    function_name: str
    function_version: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self.deadline_ms - int(self.clock.wall() * 1000))


class InlineRuntime(threading.Thread):
    """Ends by itself when the handler exits or cannot be loaded; by `cut_off` at its next call.

    exit_code: once it has ended; None when it was cut off.
    """

    def __init__(self, address: str, loader: Callable[[], Handler], world: World, clock: Clock) -> None:
        super().__init__(name=f"inline-{address}", daemon=True)
        self.exit_code: int | None = None
        self._loader, self._world, self._clock = loader, world, clock
        self._connection = http.client.HTTPConnection(address)
        self._cut = threading.Event()

    def run(self) -> None:
        try:
            self.exit_code = self._live()
        except (OSError, http.client.HTTPException):
            if not self._cut.is_set():  # a client that cannot reach its Runtime API crashes
                self.exit_code = 1
        finally:
            self._connection.close()
            self._world.close()

    def cut_off(self) -> None:
        """Close what it speaks through, and hang up its log."""
        self._cut.set()
        if (sock := self._connection.sock) is not None:
            with suppress(OSError):  # the other side has closed it
                sock.shutdown(socket.SHUT_RDWR)
        self._world.close()

    def _live(self) -> int:
        try:
            with self._world:
                handler = self._loader()
        except SystemExit as leaving:
            return _status(leaving)
        except Exception as problem:
            self._fail("init/error", problem, "")
            return 1
        while True:
            headers, event = self._call("GET", "invocation/next")
            try:
                self._invoke(handler, headers, event)
            except SystemExit as leaving:
                return _status(leaving)

    def _invoke(self, handler: Handler, headers: http.client.HTTPMessage, event: bytes) -> None:
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        try:
            with self._world:
                answer = _marshalled(handler(json.loads(event), self._context(headers)))
        except Exception as problem:
            self._fail(f"invocation/{request_id}/error", problem, request_id)
        else:
            self._call("POST", f"invocation/{request_id}/response", answer)

    def _context(self, headers: http.client.HTTPMessage) -> Context:
        of = self._world.variables.get
        return Context(
            self._clock, int(headers.get("Lambda-Runtime-Deadline-Ms", 0)), headers["Lambda-Runtime-Aws-Request-Id"],
            headers.get("Lambda-Runtime-Invoked-Function-Arn", ""),
            of("AWS_LAMBDA_FUNCTION_NAME", ""), of("AWS_LAMBDA_FUNCTION_VERSION", ""),
            of("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", ""), of("AWS_LAMBDA_LOG_GROUP_NAME", ""),
            of("AWS_LAMBDA_LOG_STREAM_NAME", ""),
        )

    def _fail(self, path: str, problem: Exception, request_id: str) -> None:
        """Say it in the log and to the Runtime API, both as awslambdaric does."""
        error_type = problem.error_type if isinstance(problem, Unloadable) else type(problem).__name__
        frames = [] if isinstance(problem, Unloadable) else traceback.extract_tb(problem.__traceback__)
        mine = [(one.filename, one.lineno or 0, one.name, one.line) for one in frames if one.filename != __file__]
        trace = traceback.format_list(mine)  # from tuples, as there: without the carets of later Pythons
        lines = [f"[ERROR] {error_type}: {problem}", "Traceback (most recent call last):"]
        self._world.print("\r".join([*lines, *(_indented(row) for row in "".join(trace).splitlines())]) + "\n")
        payload = {
            "errorMessage": str(problem), "errorType": error_type, "requestId": request_id, "stackTrace": trace,
        }
        self._call("POST", path, json.dumps(payload).encode(), {"Lambda-Runtime-Function-Error-Type": error_type})

    def _call(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[http.client.HTTPMessage, bytes]:
        """Raises HTTPException when `next` is refused; a refused answer is the invoker's matter."""
        if self._cut.is_set():
            raise http.client.NotConnected("cut off")
        self._connection.request(method, PREFIX + path, body, headers or {})
        response = self._connection.getresponse()
        received = response.read()
        if method == "GET" and response.status != HTTPStatus.OK:
            raise http.client.HTTPException(f"{path}: {response.status} {received!r}")
        return response.headers, received


def _marshalled(result: Any) -> bytes:
    try:
        return json.dumps(result).encode()
    except TypeError as problem:
        raise Unloadable("Runtime.MarshalError", f"Unable to marshal response: {problem}") from problem


def _indented(line: str) -> str:
    """With no-break spaces, as awslambdaric indents in its log."""
    text = line.lstrip(" ")
    return "\u00a0" * (len(line) - len(text)) + text


def _status(leaving: SystemExit) -> int:
    """What the interpreter would exit with."""
    if leaving.code is None:
        return 0
    return leaving.code if isinstance(leaving.code, int) else 1
