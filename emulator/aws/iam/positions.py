"""Where the statements stand in a document, as the simulator says it: line and column from 1.

A statement starts where the JSON token before it ended - behind `[`, or behind the previous statement's `}`; one that
stands alone behind its own `{` - and ends behind its `}`. Derived from five answers of AWS (AWS CLI examples,
AdministratorAccess, and two compact policies with one and two statements), all of which it reproduces.
"""

from __future__ import annotations

import json
import re

_SPACE = re.compile(r"[ \t\n\r,:]*")
_DECODER = json.JSONDecoder(parse_int=str)  # of as many digits as there are
Position = dict[str, int]  # Line, Column


def positions(text: str) -> list[tuple[Position, Position]]:
    """(start, end) of every statement, in document order. The document is known to parse."""
    return [(_position(text, start), _position(text, end)) for start, end in _spans(text)]


def _spans(text: str) -> list[tuple[int, int]]:
    """Offsets of the last element named Statement, which is the one that counts."""
    spans: list[tuple[int, int]] = []
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        start = _skip(text, at)
        _, at = _DECODER.raw_decode(text, start)
        if name == "Statement":
            spans = [(start + 1, at)] if text[start] == "{" else _elements(text, start + 1)
        at = _skip(text, at)
    return spans


def _elements(text: str, at: int) -> list[tuple[int, int]]:
    spans = []
    while text[_skip(text, at)] != "]":
        _, end = _DECODER.raw_decode(text, _skip(text, at))
        spans.append((at, end))
        at = end
    return spans


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _position(text: str, offset: int) -> Position:
    lines = re.split(r"\r\n|\r|\n", text[:offset])
    return {"Line": len(lines), "Column": len(lines[-1]) + 1}
