"""Provisioned concurrency: how many environments each version wants initialised ahead, and who sees to it.

An environment's number is given when it is asked for, and those of one version initialise one after another: neither
ids nor what a counted fault strikes depend on how quick anything is. Whoever needs the outcome joins.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from emulator.clock import Clock
from emulator.functions.environment import Start
from emulator.functions.journal import Event, Journal
from emulator.functions.platform_log import platform_log
from emulator.model import PROVISIONED, ColdStart, Function

INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"  # AWS's StatusReason
LIMIT_S, LIMIT_MOST_S = 130.0, 900.0
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What a version has of what it wants. reason: why an environment of it failed, empty when none did."""

    wanted: int = 0
    ready: int = 0
    reason: str = ""

    @property
    def status(self) -> str:
        return "FAILED" if self.reason else "READY" if self.ready >= self.wanted else "IN_PROGRESS"


@dataclass(eq=False)
class _Allocation:
    """ids: environments it has or will have, oldest first. waiting: those whose init has not begun."""

    function: Function
    wanted: int = 0
    ids: list[str] = field(default_factory=list)
    waiting: deque[str] = field(default_factory=deque)
    ready: set[str] = field(default_factory=set)
    reason: str = ""
    working: bool = False


class Provisioned:
    """number: a new environment's id. initialise: start one and keep it; gives why it failed, or nothing."""

    def __init__(self, number: Callable[[Function], str], initialise: Callable[[ColdStart], str]) -> None:
        self._number, self._initialise = number, initialise
        self._of: dict[str, _Allocation] = {}
        self._changed = threading.Condition()
        self._threads, self._closed = 0, False

    def want(self, function: Function, count: int) -> set[str]:
        """Have `count` environments of this version, from now on; gives the ids of those that are too many."""
        with self._changed:
            one = self._of.setdefault(function.key, _Allocation(function))
            one.function, one.wanted, one.reason = function, count, ""
            surplus = set(one.ids[count:])
            del one.ids[count:]
            one.ready -= surplus
            one.waiting = deque(env_id for env_id in one.waiting if env_id not in surplus)
            self._add(one, count - len(one.ids))
            if not count:
                del self._of[function.key]
        return surplus

    def took(self, function: Function, env_id: str) -> bool:
        """This one is initialised; False when nobody wants it any more."""
        with self._changed:
            one = self._of.get(function.key)
            if self._closed or one is None or env_id not in one.ids:
                return False
            one.ready.add(env_id)
            return True

    def lost(self, function: Function, env_id: str) -> None:
        """This one is no more: another takes its place, unless it was let go."""
        with self._changed:
            one = self._of.get(function.key)
            if one is not None and env_id in one.ready:
                one.ids.remove(env_id)
                one.ready.remove(env_id)
                self._add(one, 1)

    def standing(self, function: Function) -> Standing:
        with self._changed:
            one = self._of.get(function.key)
            return Standing(one.wanted, len(one.ready), one.reason) if one else Standing()

    def join(self, function: Function, limit_s: float | None = None) -> None:
        """Wait until no init of this version is under way; limit_s are machine seconds."""

        def quiet() -> bool:
            one = self._of.get(function.key)
            return self._closed or one is None or not one.working

        with self._changed:
            self._changed.wait_for(quiet, limit_s)

    def busy(self) -> bool:
        """Whether an init is under way."""
        return self._threads > 0

    def reset(self) -> None:
        """Want nothing any more; no init begins after those under way."""
        with self._changed:
            for one in self._of.values():
                one.waiting.clear()
            self._of.clear()

    def close(self) -> None:
        """Start none any more."""
        with self._changed:
            self._closed = True
            for one in self._of.values():
                one.waiting.clear()
            self._changed.notify_all()

    def _add(self, one: _Allocation, count: int) -> None:
        if self._closed or count <= 0:
            return
        added = [self._number(one.function) for _ in range(count)]
        one.ids += added
        one.waiting.extend(added)
        if not one.working:
            one.working = True
            self._threads += 1
            threading.Thread(target=self._work, args=(one,), name="provisioning", daemon=True).start()

    def _work(self, one: _Allocation) -> None:
        while env_id := self._next(one):
            reason = self._try(ColdStart(env_id, one.function, initialization=PROVISIONED))
            with self._changed:
                if reason and env_id in one.ids:  # not tried again until the next Put
                    one.ids.remove(env_id)
                    one.reason = reason

    def _next(self, one: _Allocation) -> str:
        with self._changed:
            if one.waiting:
                return one.waiting.popleft()
            one.working = False
            self._threads -= 1
            self._changed.notify_all()
            return ""

    def _try(self, cold: ColdStart) -> str:
        try:
            return self._initialise(cold)
        except Exception as error:  # the rig's own: no caller waits for it
            LOG.exception("%s could not be provisioned", cold.id)
            return f"lambdarig: {error}"


def initialised_ahead(
    function: Function, clock: Clock, start: Callable[[float], Start], publish: Callable[[str, list[Event]], None]
) -> Start:
    """Init outside any invocation, and its log: INIT_START, output, and INIT_REPORT even when it succeeds.

    Its limit is 130 s or the function's timeout, whichever is longer, as documented. start: takes that limit.
    """
    platform = platform_log(function, "", clock, PROVISIONED)
    streams: list[str] = []
    journal = Journal(clock, lambda events: publish(streams[0], events))
    journal.say(platform.init_start())
    came = start(min(max(LIMIT_S, function.timeout_s), LIMIT_MOST_S))
    streams.append(came.environment.stream)
    journal.print(came.output)
    status = {"ready": "", "timeout": "timeout"}.get(came.kind, "error")
    journal.say(platform.init_end(came.ms, "init", status, came.error_type))
    journal.publish()
    return came
