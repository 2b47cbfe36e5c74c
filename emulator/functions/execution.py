"""One invocation's life on an environment, from INIT_START to REPORT, and what the caller gets of it.

The rules are Lambda's: on-demand init may take 10 s; an init that fails is repeated inside the invoke under the
function's own timeout; a timeout or a crash costs the environment; an error the handler raised does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from emulator.clock import Clock
from emulator.functions import loglines
from emulator.functions.environment import Environment, Start
from emulator.functions.journal import Event, Journal
from emulator.functions.loglines import Failure
from emulator.functions.platform_log import Report, platform_log
from emulator.functions.runtime_api import Happening
from emulator.functions.runtime_http import RESPONSE_LIMIT
from emulator.injector import Injector
from emulator.model import Delivery, Invocation, Outcome

INIT_LIMIT_S = 10.0
TOO_LARGE = {
    "errorMessage": f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}
Starter = Callable[[str, float], Start]  # (phase, limit in seconds) -> what came of the start
Publish = Callable[[str, list[Event]], None]  # (log stream, its new lines)


class Execution:
    """Runs one invocation; afterwards `environment` is the one to keep (None: it was lost) and `lost` are to bury.
    `current` is the one in hand, should the rig itself fail on the way."""

    def __init__(
        self, invocation: Invocation, clock: Clock, injector: Injector, starter: Starter, publish: Publish
    ) -> None:
        self.invocation = invocation
        self.environment: Environment | None = None
        self.current: Environment | None = None
        self.lost: list[Environment] = []
        self.journal = Journal(clock, lambda events: publish(self._stream, events))
        self._stream = ""
        self._clock, self._injector, self._starter = clock, injector, starter
        self._generation = loglines.GENERATIONS[invocation.function.texts]
        self._platform = platform_log(invocation.function, invocation.request_id, clock)
        self._init_ms: float | None = None
        self._early_init_ms: float | None = None
        self._virtual = self._late_s = 0.0
        self._owes_next = False  # the runtime has answered, and not asked for the next event since

    def run(self, environment: Environment | None) -> Outcome:
        """On `environment`, or on a new one. `log` of the outcome is left to the journal."""
        if environment is None:
            start = self._cold("init", INIT_LIMIT_S)
            if start.kind != "ready":
                return self._init_again()
            self._init_ms, environment = start.ms, start.environment
        self._early_init_ms, environment.early_init_ms = environment.early_init_ms, None
        return self._invoke(environment, self._clock.monotonic(), 0.0)

    def _cold(self, phase: str, limit_s: float) -> Start:
        if phase == "init":
            self.journal.say(self._platform.init_start())
        start = self._starter(phase, limit_s)
        self._hold(start.environment)
        self._virtual += start.virtual_s
        self.journal.print(start.output)
        if start.kind != "ready":
            self._lose(start.environment)
        status = {"ready": "", "timeout": "timeout"}.get(start.kind, "error")
        self.journal.say(self._platform.init_end(start.ms, phase, status, start.error_type))
        return start

    def _init_again(self) -> Outcome:
        limit_s = self.invocation.function.timeout_s
        start = self._cold("invoke", limit_s)
        begin = self._clock.monotonic() - (start.ms / 1000 - start.virtual_s)  # what the rig does before init is free
        if start.kind == "ready":
            return self._invoke(start.environment, begin, start.virtual_s)
        self.journal.say(self._platform.start())
        if start.kind == "timeout":
            return self._fail(self._timed_out(begin), "timeout", limit_s * 1000, start.environment.used_mb())
        if start.how is not None:
            failure = loglines.exited(self._generation, self.invocation.request_id, start.how)
            used = start.environment.used_mb(start.how)
            return self._fail(failure, "oom" if start.how.oom else "crash", start.ms, used)
        failure = Failure(start.error, "", "error", start.error_type)
        return self._fail(failure, "init_error", start.ms, start.environment.used_mb())

    def _invoke(self, environment: Environment, begin: float, virtual_s: float) -> Outcome:
        self._hold(environment)
        deadline = begin + self.invocation.function.timeout_s - virtual_s
        environment.thaw()
        self.journal.say(self._platform.start())
        seen = self._delivered(environment, deadline)
        virtual_s, deadline = virtual_s + self._late_s, deadline - self._late_s
        if seen.kind == "died":
            return self._died(environment, begin - virtual_s)
        if seen.kind == "deadline":
            used = environment.used_mb()
            self._lose(environment)  # what it prints from now on belongs to nobody
            self.journal.print(environment.output())
            return self._fail(self._timed_out(begin), "timeout", self._limit_ms(begin), used)
        settled = self._settled(environment, deadline)
        self.journal.print(environment.output())
        elapsed = (self._clock.monotonic() - begin + virtual_s) * 1000
        used = environment.used_mb()
        if settled:
            self.environment = environment
        else:
            self._lose(environment)
        return self._answered(seen, elapsed, used)

    def _delivered(self, environment: Environment, deadline: float) -> Happening:
        """What came of the event, or of the last one where faults gave it more than once."""
        delivery = Delivery(self.invocation.id, self.invocation, environment.id, self.invocation.payload)
        passage = self._injector.pass_through(
            "deliver", delivery, lambda one: self._deliver(environment, one, deadline), quiet=True
        )
        self._virtual += passage.delayed + self._late_s
        return passage.reply

    def _deliver(self, environment: Environment, delivery: Delivery, deadline: float) -> Happening:
        left = deadline - self._clock.monotonic()
        self._late_s = max(self._late_s, min(delivery.late_s, left))
        deadline -= self._late_s
        if not self._settled(environment, deadline):
            return Happening("deadline" if environment.alive() else "died")
        if self._clock.monotonic() >= deadline:
            return Happening("deadline")  # too late for the handler to hear of it
        seen = environment.invoke(delivery, self._headers(deadline), deadline, self._tell)
        self._owes_next = seen.kind not in ("died", "deadline")
        return seen

    def _settled(self, environment: Environment, deadline: float) -> bool:
        """Whether the runtime that has answered asks for the next event in time."""
        if self._owes_next:
            self._owes_next = not environment.settle(deadline, self._tell)
        return not self._owes_next

    def _answered(self, seen: Happening, elapsed: float, used: int) -> Outcome:
        if seen.kind == "response":
            return self._finish("ok", seen.body, "", elapsed, used)
        if seen.kind == "too_large":
            payload = json.dumps(TOO_LARGE, separators=(",", ":")).encode()
            failure = Failure(payload, "", "error", TOO_LARGE["errorType"])
            return self._fail(failure, "too_large", elapsed, used)
        return self._finish("error", seen.body, "Unhandled", elapsed, used)

    def _died(self, environment: Environment, begin: float) -> Outcome:
        elapsed = (self._clock.monotonic() - begin) * 1000
        how = environment.ended()
        used = environment.used_mb(how)
        self.journal.print(environment.output())
        self._lose(environment)
        failure = loglines.exited(self._generation, self.invocation.request_id, how)
        return self._fail(failure, "oom" if how.oom else "crash", elapsed, used)

    def _timed_out(self, begin: float) -> Failure:
        limit_s = self.invocation.function.timeout_s
        elapsed = max(self._clock.monotonic() - begin, limit_s)
        return loglines.timed_out(self._generation, self.invocation.request_id, limit_s, elapsed, self._clock.utc())

    def _limit_ms(self, begin: float) -> float:
        limit = self.invocation.function.timeout_s * 1000
        return max((self._clock.monotonic() - begin) * 1000, limit) if self._generation.timeout_line else limit

    def _fail(self, failure: Failure, status: str, elapsed: float, used: int) -> Outcome:
        self.journal.say(self._platform.failed(failure, ended=False))
        outcome = self._finish(status, failure.payload, "Unhandled", elapsed, used, failure)
        self.journal.say(self._platform.failed(failure, ended=True))
        return outcome

    def _finish(
        self, status: str, payload: bytes, error: str, elapsed: float, used: int, failure: Failure | None = None
    ) -> Outcome:
        words = (failure.status, failure.error_type) if failure else ("", "")
        report = Report(
            elapsed, used, self._init_ms, *words, bool(error), len(payload), early_init_ms=self._early_init_ms
        )
        self.journal.say(self._platform.end(report))
        self.journal.say(self._platform.report(report))
        return Outcome(status, payload, error, b"", elapsed, self._init_ms, used, virtual_s=self._virtual)

    def _headers(self, deadline: float) -> dict[str, str]:
        invocation = self.invocation
        left = deadline - self._clock.monotonic()
        headers = {
            "Lambda-Runtime-Deadline-Ms": str(int((self._clock.wall() + left) * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.invoked_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
            "Lambda-Runtime-Client-Context": invocation.client_context,
        }
        return {name: value for name, value in headers.items() if value}

    def _hold(self, environment: Environment) -> None:
        self.current, self._stream = environment, environment.stream

    def _lose(self, environment: Environment) -> None:
        environment.halt()
        self.lost.append(environment)

    def _tell(self) -> None:
        """The handler works on: let the log have what it printed until now."""
        if self.current is not None:
            self.journal.print(self.current.output(), whole=False)
            self.journal.publish()
