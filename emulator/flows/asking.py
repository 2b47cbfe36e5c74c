"""A connector as a run of a flow asks it: again when it says when, once more with new credentials, not when canceled.

How often AppFlow tries again is not documented; the numbers are ours.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from emulator.flows.plan import Canceled
from emulator.frontdoors.appflow import DATA_LIMIT_S, ConnectorCalls, ConnectorError, Context
from emulator.injector import Injector
from emulator.model import Reply, Subject

RETRIES = 3  # of one request that the connector wants to have later
LONGEST_S = 86_400  # that it may want to have it later by
_LATER = ("RateLimitExceeded", "ServiceUnavailable")
R = TypeVar("R", bound=Reply)
S = TypeVar("S", bound=Subject)


@dataclass(frozen=True)
class Asking:
    """One run's way to its connector. run: its readable name, `FLOW/run-1`. renew: gets new credentials into the
    profile's secret, False where there are none to be had."""

    calls: ConnectorCalls
    injector: Injector
    lambda_arn: str
    entity: str
    context: Context
    run: str
    canceled: threading.Event
    renew: Callable[[], bool]

    @property
    def flow(self) -> str:
        return self.context.flow_name or ""

    @property
    def function(self) -> str:
        """The connector's name, without a version."""
        return self.lambda_arn.split(":")[6]

    def through(self, point: str, subject: S, send: Callable[[S], R]) -> R:
        """Past the point to the connector, as often as it takes. Raises ConnectorError, Canceled."""
        retries, renewed = 0, False
        while True:
            if self.canceled.is_set():
                raise Canceled
            try:
                return self._once(point, subject, send)
            except ConnectorError as error:
                if error.error_code == "InvalidCredentials" and not renewed and self.renew():
                    renewed = True
                    self._note(subject, "credentials_renewed")
                elif (pause := _pause(error)) is not None and retries < RETRIES:
                    retries += 1
                    self._note(subject, "retry_waits", f"{pause:g} s")
                    clock = self.injector.clock
                    clock.reach(clock.now() + pause)
                else:
                    raise

    def _once(self, point: str, subject: S, send: Callable[[S], R]) -> R:
        passage = self.injector.pass_through(point, subject, send, quiet=True)
        if passage.delayed > DATA_LIMIT_S:
            kind = "WriteData" if point == "write" else "QueryData"
            late = f"answered after {passage.delayed:.1f} s; AppFlow waits {DATA_LIMIT_S:g} s"
            raise self.calls.refused(self.lambda_arn, kind, late)
        return passage.reply

    def _note(self, subject: Subject, outcome: str, detail: str = "") -> None:
        self.injector.timeline.record(subject.id, "flow", "", outcome, detail)


def _pause(error: ConnectorError) -> float | None:
    """Seconds of rig time after which the connector wants to be asked again; None where it does not say so."""
    details = getattr(error.answer, "errorDetails", None)
    seconds = getattr(details, "retryAfterSeconds", None)
    if error.error_code not in _LATER or seconds is None or seconds > LONGEST_S:
        return None
    return max(0.0, float(seconds))
