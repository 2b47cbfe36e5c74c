"""Asynchronous invocation: the queue, its retries, and what becomes of an event in the end.

As documented: an error of the function is tried again after one minute and then after two, with the same request
id, and so is one whose answer was lost on the way; a throttle is tried again with growing pauses for as long as the
event may live. The waiting is rig time.
"""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.clock import Clock
from emulator.functions.service import Functions, Ready
from emulator.model import Outcome
from emulator.timeline import Timeline

RETRY_AFTER_S = (60.0, 120.0)
THROTTLED_FIRST_S, THROTTLED_MOST_S = 1.0, 300.0
MAX_AGE_S = 6 * 3600.0
MESSAGE_MOST = 1024  # characters of a dead letter's ErrorMessage
UNANSWERED = {"throttled": "429", "lost": "500"}  # the function's own answer is not known: HTTP status of Lambda's
LOG = logging.getLogger(__name__)
Deliver = Callable[[str, str, Mapping[str, str]], None]


@dataclass(frozen=True)
class Queued:
    """An event, its settings (EventInvokeConfig and DeadLetterConfig members), and how often it was tried."""

    ready: Ready
    config: Mapping[str, Any]
    dead_letter: str
    since: float
    tries: int = 0
    throttles: int = 0

    @property
    def id(self) -> str:
        return self.ready.invocation.id


@dataclass(order=True)
class _Waiting:
    at: float
    order: int
    event: Queued = field(compare=False)


