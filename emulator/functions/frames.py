"""AWS's framing of log messages: what a runtime's client says is one event, among what was simply printed.

A frame is type (4 bytes, a55a00..), length (4), microseconds since the epoch (8), message; big-endian. Source: AWS's
clients for Python, Node.js and Java, which write frames to the descriptor in _LAMBDA_TELEMETRY_LOG_FD, else lines.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

VARIABLE = "_LAMBDA_TELEMETRY_LOG_FD"
DESCRIPTOR = "1"  # stdout: one pipe keeps frames and printed lines in their order
MOST = 16 * 1024 * 1024  # bytes of one message; what claims to be longer is no frame
_MARK = b"\xa5\x5a\x00"
_HEAD = struct.Struct(">IIQ")
Part = tuple[int | None, bytes]  # (milliseconds since the epoch, a message) or (None, printed bytes)


class Frames:
    """Splits one stream, however it is cut into chunks."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._have = self._need = 0

    def split(self, data: bytes) -> Iterator[Part]:
        """The parts that are complete."""
        self._held.append(data)
        self._have += len(data)
        if self._have < self._need:
            return
        data, self._held, self._have, self._need = b"".join(self._held), [], 0, 0
        while data:
            start = data.find(_MARK)
            if start != 0:
                plain = data[:start] if start > 0 else data[: len(data) - _begun(data)]
                if plain:
                    yield None, plain
                data = data[len(plain) :]
                if start < 0:
                    self._hold(data, len(data) + 1)
                    return
                continue
            end = _end(data)
            if end > len(data):
                self._hold(data, end)
                return
            yield _part(data, end)
            data = data[end:]

    def rest(self) -> bytes:
        """What was begun and never finished, as it came."""
        held, self._held, self._have, self._need = b"".join(self._held), [], 0, 0
        return held

    def _hold(self, data: bytes, need: int) -> None:
        if data:
            self._held, self._have, self._need = [data], len(data), need


def _begun(data: bytes) -> int:
    """How many of the last bytes may be the beginning of a mark."""
    return next((size for size in (2, 1) if data.endswith(_MARK[:size])), 0)


def _end(data: bytes) -> int:
    """Where the frame at the beginning ends; as far as is known."""
    if len(data) < _HEAD.size:
        return _HEAD.size
    length: int = _HEAD.unpack_from(data)[1]
    return _HEAD.size + length if length <= MOST else len(_MARK)


def _part(data: bytes, end: int) -> Part:
    if end < _HEAD.size:
        return None, data[:end]
    return _HEAD.unpack_from(data)[2] // 1000, data[_HEAD.size : end]
