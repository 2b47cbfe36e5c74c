"""Why a function failed, from its log: AppFlow shows none of it, and the connector SDK for Python not even Lambda the
cause, only "Exception while processing the request"."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile

HIDING = "Exception while processing the request"  # what AWS's connector SDKs raise, whatever went wrong
_BEGIN = "Traceback (most recent call last)"
_ERROR = "[ERROR] "
_FRAME = re.compile(r'^\s+File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>.+)$')
_RAISED = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<text>.*))?$")
_LIBRARY = re.compile(r"/(site-packages|dist-packages|custom_connector_sdk|python\d\.\d+|runtime)/")
_NAMED = re.compile(
    r"Task timed out after [\d.]+ seconds|Runtime\.\w+.*|signal: killed|(?:Runtime|Function)\w*Error: .*|"
    r"Unable to import module .*|INIT_REPORT .*Status: \w+.*"
)


def cause(log: str) -> str:
    """`KeyError: 'apiKey' (crm.py, line 52, in get)`; empty where the log does not say."""
    found = list(_raised(log))
    for text in found:
        if HIDING not in text:
            return text
    named = _NAMED.search(log)
    return named[0].strip() if named else ""


def _raised(log: str) -> Iterator[str]:
    """What was raised at the end of each traceback, in order: the first one of a chain is where it began."""
    lines = re.split(r"\r\n|[\r\n]", log)
    for start in (number for number, line in enumerate(lines) if _BEGIN in line):
        below = list(takewhile(lambda line: line[:1].isspace() or not line, lines[start + 1 :]))
        frames = [frame for line in below if (frame := _FRAME.match(line))]
        last = "".join(lines[start + 1 + len(below) :][:1])
        above = lines[start - 1].removeprefix(_ERROR) if start and lines[start - 1].startswith(_ERROR) else ""
        raised = last if _RAISED.match(last) else above  # Lambda's client writes it above the traceback
        if raised:
            yield raised + _place(frames)


def _place(frames: list[re.Match[str]]) -> str:
    """The last of them that is the connector's own."""
    own = [frame for frame in frames if not _LIBRARY.search(frame["file"])] or frames
    if not own:
        return ""
    last = own[-1]
    return f" ({last['file'].rpartition('/')[2]}, line {last['line']}, in {last['name']})"