class EventQueue:
    """deliver: takes a destination's ARN, the body, and message attributes (a DLQ's)."""

    def __init__(self, functions: Functions, clock: Clock, timeline: Timeline, deliver: Deliver) -> None:
        self._functions, self._clock, self._timeline, self._deliver = functions, clock, timeline, deliver
        # As many at once as there can be environments: the pool's limits are the ones that throttle.
        self._workers = ThreadPoolExecutor(functions.pool.account_limit, "events")
        self._heap: list[_Waiting] = []
        self._order = itertools.count()
        self._lock = threading.Lock()
        self._poke = threading.Event()
        self._closed, self._trying = False, 0
        threading.Thread(target=self._dispatch, name="event-retries", daemon=True).start()

    def submit(self, ready: Ready, config: Mapping[str, Any], dead_letter: str = "") -> None:
        """Accept an event; it runs soon."""
        with self._lock:
            self._trying += 1
        self._run(Queued(ready, config, dead_letter, self._clock.now()))

    def run(self, ready: Ready, config: Mapping[str, Any], dead_letter: str = "") -> None:
        """Accept an event and try it now, in this thread; a retry waits as any other."""
        with self._lock:
            self._trying += 1
        self._try(Queued(ready, config, dead_letter, self._clock.now()))

    def busy(self) -> bool:
        """Whether an event is being tried now, or is about to be; not while it waits for rig time to pass."""
        with self._lock:
            return self._trying > 0 or (bool(self._heap) and self._heap[0].at <= self._clock.now())

    def clear(self) -> None:
        """Drop what waits."""
        with self._lock:
            self._heap.clear()

    def close(self) -> None:
        """Drop what waits; what runs is ended by the pool."""
        with self._lock:
            self._closed = True
        self._poke.set()
        self._clock.wake()
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _run(self, event: Queued) -> None:
        """Soon; it counts as being tried already."""
        with self._lock:
            if self._closed:
                self._trying -= 1
            else:
                self._workers.submit(self._try, event)

    def _try(self, event: Queued) -> None:
        try:
            self._attempt(event)
        except Exception as error:  # of the rig, not of the function: nobody else would hear of it
            LOG.exception("%s: the rig failed", event.id)
            self._timeline.record(event.id, "event", "", "rig_failed", str(error))
        finally:
            with self._lock:
                self._trying -= 1

    def _attempt(self, event: Queued) -> None:
        try:
            event = replace(event, ready=self._functions.again(event.ready))
        except LookupError:
            self._timeline.record(event.id, "event", "", "function_deleted")
            return
        outcome = self._functions.run(event.ready)
        if outcome.status == "throttled":
            self._throttled(event, outcome)
        elif outcome.status != "lost" and not outcome.function_error:
            self._end(replace(event, tries=event.tries + 1), outcome, "Success")
        else:
            self._failed(replace(event, tries=event.tries + 1), outcome)

    def _failed(self, event: Queued, outcome: Outcome) -> None:
        retries = event.config.get("MaximumRetryAttempts", 2)
        if event.tries > retries:
            self._end(event, outcome, "RetriesExhausted")
        else:
            self._later(event, RETRY_AFTER_S[event.tries - 1], outcome)

    def _throttled(self, event: Queued, outcome: Outcome) -> None:
        if event.ready.reserved == 0:
            self._end(event, outcome, "ZeroReservedConcurrency")
            return
        pause = min(THROTTLED_FIRST_S * 2**event.throttles, THROTTLED_MOST_S)
        self._later(replace(event, throttles=event.throttles + 1), pause, outcome)

    def _later(self, event: Queued, pause: float, outcome: Outcome) -> None:
        age = event.config.get("MaximumEventAgeInSeconds", MAX_AGE_S)
        if self._clock.now() + pause - event.since > age:
            self._end(event, outcome, "EventAgeExceeded")
            return
        with self._lock:
            heapq.heappush(self._heap, _Waiting(self._clock.now() + pause, next(self._order), event))
        self._timeline.record(event.id, "event", "", "retry_waits", f"{pause:g} s")
        self._poke.set()
        self._clock.wake()

    def _dispatch(self) -> None:
        while not self._closed:
            self._poke.clear()
            with self._lock:
                due = self._heap[0].at if self._heap else None
            if due is None:
                self._poke.wait()
            elif self._clock.wait_until(due, self._poke):
                for event in self._due():
                    self._run(event)

    def _due(self) -> list[Queued]:
        events = []
        with self._lock:
            while self._heap and self._heap[0].at <= self._clock.now():
                events.append(heapq.heappop(self._heap).event)
                self._trying += 1
        return events

    def _end(self, event: Queued, outcome: Outcome, condition: str) -> None:
        success = condition == "Success"
        self._timeline.record(event.id, "event", "", condition)
        wanted = event.config.get("DestinationConfig") or {}
        target = (wanted.get("OnSuccess" if success else "OnFailure") or {}).get("Destination")
        if target:
            document = record(event, outcome, condition, self._clock)
            self._send(event, target, json.dumps(document, separators=(",", ":")), {})
        if event.dead_letter and not success:
            payload = event.ready.invocation.payload.decode()
            self._send(event, event.dead_letter, payload, dead_letter_attributes(event, outcome))

    def _send(self, event: Queued, target: str, body: str, attributes: Mapping[str, str]) -> None:
        try:
            self._deliver(target, body, attributes)
        except Exception as error:  # as on AWS, the caller is long gone: the record must say it
            LOG.warning("%s: %s could not be delivered to: %r", event.id, target, error)
            self._timeline.record(event.id, "event", "", "destination_failed", f"{target}: {error!r}")


def record(event: Queued, outcome: Outcome, condition: str, clock: Clock) -> dict[str, Any]:
    """The record a destination gets, as recorded on AWS."""
    invocation = event.ready.invocation
    moment = clock.utc()
    answer: dict[str, Any] = {
        "version": "1.0",
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": f"{invocation.function.arn}:{invocation.function.version}",
            "condition": condition,
            "approximateInvokeCount": event.tries,
        },
        "requestPayload": json.loads(invocation.payload),
    }
    if outcome.status not in UNANSWERED:
        context = {"statusCode": 200, "executedVersion": invocation.function.version}
        error = {"functionError": outcome.function_error} if outcome.function_error else {}
        answer |= {"responseContext": context | error, "responsePayload": _json(outcome.payload)}
    return answer


def dead_letter_attributes(event: Queued, outcome: Outcome) -> dict[str, str]:
    """Message attributes of a dead letter: RequestID, ErrorCode (HTTP status of the last attempt), ErrorMessage."""
    payload = _json(outcome.payload)
    message = payload.get("errorMessage", "") if isinstance(payload, dict) else ""
    code = UNANSWERED.get(outcome.status, "200")
    return {
        "RequestID": event.ready.invocation.request_id,
        "ErrorCode": code,
        "ErrorMessage": str(message)[:MESSAGE_MOST],
    }


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return payload.decode("utf-8", errors="replace")
