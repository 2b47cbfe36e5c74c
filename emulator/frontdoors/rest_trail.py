"""What became of a request at a REST API, step by step: the logs are written from this and from nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass

from emulator.frontdoors.rest_event import Arrived, Routed
from emulator.model import Outcome


@dataclass(frozen=True)
class Check:
    """Authentication or authorization: `$context.authenticate.*`, `$context.authorize.*`. error: empty when passed."""

    status: int
    latency_ms: int
    error: str = ""


@dataclass
class Endpoint:
    """A call of Lambda. function: ARN with its qualifier. sent, received: seconds since the epoch. latency_ms: with
    virtual seconds. outcome: None where Lambda did not run it, not in
    time, or its answer was lost."""

    function: str
    event: bytes
    sent: float
    received: float = 0.0
    latency_ms: int = 0
    outcome: Outcome | None = None

    @property
    def status(self) -> int | None:
        """HTTP status of Lambda's answer: 200 also when the function failed."""
        if self.outcome is None:
            return None
        return 429 if self.outcome.status == "throttled" else 200

    @property
    def payload(self) -> bytes:
        """Body of Lambda's answer."""
        if self.outcome is None or self.status == 200:
            return self.outcome.payload if self.outcome else b""
        members = {"Reason": self.outcome.reason, "Type": "User", "message": "Rate Exceeded."}
        return json.dumps(members, separators=(",", ":")).encode()


@dataclass
class Trail:
    """started: monotonic seconds at which the request came. routed: None while no route is found. admitted: let in by
    the API's authorization, from where on the execution log tells of it. executing: past usage plan and API key.
    delayed: virtual seconds that faults at the request's point added."""

    arrived: Arrived
    started: float
    routed: Routed | None = None
    authenticate: Check | None = None
    authorize: Check | None = None
    admitted: bool = False
    executing: bool = False
    endpoint: Endpoint | None = None
    delayed: float = 0.0
