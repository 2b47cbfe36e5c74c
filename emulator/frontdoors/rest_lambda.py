"""Lambda proxy integrations of a REST API: one invoke, never retried, against the integration's time limit."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import lru_cache

from emulator.clock import Clock
from emulator.frontdoors import refusals
from emulator.frontdoors.refusals import Refusal
from emulator.frontdoors.rest_event import Routed, build_event, trace_header
from emulator.frontdoors.rest_response import read_answer
from emulator.frontdoors.rest_trail import Endpoint, Trail
from emulator.model import HttpReply, Invoker, Outcome

LAMBDA_LIMIT = 6_291_456  # bytes of an Invoke payload; the gateway's own 10 MB limit comes before
INIT_LIMIT_S = 10.0  # a cold start may take this long before the function's own timeout starts to run
PRINCIPAL = "apigateway.amazonaws.com"
Permits = Callable[[Routed, str], bool]
_log = logging.getLogger(__name__)


class Overrun(Exception):
    """The integration took longer than its limit."""


class Unanswered(Exception):
    """The connection to Lambda ended without an answer."""


class LambdaProxy:
    """Runs a routed request through its function.

    timeout_of: the function's timeout in seconds, by ARN; LookupError where there is none. The thread that serves the
    request invokes the function itself; only a function that may outlive the integration's limit is given a thread
    of its own, so that the client hears of the timeout while the function runs on. Without `timeout_of` every one is.
    permits(routed, function's ARN): whether Lambda lets API Gateway in; without it, always.
    """

    def __init__(
        self, invoker: Invoker, clock: Clock, account: str, timeout_of: Callable[[str], float] | None = None,
        permits: Permits | None = None,
    ) -> None:
        self._invoker, self._clock, self._account, self._timeout_of = invoker, clock, account, timeout_of
        self._permits = permits

    def __call__(self, routed: Routed, trail: Trail) -> HttpReply:
        integration = routed.route.integration
        if integration is None or not integration.function:
            return refusals.BAD_ENDPOINT
        event = build_event(routed, self._account)
        if len(event) > LAMBDA_LIMIT:
            return refusals.EVENT_TOO_LONG
        arn = integration.function_arn(routed.stage.variables)
        trail.endpoint = Endpoint(arn, event, self._clock.wall())
        allowed = integration.http_method == "POST" and (self._permits is None or self._permits(routed, arn))
        if not allowed:  # only POST is Invoke
            return refusals.NOT_PERMITTED
        try:
            return self._reply(self._within(integration.timeout_s, arn, trail.endpoint, routed), routed)
        except LookupError as error:  # no function is no permission either: AWS says no more than that
            _log.warning("%s: no function to invoke: %s", routed.route.resource, error)
            return refusals.NOT_PERMITTED
        except Overrun:
            trail.endpoint.latency_ms = round(integration.timeout_s * 1000)
            return refusals.TIMED_OUT
        except Unanswered:
            return refusals.UNREACHED

    def _within(self, limit_s: float, arn: str, endpoint: Endpoint, routed: Routed) -> Outcome:
        started, trace = self._clock.monotonic(), trace_header(routed)
        if self._may_outlive(limit_s, arn):
            outcome = _in_own_thread(lambda: self._invoke(arn, endpoint.event, trace), limit_s)
        else:
            outcome = self._invoke(arn, endpoint.event, trace)
        took = self._clock.monotonic() - started + outcome.virtual_s
        if took > limit_s:
            raise Overrun
        endpoint.received, endpoint.latency_ms = self._clock.wall(), round(took * 1000)
        if outcome.status == "lost":
            raise Unanswered
        endpoint.outcome = outcome
        return outcome

    def _may_outlive(self, limit_s: float, arn: str) -> bool:
        return self._timeout_of is None or self._timeout_of(arn) + INIT_LIMIT_S > limit_s

    def _invoke(self, arn: str, event: bytes, trace: str) -> Outcome:
        function, qualifier = split_arn(arn)
        return self._invoker.invoke(
            function, event, "apigateway", qualifier=qualifier, caller=PRINCIPAL, trace_id=trace,
        )

    def _reply(self, outcome: Outcome, routed: Routed) -> HttpReply:
        if outcome.status == "throttled":
            return refusals.throttled(outcome.request_id)
        if outcome.status != "ok":
            return refusals.function_error(outcome.payload, outcome.request_id)
        reply = read_answer(
            outcome.payload, routed.request.by_name.get("accept", ""), routed.stage.api.binary_types,
        )
        if isinstance(reply, Refusal):
            return reply
        return HttpReply(reply.status, (*reply.headers, ("X-Amzn-Trace-Id", trace_header(routed))), reply.body)


def source_arn(routed: Routed, account: str) -> str:
    """What a function's permission names: the method and resource as declared (seen: `ID/Test/ANY/{resource+}`)."""
    stage, route = routed.stage, routed.route
    what = f"{stage.name}/{route.http_method}{route.resource}"
    return f"arn:aws:execute-api:{stage.api.region}:{account}:{stage.api.id}/{what}"


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
