"""CloudWatch Logs filter patterns: `ERROR -retry`, `{ $.level = "error" }`, `[ip, ..., status = 5*]`.

The language is AWS's page "Filter pattern syntax"; refusals are AWS's sentences as people report them. A term, bare or
quoted, is a substring of the message (AWS's page has `ERROR` find `ERRORCODE`); nothing is case-insensitive.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from emulator.aws.services.logs import filter_tests as tests
from emulator.aws.services.logs.filter_tests import InvalidPattern as InvalidPattern

Matcher = Callable[[str], bool]
CLOSING = {"{": "}", "[": "]"}
LANGUAGES = {"{": "json", "[": "fields"}
MAX_REGEXES = 2
_FIELD = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
_STRANGE = re.compile(r"[^\w\s]+")
_STRUCTURE = '{}[]()"=<>%'


def matcher(pattern: str) -> Matcher:
    """message -> whether it matches; InvalidPattern with AWS's sentence when the pattern is none."""
    return _compiled(pattern.strip())


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Matcher:
    if not pattern:
        return lambda message: True
    closing = CLOSING.get(pattern[0])
    if closing and (len(pattern) < 2 or pattern[-1] != closing):
        raise InvalidPattern(f"If a filter pattern starts with '{pattern[0]}' it must end with '{closing}'")
    language = LANGUAGES.get(pattern[0], "terms")
    tree = _parsed(pattern, language)
    if sum(1 for _ in tree.find_data("regex")) > MAX_REGEXES:
        raise InvalidPattern("Invalid filter pattern")
    return _BUILD[language](tree)


def _parsed(pattern: str, language: str) -> Any:
    from lark.exceptions import UnexpectedInput

    try:
        return _parser().parse(pattern, start=language)
    except UnexpectedInput as error:
        raise _refusal(pattern, language, error.pos_in_stream) from None


@lru_cache(maxsize=1)
def _parser() -> Any:
    from lark import Lark

    return Lark.open("filter_pattern.lark", rel_to=__file__, parser="lalr", start=["terms", *LANGUAGES.values()])


def _refusal(pattern: str, language: str, position: int | None) -> InvalidPattern:
    """AWS names the characters where they are the trouble, and only says `Invalid filter pattern` elsewhere."""
    strange = _STRANGE.match(pattern, position) if position is not None and position >= 0 else None
    if not strange or (language != "terms" and strange[0][0] in _STRUCTURE):
        return InvalidPattern("Invalid filter pattern")
    return InvalidPattern(f"Invalid character(s) in term '{strange[0]}'")


def _terms(tree: Any) -> Matcher:
    """Every included term and no excluded one; `?` terms are one of several, and ignored beside others, as AWS says."""
    kinds: dict[str, list[Matcher]] = {"included": [], "excluded": [], "optional": []}
    for term in tree.children:
        kinds[term.data].append(_term(term.children[0]))
    needed, banned, wanted = kinds["included"], kinds["excluded"], kinds["optional"]
    if not needed and not banned:
        return lambda message: any(term(message) for term in wanted)
    if len(needed) == 1 and not banned:
        return needed[0]
    return lambda message: all(term(message) for term in needed) and not any(term(message) for term in banned)


def _term(match: Any) -> Matcher:
    written = str(match.children[0])
    if match.data == "regex":
        found = tests.regex(written)
        return lambda message: found.search(message) is not None
    text = tests.phrase(written) if match.data == "phrase" else written
    return (lambda message: text in message) if text.strip() else (lambda message: True)


def _json(tree: Any) -> Matcher:
    """Of events that are JSON; others never match."""
    wanted = _condition(tree.children[0], lambda test: tests.json_test(test))

    def matches(message: str) -> bool:
        document = tests.document(message)
        return document is not None and wanted(document)

    return matches


def _condition(node: Any, leaf: Callable[[Any], tests.Test]) -> tests.Test:
    """A tree of `any` and `all` over tests as one test."""
    if node.data in ("any", "all"):
        parts, over = [_condition(child, leaf) for child in node.children], any if node.data == "any" else all
        return lambda value: over(part(value) for part in parts)
    return leaf(node)


def _fields(tree: Any) -> Matcher:
    """Words of a message against the fields, one to one; an ellipsis stands for any number of words."""
    wanted = [None if field.data == "ellipsis" else _field(field) for field in tree.children]

    def matches(message: str) -> bool:
        words = [found[1] or found[2] or found[3] or "" for found in _FIELD.finditer(message)]
        reached = {0}
        for field in wanted:
            if field is None:
                reached = set(range(min(reached), len(words) + 1))
            else:
                reached = {at + 1 for at in reached if at < len(words) and field(words[at])}
            if not reached:
                return False
        return len(words) in reached

    return matches


def _field(field: Any) -> tests.Test:
    if field.data != "conditioned":
        return lambda word: True
    names = {str(test.children[0]) for test in _leaves(field.children[0])}
    if len(names) > 1:  # AWS's page once had `[status_code = 4* && bytes > 1000]`; AWS refuses it
        raise InvalidPattern("Invalid filter pattern")
    return _condition(field.children[0], lambda test: tests.value_test(str(test.children[1]), test.children[2]))


def _leaves(node: Any) -> Iterator[Any]:
    if node.data in ("any", "all"):
        for child in node.children:
            yield from _leaves(child)
    else:
        yield node


_BUILD: dict[str, Callable[[Any], Matcher]] = {"terms": _terms, "json": _json, "fields": _fields}
