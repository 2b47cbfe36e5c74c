"""What a failing test prints: what struck, the log of each invocation, and the line that replays it."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from emulator.pytest_plugin.verbs import PytestRig
    from emulator.timeline import Event

PACKAGE = Path(__file__).parents[1]
LINES, WIDTH, INVOCATIONS = 30, 500, 10  # of a log; of a line; the last so many
SEEN = pytest.StashKey[dict[str, int]]()
_CALL = re.compile(r"(?P<invocation>[^/]+/inv-\d+)/(?P<call>.+)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """A failing test says what happened in its rig."""
    from emulator.pytest_plugin.rigs import USE

    use = item.stash.get(USE, None)
    if use is not None and call.excinfo is not None and not item.config.getoption("fulltrace"):
        _leave_out_own_frames(call.excinfo)
    report = yield
    if use is not None and report.failed:
        use.failed = True
        report.sections.append(("lambdarig", use.said or about(item, use.rig)))
    if report.failed and "make_rig" in getattr(item, "fixturenames", ()):
        for number, (rig, since) in enumerate(_made(item), 1):
            report.sections.append((f"lambdarig, rig {number} of make_rig", "\n".join(happened(rig, since))))
    return report


def _leave_out_own_frames(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """Where a rule never struck, or a person wrote something wrong, the line that says so is the person's own."""
    from emulator.errors import UsageError, Verdict

    if isinstance(excinfo.value, UsageError | Verdict):
        theirs = [frame for frame in _frames(excinfo.tb) if not _ours(Path(frame.tb_frame.f_code.co_filename))]
        for frame, following in zip(theirs, (*theirs[1:], None), strict=True):
            frame.tb_next = following


def _frames(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next


def _ours(path: Path) -> bool:
    return path.is_relative_to(PACKAGE) or path == Path(contextlib.__file__)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Rigs of the session remember what other tests did."""
    if "make_rig" in getattr(item, "fixturenames", ()):
        item.stash[SEEN] = {rig.id: max((e.seq for e in rig.timeline.events()), default=0) for rig, _ in _made(item)}


def _made(item: pytest.Item) -> list[tuple[PytestRig, int]]:
    """The rigs that `make_rig` has made, each with the number of its last event before the test."""
    from emulator.pytest_plugin.rigs import RIGS

    seen = item.stash.get(SEEN, {})
    return [(rig, seen.get(rig.id, 0)) for rig in item.config.stash[RIGS].made]


def about(item: pytest.Item, rig: PytestRig) -> str:
    """Everything that helps to see why, and to see it again."""
    return "\n".join([*happened(rig), *_muted(rig), f"seed {rig.settings.seed}", replay(item, rig)])


def _muted(rig: PytestRig) -> Iterator[str]:
    """Labels of `--rig-without`: a typo there would let a rule strike that is thought to be muted."""
    for label in rig.settings.without:
        yield f"{label} was muted" if label in rig.injector.labels else f"--rig-without: no rule {label!r} was armed"


def happened(rig: PytestRig, since: int = 0) -> list[str]:
    """What struck, and the logs. since: the number of an event; those after it count."""
    struck = [struck_line(event) for event in rig.timeline.strikes() if event.seq > since]
    return [*(struck or ["no rule struck"]), *(line for shown in _logs(rig, since) for line in shown)]


def struck_line(event: Event) -> str:
    """`aws_denied struck secretsmanager.GetSecretValue#1 of crm/inv-1: AccessDeniedException`."""
    found = _CALL.fullmatch(event.subject)
    what = f"{found['call']} of {found['invocation']}" if found else f"{event.point} of {event.subject}"
    return f"{event.rule} struck {what}: {event.outcome}" + (f" ({event.detail})" if event.detail else "")


def replay(item: pytest.Item, rig: PytestRig) -> str:
    """The line that runs this test again, alone."""
    _, separator, name = item.nodeid.partition("::")
    file = os.path.relpath(item.path, item.config.invocation_params.dir)  # a node's id begins at the root folder
    options = ["--rig-engine", rig.engine.name, "--rig-seed", str(rig.settings.seed)]
    if without := rig.settings.without:
        options += ["--rig-without", ",".join(without)]
    return f"replay it: {shlex.join(('pytest', file + separator + name, *options))}"


def _logs(rig: PytestRig, since: int) -> Iterator[list[str]]:
    """A block of lines for each of the last invocations, in the order they were made."""
    made = list(dict.fromkeys(event.subject for event in rig.timeline.events(since) if event.point == "invoke"))
    if not made:
        return
    lines = _by_request(rig)
    if len(made) > INVOCATIONS:
        yield [f"(the logs of {len(made) - INVOCATIONS} earlier invocations are left out)"]
    for invocation in made[-INVOCATIONS:]:
        from emulator.functions.service import stable_uuid

        found = lines.get(stable_uuid(f"{rig.settings.seed}/{invocation}"), [])
        left_out = len(found) - LINES
        title = f"--- log of {invocation}" + (f": the last {LINES} of {len(found)} lines" if left_out > 0 else "")
        yield [title, *map(_short, found[-LINES:])] if found else [f"--- {invocation} logged nothing"]


def _by_request(rig: PytestRig) -> dict[str, list[str]]:
    """Request id -> its lines, from START to the next START of the same environment."""
    rig.logs.flush()
    groups = rig.backend.models("logs", rig.settings.region).groups
    found: dict[str, list[str]] = {}
    for group in [group for group in groups.values() if group.name.startswith("/aws/lambda/")]:
        for stream in group.streams.values():
            lines = [line for event in stream.events for line in event.message.rstrip("\n").split("\n")]
            _share_out(lines, found)
    return found


def _share_out(lines: list[str], found: dict[str, list[str]]) -> None:
    """What comes before the first START is its initialisation's."""
    waiting: list[str] = []
    at = waiting
    for line in lines:
        if line.startswith("START RequestId: "):
            at = found.setdefault(line.split()[2], [])
            at += waiting
            waiting.clear()
        at.append(line)


def _short(line: str) -> str:
    return line if len(line) <= WIDTH else f"{line[:WIDTH]}... ({len(line) - WIDTH:,} characters are left out)"
