"""Where a rule strikes (`Match`) and when (`When`). No I/O, no state: counts are handed in."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Match:
    """Every field given must fit the subject; `*` and `?` are wildcards. What a subject has not fits nothing, not `*`.

    function: name of the function whose environment or invocation it is.
    service, operation: AWS signing name and operation, e.g. `secretsmanager` and `GetSecretValue`.
    resource: the AWS resource the call names, as an ARN where the rig knows it; for an invocation the function's ARN,
    with the version or alias that it was invoked by.
    route: `GET /orders/{id}` at API Gateway.
    origin: who invoked: `lambda`, `apigateway`, `appflow`, `event`; for an AWS call `function` or `client`.
    caller: ARN of the caller; of a request to a SaaS host the AWS service that makes it (`appflow.amazonaws.com`).
    host: SaaS host name, or relay name for a database connection.
    flow, entity: name of the AppFlow flow, and of what it reads from or writes to its connector.
    """

    function: str | None = None
    service: str | None = None
    operation: str | None = None
    resource: str | None = None
    route: str | None = None
    origin: str | None = None
    caller: str | None = None
    host: str | None = None
    flow: str | None = None
    entity: str | None = None

    def fits(self, attributes: Mapping[str, str]) -> bool:
        """True when every field that is set fits `attributes` (a subject's own words for itself)."""
        for field, pattern in vars(self).items():
            if pattern is not None and not _like(attributes.get(field, ""), pattern):
                return False
        return True

    def over(self, other: Match) -> Match:
        """This match, with `other`'s values where this one says nothing."""
        return Match(**{k: v if (v := getattr(self, k)) is not None else getattr(other, k) for k in MATCH_KEYS})


def _like(value: str, pattern: str) -> bool:
    """`[` means itself: fnmatch would begin a set of characters."""
    if "*" in pattern or "?" in pattern:
        return bool(value) and fnmatchcase(value, pattern.replace("[", "[[]"))
    return bool(value) and value == pattern


@dataclass(frozen=True)
class When:
    """Which of the matching subjects are struck. Only those that come while the rule is on are counted, and whoever it
    has no effect on, when it is his turn, leaves it to the next.

    after: let this many pass first. every: of the rest only every n-th. times: of those only so many (None: all).
    probability: 0..1, drawn for each of those from the seed. between: on only `(from, to)` rig seconds after arming.
    ttl: off so many rig seconds after arming. per: count over the whole `run`, per `function`, or per `invocation`
    (what happens outside any is counted by where it happens).
    """

    after: int = 0
    times: int | None = None
    every: int = 1
    between: tuple[float, float] | None = None
    probability: float = 1.0
    ttl: float | None = None
    per: str = "run"

    def on(self, age: float) -> bool:
        """`age`: rig seconds since the rule was armed."""
        begin, end = self.between or (0.0, math.inf)
        return begin <= age < end and (self.ttl is None or age < self.ttl)

    @property
    def end(self) -> float:
        """The age from which it is off for good."""
        return min(math.inf if self.ttl is None else self.ttl, self.between[1] if self.between else math.inf)

    def strikes(self, index: int, dice: random.Random) -> bool:
        """`index`: 0 for the first matching subject in its count."""
        turn, rest = divmod(index - self.after, self.every)
        if index < self.after or rest or (self.times is not None and turn >= self.times):
            return False
        return self.probability >= 1.0 or dice.random() < self.probability


PER = ("function", "invocation", "run")
MATCH_KEYS = tuple(field.name for field in fields(Match))
WHEN_KEYS = tuple(field.name for field in fields(When))
