"""What a handler in a thread takes for its process: its variables, its stdout and stderr, boto3's default session.

While any handler runs, `os.environ`, `sys.stdout`, `sys.stderr` and boto3's two functions for its default session are
stand-ins that ask which thread is looking: a handler's thread sees its own world, every other one what was there
before. Threads that a handler starts itself are others; so is a subprocess, which gets the rig's variables.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator, MutableMapping
from typing import Any


class World:
    """One sandbox's variables, and the write end of its log. Enter it around all that the handler's code does.

    session: boto3's default one here, once it is asked for. It holds the credentials that it found first."""

    def __init__(self, variables: dict[str, str], log: int) -> None:
        self.variables, self._log = variables, log
        self.session: Any = None
        self._lock = threading.Lock()

    def print(self, text: str) -> None:
        """Into the log; nowhere once it is closed. It may block while the pipe is full, as a process would."""
        with self._lock:
            data = text.encode(errors="replace")
            while data and self._log >= 0:
                try:
                    data = data[os.write(self._log, data):]
                except BrokenPipeError:  # the rig has closed its end
                    return

    def close(self) -> None:
        """Hang the log up. Safe to call twice."""
        with self._lock:
            log, self._log = self._log, -1
            if log >= 0:
                os.close(log)

    def __enter__(self) -> None:
        import boto3  # now: a handler that imports it may make a client at once

        _here.world = self
        _stand_in(boto3)

    def __exit__(self, *_: object) -> None:
        _step_down()
        _here.world = None


_here = threading.local()
_lock = threading.Lock()
_inside = 0
_sessions: _Sessions | None = None
_streams: deque[_Stream] = deque(maxlen=64)


def _world() -> World | None:
    return getattr(_here, "world", None)


class _Environ(MutableMapping[str, str]):
    """os.environ as each thread's world has it."""

    def __init__(self, real: MutableMapping[str, str]) -> None:
        self.real = real

    def _mine(self) -> MutableMapping[str, str]:
        world = _world()
        return world.variables if world else self.real

    def __getitem__(self, name: str) -> str:
        return self._mine()[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._mine()[name] = value

    def __delitem__(self, name: str) -> None:
        del self._mine()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._mine()))

    def __len__(self) -> int:
        return len(self._mine())

    def copy(self) -> dict[str, str]:
        """As os.environ has it."""
        return dict(self._mine())


class _Stream:
    """A text stream that writes to the thread's log, and is the real one to everybody else."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def write(self, text: str) -> int:
        world = _world()
        if world is None:
            return int(self.real.write(text))
        world.print(text)
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if _world() is None:
            self.real.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class _Sessions:
    """boto3's default session as each thread's world has it. boto3: the module."""

    def __init__(self, boto3: Any) -> None:
        self._boto3, self._get, self._set = boto3, boto3._get_default_session, boto3.setup_default_session
        boto3._get_default_session, boto3.setup_default_session = self._default, self._set_up

    def step_down(self) -> None:
        """As it was."""
        self._boto3._get_default_session, self._boto3.setup_default_session = self._get, self._set

    def _default(self) -> Any:
        world = _world()
        if world is None:
            return self._get()
        if world.session is None:
            world.session = self._boto3.Session()
        return world.session

    def _set_up(self, **wanted: Any) -> None:
        world = _world()
        if world is None:
            self._set(**wanted)
        else:
            world.session = self._boto3.Session(**wanted)


def _stand_in(boto3: Any) -> None:
    global _inside, _sessions
    with _lock:
        _inside += 1
        if _inside == 1:
            os.environ = _Environ(os.environ)  # type: ignore[assignment]  # noqa: B003
            _sessions = _Sessions(boto3)
        if not isinstance(sys.stdout, _Stream):  # pytest puts its own in place at any time
            sys.stdout = _kept(sys.stdout)
        if not isinstance(sys.stderr, _Stream):
            sys.stderr = _kept(sys.stderr)


def _kept(real: Any) -> _Stream:
    """A print under way holds no reference to the stream it writes to: without this one, somebody else's change of
    sys.stdout frees it, and the interpreter ends with a segmentation fault (seen with Python 3.11)."""
    _streams.append(_Stream(real))
    return _streams[-1]


def _step_down() -> None:
    global _inside, _sessions
    with _lock:
        _inside -= 1
        if _inside:
            return
        if _sessions is not None:
            _sessions.step_down()
            _sessions = None
        if isinstance(os.environ, _Environ):
            os.environ = os.environ.real  # type: ignore[assignment]  # noqa: B003
        if isinstance(sys.stdout, _Stream):
            sys.stdout = sys.stdout.real
        if isinstance(sys.stderr, _Stream):
            sys.stderr = sys.stderr.real
