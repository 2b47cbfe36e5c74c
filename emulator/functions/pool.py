"""Which environment runs which invocation: warm ones first, new ones as needed, a refusal past the limits.

One invocation per environment; N at once take N environments, those initialised ahead (provisioned concurrency) first.
Reserved concurrency caps a function, the account's limit caps them all. The thread that asks is the thread that speaks
to the environment.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from emulator.clock import Clock
from emulator.errors import FaultError
from emulator.functions.environment import Environment, Start
from emulator.functions.execution import Execution
from emulator.functions.journal import Event
from emulator.functions.provisioned import INIT_FAILURE, Provisioned, initialised_ahead
from emulator.injector import Injector, Passage
from emulator.model import ColdStart, Function, Invocation, Outcome, Reuse, Warm

RESERVED_EXCEEDED = "ReservedFunctionConcurrentInvocationLimitExceeded"
ACCOUNT_EXCEEDED = "ConcurrentInvocationLimitExceeded"
KEPT = Reuse().verdict
Launch = Callable[[ColdStart, float, Callable[[Environment], None]], Start]
LogSink = Callable[[Function, str, list[Event]], None]
Resume = Callable[[str, str, float], None]  # (environment's id, invocation's id, rig seconds for which it was idle)
LOG = logging.getLogger(__name__)


class Pool:
    """launch: starts an environment, tells of it, and watches its init. log: takes an invocation's lines.

    account_limit: environments busy at once over all functions. idle_s: rig seconds after which an idle
    environment goes (`None`: never). freeze: stop environments between invocations, as Lambda does. resume: called
    before an idle one goes on.
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
        resume: Resume = lambda *_: None,
    ) -> None:
        self._launch, self._log, self._injector, self._clock, self._resume = launch, log, injector, clock, resume
        self.account_limit, self._idle_s, self._freeze = account_limit, idle_s, freeze
        self._lock = threading.Lock()
        self._idle: dict[str, list[Environment]] = {}
        self._busy: Counter[str] = Counter()
        self._sharing = 0  # busy ones whose functions have reserved nothing
        self._working: set[Environment] = set()
        self._claimed: Counter[str] = Counter()  # by version: those for which provisioned ones stand ready
        self._numbers: Counter[str] = Counter()
        self.provisioned = Provisioned(self._number, self._ahead)
        self._undertaker = ThreadPoolExecutor(4, "undertaker")
        self._burials: list[Future[None]] = []
        self._stop, self._closed = threading.Event(), False
        self._changed = threading.Event()
        threading.Thread(target=self._expire, name="idle-expiry", daemon=True).start()

    def run(self, invocation: Invocation, reserved: int | None = None, set_aside: int = 0) -> Outcome:
        """Run it now, in this thread. A refusal is an Outcome `throttled` whose reason is AWS's. set_aside: how much
        of the account's limit all functions have reserved or provisioned; the others share the rest."""
        passage = self._injector.pass_through("invoke", invocation, lambda one: self._run(one, reserved, set_aside))
        outcome = passage.reply
        return replace(outcome, virtual_s=outcome.virtual_s + passage.delayed) if passage.delayed else outcome

    def _run(self, invocation: Invocation, reserved: int | None, set_aside: int) -> Outcome:
        function = invocation.function
        self._settled(function)
        claims, reason = self._admit(function, reserved, set_aside)
        if reason:
            return Outcome("throttled", b"", reason=reason)
        execution = Execution(
            invocation,
            self._clock,
            self._injector,
            lambda phase, limit_s: self._start(function, phase, limit_s),
            lambda stream, events: self._log(function, stream, events),
        )
        try:
            environment, waited = self._warm(invocation)
            outcome = execution.run(environment)
            execution.journal.publish()
            kept = self._put_back(execution)
        except BaseException:
            self._abandon(execution)
            raise
        finally:
            with self._lock:
                self._busy[function.name] -= 1
                self._sharing -= reserved is None and not claims
                self._claimed[function.key] -= claims
        virtual_s = outcome.virtual_s + waited
        return replace(outcome, log=execution.journal.text(), environment=kept, virtual_s=virtual_s)

    def _settled(self, function: Function) -> None:
        """A clock that stands still while environments initialise means that they have, by the next call."""
        if self._clock.manual:
            self.provisioned.join(function)

    def _admit(self, function: Function, reserved: int | None, set_aside: int) -> tuple[bool, str]:
        """(whether it claims a provisioned one, why it is refused)."""
        ready = self.provisioned.standing(function).ready
        with self._lock:
            if reserved is not None and self._busy[function.name] >= reserved:
                return False, RESERVED_EXCEEDED
            claims = self._claimed[function.key] < ready
            shares, shared = reserved is None and not claims, self.account_limit - set_aside
            if self._busy.total() >= self.account_limit or (shares and self._sharing >= shared):
                return False, ACCOUNT_EXCEEDED
            self._busy[function.name] += 1
            self._sharing += shares
            self._claimed[function.key] += claims
        return claims, ""

    def _warm(self, invocation: Invocation) -> tuple[Environment | None, float]:
        """The environment used last that is alive, of this revision and not past its time, a provisioned one first; and
        how long faults made finding it take, in seconds that nobody waited."""
        function, waited = invocation.function, 0.0
        while True:
            with self._lock:
                environment = _taken(self._idle.get(function.key))
                if environment is not None:
                    self._working.add(environment)
            if environment is None:
                return None, waited
            try:
                if self._fits(environment, function):
                    idle_s = self._clock.now() - environment.idle_since
                    passage = self._reused(environment, idle_s)
                    waited += passage.delayed
                    if passage.reply.verdict == KEPT:
                        self._resume(environment.id, invocation.id, idle_s)
                        return environment, waited
            except BaseException:
                self._bury(environment)
                raise
            self._bury(environment)
            self._settled(function)

    def _fits(self, environment: Environment, function: Function) -> bool:
        """One past its time is not used, whether or not its end has been seen to by now."""
        expired = self._idle_s is not None and _over(self._clock.now(), self._idle_s, environment)
        gone = environment.retired or expired
        return environment.function.revision == function.revision and not gone and environment.alive()

    def _reused(self, environment: Environment, idle_s: float) -> Passage[Reuse]:
        warm = Warm(environment.id, environment.function, idle_s, environment.initialization)
        return self._injector.pass_through("warm", warm, lambda _: Reuse(), quiet=True)

    def _number(self, function: Function) -> str:
        with self._lock:
            self._numbers[function.name] += 1
            return f"{function.name}/env-{self._numbers[function.name]}"

    def _start(self, function: Function, phase: str, limit_s: float) -> Start:
        return self._started(ColdStart(self._number(function), function, phase), limit_s)

    def _ahead(self, cold: ColdStart) -> str:
        """Initialise one that no invocation waits for, and keep it; gives why it failed, or nothing."""
        function = cold.function
        start = initialised_ahead(
            function,
            self._clock,
            lambda limit_s: self._started(cold, limit_s),
            lambda stream, events: self._log(function, stream, events),
        )
        environment = start.environment
        if start.kind != "ready":
            self._bury(environment)
            return INIT_FAILURE
        environment.early_init_ms = start.ms
        try:
            self._rest(environment)
        except BaseException:
            self._bury(environment)
            raise
        if self.provisioned.took(function, cold.id):
            self._shelve(environment)
        else:
            self._bury(environment)
        return ""

    def _started(self, asked: ColdStart, limit_s: float) -> Start:
        cold, begun = replace(asked, limit_s=limit_s), list[Environment]()
        try:
            passage = self._injector.pass_through("start", cold, lambda cold: self._launched(cold, limit_s, begun))
            start = passage.reply
            if not isinstance(start, Start) or start.environment not in begun:
                raise FaultError(f"a fault gave {type(start).__name__} at start of {cold.id}: only `proceed` makes one")
            begun.remove(start.environment)
        finally:
            for environment in begun:
                self._bury(environment)
        if not (passage.delayed or passage.stalled):
            return start
        total = start.ms + (passage.delayed + passage.stalled) * 1000
        if total >= limit_s * 1000:
            waited = start.ms / 1000 + passage.stalled
            late = replace(start, kind="timeout", error=b"", error_type="", how=None, ms=limit_s * 1000)
            return replace(late, virtual_s=max(0.0, limit_s - waited))
        return replace(start, ms=total, virtual_s=passage.delayed)

    def _launched(self, cold: ColdStart, limit_s: float, begun: list[Environment]) -> Start:
        def began(environment: Environment) -> None:
            begun.append(environment)
            with self._lock:
                self._working.add(environment)
                late = self._closed
            if late:
                environment.kill()

        return self._launch(cold, limit_s, began)

    def _put_back(self, execution: Execution) -> str:
        """Keep the environment for the next one; gives its id, or nothing when it was lost."""
        for environment in execution.lost:
            self._bury(environment)
        kept = execution.environment
        if kept is None:
            return ""
        self._rest(kept)
        self._shelve(kept)
        return kept.id

    def _rest(self, kept: Environment) -> None:
        if self._freeze:
            kept.freeze()
        kept.idle_since = self._clock.now()

    def _shelve(self, kept: Environment) -> None:
        with self._lock:
            wanted = not (kept.retired or self._closed)
            if wanted:
                self._working.discard(kept)
                self._idle.setdefault(kept.function.key, []).append(kept)
        if not wanted:
            self._bury(kept)
        self._changed.set()

    def _abandon(self, execution: Execution) -> None:
        """The rig itself failed on the way: nothing that was in hand is used again."""
        for environment in {*execution.lost, *([execution.current] if execution.current else [])}:
            self._bury(environment)

    def _bury(self, environment: Environment) -> None:
        """A provisioned one has a successor, if it is still wanted."""
        if environment.provisioned:
            self.provisioned.lost(environment.function, environment.id)
        with self._lock:
            self._working.discard(environment)
            if not self._closed:
                burial = self._undertaker.submit(_safely, environment.destroy)
                self._burials = [*(one for one in self._burials if not one.done()), burial]
                return
        _safely(environment.destroy)

    def _expire(self) -> None:
        """Let idle environments go when the rig's clock says so."""
        while not self._stop.is_set():
            self._changed.clear()
            with self._lock:
                mortal = (e.idle_since for row in self._idle.values() for e in row if not e.provisioned)
                oldest = min(mortal, default=None)
            if oldest is None or self._idle_s is None:
                self._changed.wait()
            elif self._clock.wait_until(oldest + self._idle_s, self._stop):
                self._bury_idle(partial(_over, self._clock.now(), self._idle_s))

    def provision(self, function: Function, count: int) -> None:
        """Have `count` environments of this version initialised ahead and kept, beginning now, in the background."""
        surplus = self.provisioned.want(function, count)
        if surplus:
            self.retire(lambda environment: environment.id in surplus)

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

    def burying(self) -> bool:
        """Whether an environment that has ended is still being removed."""
        with self._lock:
            return not all(one.done() for one in self._burials)

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

    def halt(self) -> None:
        """Kill what is busy or initialises: whoever drives it sees it die. Want none ahead."""
        self.provisioned.reset()
        with self._lock:
            killing = [self._undertaker.submit(_safely, environment.kill) for environment in self._working]
        for kill in killing:
            kill.result()

    def reset(self) -> None:
        """Bury every idle environment, want none ahead, and count from one again."""
        self.provisioned.reset()
        for environment, state in [] if self._freeze else self.environments():
            if state == "idle":  # it must not go on until it is buried
                environment.halt()
        self.retire()
        with self._lock:
            self._numbers.clear()

    def close(self) -> None:
        """Kill everything, busy or not, and wait until it is gone. Whoever drives a busy one sees it die."""
        self.provisioned.close()
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
    return not environment.provisioned and environment.idle_since + idle_s <= now


def _taken(row: list[Environment] | None) -> Environment | None:
    """Out of those that wait, the one used last: a provisioned one where there is one."""
    if not row:
        return None
    ahead = [at for at, environment in enumerate(row) if environment.provisioned]
    return row.pop(ahead[-1] if ahead else -1)


def _safely(end: Callable[[], None]) -> None:
    """Nobody waits for a burial: what goes wrong is told to the log."""
    try:
        end()
    except Exception:
        LOG.exception("an environment could not be ended")
