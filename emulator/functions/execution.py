"""One invocation from START to REPORT: cold or warm, through init, its repetition, the handler, and every way to fail.

The rules are Lambda's: on-demand init may take 10 s; an init that fails is repeated inside the invoke under the
function's own timeout; a timeout or a crash costs the environment; an error the handler raised does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from emulator.clock import Clock
from emulator.functions import loglines
from emulator.functions.environment import Environment, Start
from emulator.functions.loglines import Failure
from emulator.functions.runtime_api import Happening
from emulator.functions.runtime_http import RESPONSE_LIMIT
from emulator.model import Invocation, Outcome

INIT_LIMIT_S = 10.0
TOO_LARGE = {
    "errorMessage": f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}
Starter = Callable[[str, float], Start]  # (phase, limit in seconds) -> what came of the start


class Execution:
    """Runs one invocation; afterwards `environment` is the one to keep (None: it was lost) and `lost` are to bury.
    `current` is the one in hand, should the rig itself fail on the way."""

    def __init__(self, invocation: Invocation, clock: Clock, starter: Starter) -> None:
        self.invocation = invocation
        self.environment: Environment | None = None
        self.current: Environment | None = None
        self.lost: list[Environment] = []
        self.events: list[tuple[int, str]] = []
        self.stream = ""
        self._clock, self._starter = clock, starter
        self._generation = loglines.GENERATIONS[invocation.function.texts]
        self._init_ms: float | None = None
        self._virtual = 0.0

    def run(self, environment: Environment | None) -> Outcome:
        """On `environment`, or on a new one."""
        if environment is None:
            start = self._cold("init", INIT_LIMIT_S)
            if start.kind != "ready":
                return self._init_again()
            self._init_ms, environment = start.ms, start.environment
        return self._invoke(environment, self._clock.monotonic(), 0.0)

    def _cold(self, phase: str, limit_s: float) -> Start:
        start = self._starter(phase, limit_s)
        self.current, self.stream = start.environment, start.environment.stream
        self._virtual += start.virtual_s
        if phase == "init" and self._generation.init_lines:
            self._say(loglines.init_start(self.invocation.function.runtime or "provided.al2023"))
        self._print(start.output)
        if start.kind != "ready":
            self._lose(start.environment)
            if self._generation.init_lines:
                status = "timeout" if start.kind == "timeout" else "error"
                self._say(loglines.init_report(start.ms, phase, status, start.error_type))
        return start

    def _init_again(self) -> Outcome:
        begin, limit_s = self._clock.monotonic(), self.invocation.function.timeout_s
        start = self._cold("invoke", limit_s)
        if start.kind == "ready":
            return self._invoke(start.environment, begin, start.virtual_s)
        self._say(loglines.start(self.invocation.request_id, self.invocation.function.version))
        if start.kind == "timeout":
            return self._fail(self._timed_out(begin), "timeout", limit_s * 1000, start.environment.used_mb())
        elapsed = (self._clock.monotonic() - begin + start.virtual_s) * 1000
        if start.how is not None:
            failure = loglines.exited(self._generation, self.invocation.request_id, start.how)
            used = start.environment.used_mb(start.how)
            return self._fail(failure, "oom" if start.how.oom else "crash", elapsed, used)
        failure = Failure(start.error, "", "error", start.error_type)
        return self._fail(failure, "init_error", elapsed, start.environment.used_mb())

    def _invoke(self, environment: Environment, begin: float, virtual_s: float) -> Outcome:
        invocation, self.current, self.stream = self.invocation, environment, environment.stream
        deadline = begin + invocation.function.timeout_s - virtual_s
        environment.thaw()
        self._say(loglines.start(invocation.request_id, invocation.function.version))
        seen = environment.invoke(invocation, self._headers(deadline), deadline)
        if seen.kind == "died":
            return self._died(environment, begin)
        if seen.kind == "deadline":
            used = environment.used_mb()
            environment.freeze()  # what it prints from now on belongs to nobody
            self._print(environment.output())
            self._lose(environment)
            return self._fail(self._timed_out(begin), "timeout", self._limit_ms(begin), used)
        settled = environment.settle(deadline)
        self._print(environment.output())
        elapsed = (self._clock.monotonic() - begin + virtual_s) * 1000
        used = environment.used_mb()
        if settled:
            self.environment = environment
        else:
            self._lose(environment)
        return self._answered(seen, elapsed, used)

    def _answered(self, seen: Happening, elapsed: float, used: int) -> Outcome:
        if seen.kind == "response":
            return self._finish("ok", seen.body, "", elapsed, used)
        if seen.kind == "too_large":
            return self._fail(
                Failure(json.dumps(TOO_LARGE).encode(), "", "error", "Function.ResponseSizeTooLarge"),
                "too_large",
                elapsed,
                used,
            )
        return self._finish("error", seen.body, "Unhandled", elapsed, used)

    def _died(self, environment: Environment, begin: float) -> Outcome:
        elapsed = (self._clock.monotonic() - begin) * 1000
        how = environment.ended()
        used = environment.used_mb(how)
        self._print(environment.output())
        self._lose(environment)
        failure = loglines.exited(self._generation, self.invocation.request_id, how)
        return self._fail(failure, "oom" if how.oom else "crash", elapsed, used)

    def _timed_out(self, begin: float) -> Failure:
        elapsed = max(self._clock.monotonic() - begin, self.invocation.function.timeout_s)
        return loglines.timed_out(
            self._generation, self.invocation.request_id, self.invocation.function.timeout_s, elapsed, self._clock.utc()
        )

    def _limit_ms(self, begin: float) -> float:
        limit = self.invocation.function.timeout_s * 1000
        return max((self._clock.monotonic() - begin) * 1000, limit) if self._generation.timeout_line else limit

    def _fail(self, failure: Failure, status: str, elapsed: float, used: int) -> Outcome:
        if failure.line and self._generation.before_end:
            self._say(failure.line)
        outcome = self._finish(status, failure.payload, "Unhandled", elapsed, used, failure)
        if failure.line and not self._generation.before_end:
            self._say(failure.line)
        return outcome

    def _finish(
        self, status: str, payload: bytes, error: str, elapsed: float, used: int, failure: Failure | None = None
    ) -> Outcome:
        function, request_id = self.invocation.function, self.invocation.request_id
        self._say(loglines.end(request_id))
        words = (failure.status, failure.error_type) if failure else ("", "")
        report = loglines.report(self._generation, request_id, elapsed, function.memory_mb, used, self._init_ms, *words)
        self._say(report)
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

    def _lose(self, environment: Environment) -> None:
        self.lost.append(environment)

    def _print(self, output: bytes) -> None:
        for line in loglines.split(output):
            self._say(line)

    def _say(self, line: str) -> None:
        self.events.append((int(self._clock.wall() * 1000), line))
