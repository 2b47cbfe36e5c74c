"""IAM's wildcards: only `*` and `?`, across any character. Patterns are kept in fnmatch's form, which has sets too."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache


def glob(text: str) -> str:
    """A pattern written in a policy: `[` means itself there."""
    return text.replace("[", "[[]")


def literal(text: str) -> str:
    """A pattern that matches just this text."""
    return re.sub(r"([*?\[])", r"[\1]", text)


def glob_match(text: str, pattern: str, ignore_case: bool = False) -> bool:
    """Does the whole text match a pattern made by `glob` or `literal`?"""
    return _compiled(pattern, ignore_case).match(text) is not None


@lru_cache(maxsize=8192)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    # The standard library's translation is atomic between stars: no pattern makes it backtrack for long.
    return re.compile(fnmatch.translate(pattern), re.IGNORECASE if ignore_case else 0)
