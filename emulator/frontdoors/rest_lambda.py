"""Lambda proxy integrations of a REST API: one invoke, never retried, against the integration's time limit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import lru_cache

from emulator.clock import Clock
from emulator.frontdoors.refusals import BAD_GATEWAY, BY_OUTCOME, EVENT_TOO_LONG, SERVER_ERROR, TIMED_OUT
from emulator.frontdoors.rest_event import Routed, build_event, trace_header
from emulator.frontdoors.rest_response import read_answer
from emulator.model import HttpReply, Invoker, Outcome

LAMBDA_LIMIT = 6_291_456  # bytes of an Invoke payload; the gateway's own 10 MB limit comes before
INIT_LIMIT_S = 10.0  # a cold start may take this long before the function's own timeout starts to run
PRINCIPAL = "apigateway.amazonaws.com"
_log = logging.getLogger(__name__)


class Overrun(Exception):
    """The integration took longer than its limit."""


class LambdaProxy:
    """Runs a routed request through its function.

    timeout_of: the function's timeout in seconds, by ARN; LookupError where there is none. The thread that serves the
    request invokes the function itself; only a function that may outlive the integration's limit is given a thread
    of its own, so that the client hears of the timeout while the function runs on. Without `timeout_of` every one is.
    """

    def __init__(
        self, invoker: Invoker, clock: Clock, account: str, timeout_of: Callable[[str], float] | None = None,
    ) -> None:
        self._invoker, self._clock, self._account, self._timeout_of = invoker, clock, account, timeout_of

    def __call__(self, routed: Routed) -> HttpReply:
        integration = routed.route.integration
        if integration is None or integration.http_method != "POST" or not integration.function:
            return SERVER_ERROR
        event = build_event(routed, self._account)
        if len(event) > LAMBDA_LIMIT:
            return EVENT_TOO_LONG
        arn = integration.function_arn(routed.stage.variables)
        try:
            outcome = self._within(integration.timeout_s, arn, event, trace_header(routed))
        except LookupError as error:  # Lambda answered 404: the gateway's client hears no more than this
            _log.warning("%s: no function to invoke: %s", routed.route.resource, error)
            return SERVER_ERROR
        except Overrun:
            return TIMED_OUT
        return self._reply(outcome, routed)

    def _within(self, limit_s: float, arn: str, event: bytes, trace: str) -> Outcome:
        started = self._clock.monotonic()
        if self._may_outlive(limit_s, arn):
            outcome = _in_own_thread(lambda: self._invoke(arn, event, trace), limit_s)
        else:
            outcome = self._invoke(arn, event, trace)
        if self._clock.monotonic() - started + outcome.virtual_s > limit_s:
            raise Overrun
        return outcome

    def _may_outlive(self, limit_s: float, arn: str) -> bool:
        return self._timeout_of is None or self._timeout_of(arn) + INIT_LIMIT_S > limit_s

    def _invoke(self, arn: str, event: bytes, trace: str) -> Outcome:
        function, qualifier = split_arn(arn)
        return self._invoker.invoke(
            function, event, "apigateway", qualifier=qualifier, caller=PRINCIPAL, trace_id=trace,
        )

    def _reply(self, outcome: Outcome, routed: Routed) -> HttpReply:
        if outcome.status != "ok":
            return BY_OUTCOME.get(outcome.status, BAD_GATEWAY)
        reply = read_answer(
            outcome.payload, routed.request.by_name.get("accept", ""), routed.stage.api.binary_types,
        )
        if reply is BAD_GATEWAY or reply is SERVER_ERROR:
            return reply
        return HttpReply(reply.status, (*reply.headers, ("X-Amzn-Trace-Id", trace_header(routed))), reply.body)


@lru_cache(maxsize=1024)
def split_arn(arn: str) -> tuple[str, str]:
    """A function's ARN without its qualifier, and the qualifier or ''."""
    parts = arn.split(":")
    return ":".join(parts[:7]), parts[7] if len(parts) > 7 else ""


def _in_own_thread(work: Callable[[], Outcome], limit_s: float) -> Outcome:
    result: Future[Outcome] = Future()

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, name="apigateway-integration", daemon=True).start()
    if not wait([result], limit_s).done:
        result.add_done_callback(_report)
        raise Overrun
    return result.result()


def _report(late: Future[Outcome]) -> None:
    """Nobody waits for it any more: what it raised must still be seen."""
    if error := late.exception():
        _log.error("an invocation whose client had its 504 already ended in %r", error)
