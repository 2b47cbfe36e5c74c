"""The rig's side of `launcher.py`: starts it, follows it, asks it for sockets, ends it."""

from __future__ import annotations

import marshal
import os
import select
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

from emulator.errors import EngineError

# Imported, not run by its path: so its compiled form is used.
_RUN = f"import sys; sys.path.append({str(Path(__file__).parent)!r}); import launcher; launcher.main()"
SETUP_S = 30.0  # building a sandbox takes some 30 ms
SETTLE_S = 5.0  # from the death of the runtime to the launcher's word of it, or of the launcher to its end
_UCRED = struct.Struct("iII")


class Launch:
    """A launcher at work on a document of `process_layout`.

    init, runtime: process ids as this process sees them, 0 until told. log: the read end.
    """

    def __init__(self, document: dict[str, Any]) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.lifeline, held = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.log, written = os.pipe()
        self.init = self.runtime = 0
        os.set_blocking(self.log, False)
        self.control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        for sock in (self.control, self.lifeline):
            sock.settimeout(SETUP_S)
        self.control.send(marshal.dumps(document))
        fds = [theirs.fileno(), held.fileno(), written]
        try:
            self._first = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _RUN, *map(str, fds)], cwd="/", start_new_session=True,
                pass_fds=[*fds, *document["groups"], *document["thaw"]],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )
        finally:
            os.close(written)
            theirs.close()
            held.close()

    def until(self, letter: bytes) -> None:
        """Read the launcher's messages up to the one that begins with `letter`. Raises EngineError if it failed."""
        while True:
            try:
                message, ancillary, _, _ = self.control.recvmsg(1 << 16, socket.CMSG_SPACE(_UCRED.size))
            except TimeoutError as problem:
                raise EngineError(f"cannot build a sandbox: its launcher was silent for {SETUP_S} s") from problem
            if message[:1] in (b"", b"E"):
                raise EngineError(f"cannot build a sandbox: {message[1:].decode() or 'its launcher died'}")
            pid = _UCRED.unpack(ancillary[0][2])[0]
            if message == b"I":
                self.init = pid
            if message == b"R":
                self.runtime = pid
            if message[:1] == letter:
                return

    def open_socket(self, kind: str, address: tuple[str, int]) -> socket.socket:
        """A socket bound inside the sandbox. kind: tcp (it listens) or udp. Raises EngineError when it cannot be."""
        try:
            self.lifeline.send(marshal.dumps((kind, address)))
            message, fds, _, _ = socket.recv_fds(self.lifeline, 1 << 12, 1)
        except OSError as problem:
            message, fds = b"E" + str(problem).encode(), []
        if not fds:
            reason = message[1:].decode() or "it has ended"
            raise EngineError(f"a sandbox cannot listen on {address[0]}:{address[1]}: {reason}")
        return socket.socket(fileno=fds[0])

    def go(self) -> None:
        """Let the runtime execute. Nobody is there to hear it when it was killed meanwhile."""
        self.control.send(b"G")

    def last_word(self) -> int:
        """The runtime's wait status, as the launcher saw it. Without a word, everything was killed together."""
        self.control.settimeout(SETTLE_S)
        try:
            message = self.control.recv(1 << 12)
        except OSError:  # cut off, or too slow to matter
            message = b""
        return int(message[1:]) if message[:1] == b"X" else int(signal.SIGKILL)

    def end(self) -> None:
        """Have everything killed and reap it. The launcher does it on the hang-up; one that does not is killed."""
        self.lifeline.close()
        if self.init not in (0, self._first.pid):
            _reap(self.init)
            self._first.wait()  # ended by itself once it had made process 1
            return
        if not self.init or not ends(self._first.pid, SETTLE_S):
            self._first.kill()
        self._first.wait()

    def discard(self) -> None:
        """End one that did not become a sandbox."""
        self.control.close()
        os.close(self.log)
        self.end()


def _reap(pid: int) -> None:
    if not ends(pid, SETTLE_S):
        os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def ends(pid: int, timeout: float) -> bool:
    """Whether a child, not reaped yet, ends within `timeout` seconds."""
    pidfd = os.pidfd_open(pid)
    try:
        return readable(pidfd, timeout)
    finally:
        os.close(pidfd)


def readable(descriptor: int, timeout: float) -> bool:
    """A pidfd becomes readable when its process ends, before it is reaped."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(timeout * 1000))
