"""A handler that tells what it finds inside, and a plain blocking Runtime API to drive one sandbox with."""

from __future__ import annotations

import json
import os
import select
import socket
from typing import Any

from emulator.functions.engines.protocol import Sandbox

PATIENCE_S = 30
PROBE = '''
import errno, os, resource, signal, socket, subprocess, sys, threading, time

print("printed at import")


def handler(event, context):
    return globals()[event.pop("do")](**event)


def echo(value):
    return value


def variable(name):
    return os.environ.get(name)


def say(lines):
    for number, line in enumerate(lines):
        print(line, file=(sys.stdout, sys.stderr)[number % 2])


def identity():
    return {"uid": os.getuid(), "gid": os.getgid(), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
            "folder": os.getcwd(), "pid": os.getpid()}


def read(path):
    with open(path) as file:
        return file.read()


def write(path, mb=0):
    try:
        with open(path, "wb") as file:
            for _ in range(mb):
                file.write(bytes(1 << 20))
    except OSError as error:
        return errno.errorcode[error.errno]
    os.unlink(path)
    return "written"


def ask(host, port, timeout=5):
    try:
        with socket.create_connection((host, port), timeout) as connection:
            return connection.makefile().readline()
    except OSError as error:
        return type(error).__name__ + ": " + str(error)


def resolve(name):
    return socket.gethostbyname(name)


def tick(host, port, child=False):
    """Send a byte every millisecond, from a thread or from a child process that outlives the runtime."""
    connect = f"import socket, time; s = socket.create_connection(({host!r}, {port}))"
    program = connect + "\\nwhile True: s.send(b'.'); time.sleep(.001)"
    if child:
        subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    else:
        threading.Thread(target=exec, args=(program, {}), daemon=True).start()


def hold(mb):
    global held
    held = b"x" * (mb << 20)


def let_go():
    global held
    held = b""


def hold_files(most):
    """How many could be opened, and why not more."""
    files = []
    try:
        while len(files) < most:
            files.append(open(os.devnull))
    except OSError as error:
        return [len(files), errno.errorcode[error.errno]]
    finally:
        for file in files:
            file.close()
    return [len(files), ""]


def work(cpu_s):
    """Wall seconds that so many seconds of CPU took."""
    begin, until = time.monotonic(), time.process_time() + cpu_s
    while time.process_time() < until:
        pass
    return time.monotonic() - begin


def leave(status):
    os._exit(status)


def fall(number):
    os.kill(os.getpid(), number)
    time.sleep(60)
'''


class Running:
    """One sandbox and the rig's side of its Runtime API. Every read has a limit, so nothing can hang."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self._count = sandbox, 0
        self._connection: socket.socket | None = None
        self.sandbox.runtime_api.settimeout(PATIENCE_S)

    def next(self) -> None:
        """Wait until the runtime client asks for an event."""
        method, path, _ = self._request()
        assert (method, path) == ("GET", "/2018-06-01/runtime/invocation/next")

    def send(self, **event: Any) -> None:
        """Answer the waiting `next`."""
        self._count += 1
        self._answer(200, json.dumps(event).encode(), {
            "Lambda-Runtime-Aws-Request-Id": f"request-{self._count}",
            "Lambda-Runtime-Deadline-Ms": "9999999999999",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:probe",
        })

    def reply(self) -> Any:
        """The handler's result; returns once the client has asked for the next event."""
        method, path, body = self._request()
        assert (method, path) == ("POST", f"/2018-06-01/runtime/invocation/request-{self._count}/response"), body
        self._answer(202, b'{"status":"OK"}\n', {})
        self.next()
        return json.loads(body)

    def invoke(self, **event: Any) -> Any:
        self.send(**event)
        return self.reply()

    def output(self) -> str:
        """What is in the pipe now."""
        found = b""
        try:
            while chunk := os.read(self.sandbox.log, 65536):
                found += chunk
        except BlockingIOError:
            pass
        return found.decode()

    def hangs_up(self) -> bool:
        """Whether the pipe says so within a while; reads it empty."""
        poll = select.poll()
        poll.register(self.sandbox.log, select.POLLIN)
        while events := poll.poll(PATIENCE_S * 1000):
            if not events[0][1] & select.POLLIN:
                return bool(events[0][1] & select.POLLHUP)
            os.read(self.sandbox.log, 65536)
        return False

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self.sandbox.kill()

    def _request(self) -> tuple[str, str, bytes]:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if self._connection is None:
                self._connection, _ = self.sandbox.runtime_api.accept()
                self._connection.settimeout(PATIENCE_S)
            if (byte := self._connection.recv(1)) == b"":
                assert head == b"", "the runtime client hung up in the middle of a request"
                self._connection.close()
                self._connection = None
            head += byte
        first, *lines = head.decode().splitlines()
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length") or 0)
        body = b""
        while len(body) < length:
            body += self._connection.recv(length - len(body))
        method, path, _ = first.split(" ")
        return method, path, body

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Content-Type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        assert self._connection is not None
        self._connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
