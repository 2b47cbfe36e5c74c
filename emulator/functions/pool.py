"""Which environment runs which invocation: warm ones first, new ones as needed, a refusal past the limits.

One invocation per environment; N at once take N environments. Reserved concurrency caps a function, the account's
limit caps them all. The thread that asks is the thread that speaks to the environment.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from emulator.clock import Clock
from emulator.functions.environment import Environment, Start
from emulator.functions.execution import Execution
from emulator.functions.journal import Event
from emulator.injector import Injector
from emulator.model import ColdStart, Function, Invocation, Outcome

RESERVED_EXCEEDED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT_EXCEEDED = "ConcurrentInvocationLimitExceeded"
Launch = Callable[[ColdStart, float], Start]
LogSink = Callable[[Function, str, list[Event]], None]
LOG = logging.getLogger(__name__)


class Pool:
    """launch: starts an environment and watches its init. log: takes an invocation's lines.

    account_limit: environments busy at once over all functions. idle_s: rig seconds after which an idle
    environment goes (`None`: never). freeze: stop environments between invocations, as Lambda does.
    """

    def __init__(
        self,
        launch: Launch,
        log: LogSink,
        injector: Injector,
        clock: Clock,
        *,
        account_limit: int = 100,
        idle_s: float | None = 600.0,
        freeze: bool = True,
    ) -> None:
        self._launch, self._log, self._injector, self._clock = launch, log, injector, clock
        self.account_limit, self._idle_s, self._freeze = account_limit, idle_s, freeze
        self._lock = threading.Lock()
        self._idle: dict[str, list[Environment]] = {}
        self._busy: Counter[str] = Counter()
        self._sharing = 0  # busy ones whose functions have reserved nothing
        self._working: set[Environment] = set()
        self._numbers: Counter[str] = Counter()
        self._undertaker = ThreadPoolExecutor(4, "undertaker")
        self._stop, self._closed = threading.Event(), False
        self._changed = threading.Event()
        threading.Thread(target=self._expire, name="idle-expiry", daemon=True).start()

    def run(self, invocation: Invocation, reserved: int | None = None, set_aside: int = 0) -> Outcome:
        """Run it now, in this thread. A refusal is an Outcome `throttled` whose reason is AWS's. set_aside: how much
        of the account's limit all functions have reserved; the others share the rest."""
        passage = self._injector.pass_through("invoke", invocation, lambda: self._run(invocation, reserved, set_aside))
        outcome = passage.reply
        return replace(outcome, virtual_s=outcome.virtual_s + passage.delayed) if passage.delayed else outcome

    def _run(self, invocation: Invocation, reserved: int | None, set_aside: int) -> Outcome:
        function = invocation.function
        reason = self._admit(function, reserved, set_aside)
        if reason:
            return Outcome("throttled", b"", reason=reason)
        execution = Execution(
            invocation,
            self._clock,
            lambda phase, limit_s: self._start(function, phase, limit_s),
            lambda stream, events: self._log(function, stream, events),
        )
        try:
            outcome = execution.run(self._warm(function))
            execution.journal.publish()
            environment = self._put_back(function, execution)
        except BaseException:
            self._abandon(execution)
            raise
        finally:
            with self._lock:
                self._busy[function.name] -= 1
                self._sharing -= reserved is None
        return replace(outcome, log=execution.journal.text(), environment=environment)

    def _admit(self, function: Function, reserved: int | None, set_aside: int) -> str:
        with self._lock:
            if reserved is not None and self._busy[function.name] >= reserved:
                return RESERVED_EXCEEDED
            shared = self.account_limit - set_aside
            if self._busy.total() >= self.account_limit or (reserved is None and self._sharing >= shared):
                return ACCOUNT_EXCEEDED
            self._busy[function.name] += 1
            self._sharing += reserved is None
        return ""

    def _warm(self, function: Function) -> Environment | None:
        """The environment used last that is alive and of this revision."""
        while True:
            with self._lock:
                waiting = self._idle.get(function.key)
                environment = waiting.pop() if waiting else None
                if environment is not None:
                    self._working.add(environment)
            if environment is None:
                return None
            try:
                if environment.function.revision == function.revision and environment.alive():
                    return environment
            except BaseException:
                self._bury(environment)
                raise
            self._bury(environment)

    def _start(self, function: Function, phase: str, limit_s: float) -> Start:
        with self._lock:
            self._numbers[function.name] += 1
            cold = ColdStart(f"{function.name}/env-{self._numbers[function.name]}", function, phase)
        passage = self._injector.pass_through("start", cold, lambda: self._launched(cold, limit_s))
        start = passage.reply
        if not (passage.delayed or passage.stalled):
            return start
        total = start.ms + (passage.delayed + passage.stalled) * 1000
        if total >= limit_s * 1000:
            waited = start.ms / 1000 + passage.stalled
            late = replace(start, kind="timeout", error=b"", error_type="", how=None, ms=limit_s * 1000)
            return replace(late, virtual_s=max(0.0, limit_s - waited))
        return replace(start, ms=total, virtual_s=passage.delayed)

    def _launched(self, cold: ColdStart, limit_s: float) -> Start:
        start = self._launch(cold, limit_s)
        with self._lock:
            self._working.add(start.environment)
        return start

    def _put_back(self, function: Function, execution: Execution) -> str:
        """Keep the environment for the next one; gives its id, or nothing when it was lost."""
        for environment in execution.lost:
            self._bury(environment)
        kept = execution.environment
        if kept is None:
            return ""
        if self._freeze:
            kept.freeze()
        kept.idle_since = self._clock.now()
        with self._lock:
            if not kept.retired:
                self._working.discard(kept)
                self._idle.setdefault(function.key, []).append(kept)
        if kept.retired:
            self._bury(kept)
        self._changed.set()
        return kept.id

    def _abandon(self, execution: Execution) -> None:
        """The rig itself failed on the way: nothing that was in hand is used again."""
        for environment in {*execution.lost, *([execution.current] if execution.current else [])}:
            self._bury(environment)

    def _bury(self, environment: Environment) -> None:
        with self._lock:
            self._working.discard(environment)
            if not self._closed:
                self._undertaker.submit(_safely, environment.destroy)
                return
        _safely(environment.destroy)

    def _expire(self) -> None:
        """Let idle environments go when the rig's clock says so."""
        while not self._stop.is_set():
            self._changed.clear()
            with self._lock:
                oldest = min((e.idle_since for row in self._idle.values() for e in row), default=None)
            if oldest is None or self._idle_s is None:
                self._changed.wait()
            elif self._clock.wait_until(oldest + self._idle_s, self._stop):
                self._bury_idle(partial(_over, self._clock.now(), self._idle_s))

    def retire(self, which: Callable[[Environment], bool] = lambda _: True) -> int:
        """Bury the environments that `which` picks, idle ones now and busy ones after their work; returns how many are
        buried now."""
        with self._lock:
            for environment in filter(which, self._working):
                environment.retired = True
        return self._bury_idle(which)

    def _bury_idle(self, which: Callable[[Environment], bool]) -> int:
        with self._lock:
            gone = [e for row in self._idle.values() for e in row if which(e)]
            for row in self._idle.values():
                row[:] = [e for e in row if e not in gone]
        for environment in gone:
            self._bury(environment)
        return len(gone)

    def environments(self) -> list[tuple[Environment, str]]:
        """Every living environment with `idle` or `busy`."""
        with self._lock:
            return [*((e, "busy") for e in self._working), *((e, "idle") for row in self._idle.values() for e in row)]

    def busy(self) -> bool:
        """Whether an invocation is under way."""
        with self._lock:
            return any(self._busy.values())

    def behind(self, env_id: str) -> tuple[str, str]:
        """(function, invocation) of an environment by id; empty where there is none of that id, or nothing runs."""
        for environment, _ in self.environments():
            if environment.id == env_id:
                return environment.function.name, environment.invocation_id
        return "", ""

    def reset(self) -> None:
        """Bury every idle environment and count from one again."""
        self.retire()
        with self._lock:
            self._numbers.clear()

    def close(self) -> None:
        """Kill everything, busy or not, and wait until it is gone. Whoever drives a busy one sees it die."""
        self._stop.set()
        self._changed.set()
        self._clock.wake()
        with self._lock:
            self._closed = True
            ending = [*(e.kill for e in self._working), *(e.destroy for row in self._idle.values() for e in row)]
        for end in ending:
            self._undertaker.submit(_safely, end)
        self._undertaker.shutdown(wait=True)


def _over(now: float, idle_s: float, environment: Environment) -> bool:
    return environment.idle_since + idle_s <= now


def _safely(end: Callable[[], None]) -> None:
    """Nobody waits for a burial: what goes wrong is told to the log."""
    try:
        end()
    except Exception:
        LOG.exception("an environment could not be ended")
