"""Why a rule never struck, as far as the record tells: the first thing to ask when it is a typo in `match`."""

from __future__ import annotations

import re

from emulator.injector import Armed
from emulator.timeline import Timeline

SHOWN = 3  # of what passed
RUNS = {"query", "write"}  # points of runs of flows, which are recorded as they end
_NOBODYS = re.compile(r"[^/]+/conn-\d+")  # a connection that nobody knows the environment of


def why(armed: Armed, timeline: Timeline) -> str:
    """`it strikes where operation is PutSecretValue; what passed last: crm/inv-1/secretsmanager.GetSecretValue#1`."""
    if matched := sum(armed.seen.values()):
        return f"of what it matches {matched} passed, {_spared(armed)}"
    fields = {key: value for key, value in vars(armed.rule.where).items() if value is not None}
    where = " and ".join(f"{key} is {value}" for key, value in fields.items())
    first = f"it strikes where {where}" if where else "nothing passed that it changes"
    return first + (_nobodys(armed, timeline) or _others(armed, timeline))


def _spared(armed: Armed) -> str:
    when = armed.rule.when
    return "and its `when` lets that be" if when.after or when.every > 1 or when.probability < 1 else "unchanged"


def _nobodys(armed: Armed, timeline: Timeline) -> str:
    """Connections of which nobody knows the environment do not go on with one."""
    made = [e.subject for e in timeline.events() if e.point == "connect" and _NOBODYS.fullmatch(e.subject)]
    if not made or "resume" not in armed.rule.fault.points():
        return ""
    return (f"; which environment {made[-1]} belongs to is unknown, so that nobody sees when it goes on: "
            "the inline engine cannot tell, nor the process engine without namespaces")


def _others(armed: Armed, timeline: Timeline) -> str:
    """What passed where it strikes since it was armed; nothing of points of which only strikes are recorded, but of
    flows the runs."""
    points, since = set(armed.rule.fault.points()), round(armed.since, 6)
    points |= {"flow"} if points & RUNS else set()
    passed = [e.subject for e in timeline.events() if e.point in points and e.at >= since]
    return f"; what passed last: {', '.join(passed[-SHOWN:])}" if passed else ""
