"""All checks, in the order in which AppFlow comes to ask: each learns what the next ones need."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from emulator.connector_check import (
    configuration,
    credentials,
    definitions,
    entities,
    limits,
    misuse,
    query,
    query_filter,
    query_wrong,
    retrieve,
    settings,
    write,
    write_wrong,
)
from emulator.connector_check.hearing import Ask, Heard
from emulator.connector_check.talk import Check, Known, Problem, Skipped, Talk

CHECKS: tuple[Check, ...] = (
    *configuration.CHECKS, *credentials.CHECKS, *settings.CHECKS, *entities.CHECKS, *definitions.CHECKS, *query.CHECKS,
    *query_filter.CHECKS, *query_wrong.CHECKS, *retrieve.CHECKS, *write.CHECKS, *write_wrong.CHECKS, *misuse.CHECKS,
    *limits.CHECKS,
)  # fmt: skip
SHOWN = 2000  # characters of what a function answered


@dataclass(frozen=True)
class Result:
    """What came of a check. status: ok, failed or skipped. remark: why skipped, or what is worth knowing all the same.
    heard: what was asked and came: where the first problem arose, else last."""

    check: Check
    status: str
    problems: tuple[Problem, ...] = ()
    remark: str = ""
    heard: Heard | None = None
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        heard = self.heard
        return {
            "id": self.check.id, "request": self.check.kind, "about": self.check.about, "status": self.status,
            "problems": [{"field": p.field, "why": p.why, "mend": p.mend} for p in self.problems],
            "remark": self.remark, "seconds": round(self.seconds, 3), "sent": heard.request if heard else None,
            "came": _short(heard.body) if heard else None, "cause": heard.cause if heard else "",
        }


def run(
    ask: Ask, known: Known, write: bool = False, only: Collection[str] = (), without: Collection[str] = (),
    begun: Callable[[Check], None] = lambda check: None,
) -> Iterator[Result]:
    """Check after check. write: those too that alter the system of record. only, without: ids; what others need to
    know is asked for all the same, and told only where it failed and one of them is skipped: else its reason would be
    hidden. begun: hears of each before it asks."""
    untold: list[Result] = []
    wanted = [check for check in CHECKS if (not only or check.id in only) and check.id not in without]
    last = CHECKS.index(wanted[-1]) + 1 if wanted else 0
    for check in CHECKS[:last]:
        told = check in wanted
        if not told and check.id not in LEARNED:
            continue
        if told:
            begun(check)
        result = _one(check, Talk(ask, known), write)
        if told:
            if result.status == "skipped":
                yield from untold
                untold.clear()
            yield result
        elif result.status == "failed" and check.id not in without:
            untold.append(result)


LEARNED = ("configuration", "credentials", "entities", "entity", "query")


def _one(check: Check, talk: Talk, write: bool) -> Result:
    if check.needs and check.needs not in talk.known.modes():
        return Result(check, "skipped", remark=f"connectorModes does not name {check.needs}")
    if check.writes and not write:
        return Result(check, "skipped", remark="it would write to the real system of record: say --write")
    try:
        talk.run(check.act)
    except Skipped as reason:
        return Result(check, "skipped", remark=str(reason))
    heard = next((p.heard for p in talk.problems if p.heard), talk.heard[-1] if talk.heard else None)
    seconds = sum(one.seconds for one in talk.heard)
    status = "failed" if talk.problems else "ok"
    return Result(check, status, tuple(talk.problems), talk.remark, heard, seconds)


def _short(body: Any) -> Any:
    """Whole where it is small."""
    text = json.dumps(body)
    return body if len(text) <= SHOWN else text[:SHOWN] + f"... ({len(text)} characters)"
