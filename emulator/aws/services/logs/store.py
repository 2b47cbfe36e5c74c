"""The service named `logs`: moto keeps groups, streams and events; what reads them is the rig's own (`service.OWN`)."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.modelled import ModelledService
from emulator.aws.services.logs.service import OWN, Reading
from emulator.aws.wire import DEFAULT_REGION, WireRequest
from emulator.clock import Clock
from emulator.model import AwsCall, AwsReply

KEPT_BYTES = 64 * 1024 * 1024  # of messages, waiting and written together; the oldest leave first


@dataclass(frozen=True)
class _Batch:
    group: str
    stream: str
    events: list[tuple[int, str]]
    region: str
    size: int


class LogStore:
    """A Service named `logs`: what was appended is in moto before any call is answered.

    `append` only queues, since it stands between a function's end and its answer. Memory is bounded by `kept_bytes`:
    beyond it the oldest batches go, from moto's streams (moto itself keeps every event for ever), then from the queue.
    """

    def __init__(
        self, backend: Backend, account: str = "123456789012", kept_bytes: int = KEPT_BYTES, clock: Clock | None = None
    ) -> None:
        self.backend, self.account, self._limit = backend, account, kept_bytes
        self._reading = Reading(backend.models, account, clock or Clock())
        self._own = ModelledService("logs", self._reading, "InvalidParameterException")
        self._waiting: deque[_Batch] = deque()
        self._written: deque[tuple[Any, list[Any], int]] = deque()
        self._size = 0
        self._lock = threading.Lock()
        self._flushing = threading.Lock()

    def append(self, group: str, stream: str, events: list[tuple[int, str]], region: str = DEFAULT_REGION) -> None:
        """Queue events, each (milliseconds since the epoch, message as printed, newline included)."""
        size = sum(len(message) for _, message in events)
        with self._lock:
            self._waiting.append(_Batch(group, stream, events, region, size))
            self._size += size
            while self._size > self._limit and (self._written or len(self._waiting) > 1):
                self._drop_oldest()

    def flush(self) -> None:
        """Write the queue into moto's groups and streams, making those that are missing."""
        with self._flushing:
            while self._waiting:
                with self._lock:
                    batch = self._waiting.popleft()
                stream, events = self._write(batch)
                with self._lock:
                    self._written.append((stream, events, batch.size))

    def answer(self, call: AwsCall, request: WireRequest) -> AwsReply:
        """Flush, then whoever knows the operation."""
        self.flush()
        if request.operation in OWN and request.protocol == "json":
            return self._own.answer(call, request)
        return self.backend.answer(request)

    def clear(self) -> None:
        """Forget what was queued, written and asked; moto's own part goes with `Backend.reset`."""
        self._reading.queries.clear()
        with self._flushing, self._lock:
            self._waiting.clear()
            self._written.clear()
            self._size = 0

    def _write(self, batch: _Batch) -> tuple[Any, list[Any]]:
        logs = self.backend.models("logs", batch.region)
        with self.backend.entered():
            logs.ensure_log_group(batch.group)
            logs.ensure_log_stream(batch.group, batch.stream)
            stream = logs.groups[batch.group].streams[batch.stream]
            before = len(stream.events)
            stream.put_log_events([{"timestamp": at, "message": message} for at, message in batch.events])
        return stream, stream.events[before:before + len(batch.events)]

    def _drop_oldest(self) -> None:
        if not self._written:
            self._size -= self._waiting.popleft().size
            return
        stream, events, size = self._written.popleft()
        gone = set(map(id, events))
        stream.events[:] = [event for event in stream.events if id(event) not in gone]
        self._size -= size
