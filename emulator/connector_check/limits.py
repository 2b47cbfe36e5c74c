"""What AppFlow waits for and takes, and whether it may ask at all: judged by all that came before."""

from __future__ import annotations

from emulator.connector_check.hearing import DATA, Heard
from emulator.connector_check.talk import Check, Talk, check
from emulator.frontdoors.appflow import ANSWER_LIMIT, DATA_LIMIT_S, LIMIT_S

ALL = "(any)"


def _limit(kind: str) -> float:
    return DATA_LIMIT_S if kind in DATA else LIMIT_S


@check("permission", ALL, "the function's policy lets appflow.amazonaws.com invoke it")
def permission(talk: Talk) -> None:
    if talk.known.permitted is None:
        talk.skip("the rig made the function, and the permission with it")
    if not talk.known.permitted:
        talk.wrong(
            "(the function's policy)", "no statement lets appflow.amazonaws.com invoke it: AccessDeniedException",
            "lambda add-permission --principal appflow.amazonaws.com --action lambda:InvokeFunction",
        )


@check("time-limits", ALL, "a cold start and the slowest answer fit into 10 s, and into 30 s for data")
def time_limits(talk: Talk) -> None:
    answered = [one for one in talk.known.heard if one.status]
    cold = max((one.init_s for one in answered if one.init_s is not None), default=None)
    slowest: dict[str, Heard] = {}
    for one in answered:
        if one.kind not in slowest or _warm(one) > _warm(slowest[one.kind]):
            slowest[one.kind] = one
    for kind, one in slowest.items():
        if (total := (cold or 0.0) + _warm(one)) > _limit(kind):
            talk.wrong(
                "(time)", f"{kind}: {_warm(one):.1f} s, after a cold start of {cold or 0.0:.1f} s {total:.1f} s in "
                f"all; AppFlow waits {_limit(kind):g} s",
                "import less when starting, do less in one request, or take more memory, which is more CPU",
            )
    if late := [one for one in talk.known.heard if any("AppFlow waits" in p or "runs on" in p for p in one.problems)]:
        talk.wrong("(time)", f"{late[0].kind}: {late[0].problems[0]}", "see the check in which it was asked")
    if not answered:
        talk.skip("nothing was answered")
    worst = max(slowest.values(), key=_warm)
    begun = "not seen: it was warm" if cold is None else f"{cold:.2f} s"
    talk.remark = f"cold start {begun}; slowest {worst.kind}, {_warm(worst):.2f} s"
    if talk.known.timeout_s is not None and talk.known.timeout_s < DATA_LIMIT_S:
        talk.remark += f"; the function's own timeout is {talk.known.timeout_s:g} s, AppFlow would wait 30 s for data"


def _warm(one: Heard) -> float:
    return max(0.0, one.seconds - (one.init_s or 0.0))


@check("size-limit", ALL, "no answer has more than 6 MB")
def size_limit(talk: Talk) -> None:
    answered = [one for one in talk.known.heard if one.status]
    if not answered:
        talk.skip("nothing was answered")
    biggest = max(answered, key=lambda one: one.size)
    for one in answered:
        if one.size > ANSWER_LIMIT or one.status == "too_large":
            why = f"{one.kind} answered more than the {ANSWER_LIMIT} bytes that AppFlow takes"
            talk.stop("(size)", why, "give fewer records in a page, whatever maxResults says, and a nextToken")
    talk.remark = f"biggest: {biggest.kind}, {biggest.size} bytes"


@check("survival", ALL, "the function lives through everything asked: no timeout, no crash, enough memory")
def survival(talk: Talk) -> None:
    if not talk.known.heard:
        talk.skip("nothing was asked")
    for one in talk.known.heard:
        if one.status in ("timeout", "crash", "oom", "init_error"):
            why = f"{one.kind} ended in {one.status}" + (f": {one.cause}" if one.cause else "")
            talk.stop("(the function)", why, "see the check in which it was asked")
    if used := max(one.memory_mb for one in talk.known.heard):
        talk.remark = f"most memory used: {used} MB"


CHECKS: tuple[Check, ...] = (permission, time_limits, size_limit, survival)
