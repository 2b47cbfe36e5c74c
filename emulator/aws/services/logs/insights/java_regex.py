"""A regular expression as Insights takes it (Java's), for Python's `re`."""

from __future__ import annotations

import re
from collections.abc import Iterator

_PARTS = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\(\?<(?=[A-Za-z])|\(\?([imsx]+)\)|\(|\)|.", re.DOTALL)


def translate(pattern: str) -> re.Pattern[str]:
    """Named groups `(?<name>`, and flags that hold from where they stand; re.error for what Python cannot do."""
    try:
        return re.compile("".join(_parts(pattern)))
    except (OverflowError, RecursionError) as error:
        raise re.error(str(error)) from None


def _parts(pattern: str) -> Iterator[str]:
    """`a(?i)b` is `a(?i:b)`: the group that flags open ends where the group around it does."""
    opened = [0]
    for found in _PARTS.finditer(pattern):
        part = found[0]
        if found[1]:
            opened[-1] += 1
            yield f"(?{found[1]}:"
            continue
        if part == ")":
            yield ")" * opened.pop() if len(opened) > 1 else ""
        elif part.startswith("("):
            opened.append(0)
        yield "(?P<" if part == "(?<" else part
    yield ")" * sum(opened)
