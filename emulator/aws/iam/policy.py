"""Policy documents as frozen values: JSON text in, statements out, or `PolicyError` in AWS's words.

`parse` takes what the policy language allows wherever policies live: one statement or a list, a string or a list, no
Version (2008-10-17: no policy variables). `validation` adds what IAM demands of the documents it stores.
Texts: recorded on AWS, the JSON one in 2025, the others by moto's contributors from 2019 on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, NoReturn

from emulator.aws.iam.operators import OPERATORS
from emulator.model import AwsError

CURRENT = "2012-10-17"  # the first version with policy variables
VERSIONS = ("2008-10-17", CURRENT)
INVALID_JSON = "This policy contains invalid Json"
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
NO_ACTIONS = "Policy statement must contain actions."

_TOP = {"Version", "Id", "Statement", "Conditions"}
_PAIRS = (("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal"))
_ELEMENTS = {"Sid", "Effect", "Condition"}.union(*_PAIRS)
_PRINCIPALS = ("AWS", "Service", "Federated", "CanonicalUser")


class PolicyError(ValueError):
    """A document AWS refuses; `answer` is MalformedPolicyDocument with AWS's text."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def answer(self) -> AwsError:
        return AwsError("MalformedPolicyDocument", self.message)


class PolicyType(str, Enum):
    """The kinds of policy that take part in a decision."""

    IDENTITY = "identity"
    RESOURCE = "resource"
    TRUST = "trust"
    BOUNDARY = "boundary"
    SESSION = "session"
    SCP = "scp"
    ENDPOINT = "endpoint"


@dataclass(frozen=True)
class Condition:
    """One operator on one key. operator: `StringLike`; qualifier: "" | ForAllValues | ForAnyValue. Values are ORed."""

    operator: str
    key: str
    values: tuple[str, ...]
    qualifier: str = ""
    if_exists: bool = False


@dataclass(frozen=True)
class Patterns:
    """Action or Resource; negated: NotAction or NotResource."""

    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True)
class Principals:
    """Pairs of kind (AWS, Service, Federated, CanonicalUser, or * for "*") and value; negated: NotPrincipal."""

    values: tuple[tuple[str, str], ...]
    negated: bool = False


@dataclass(frozen=True)
class Statement:
    """resources None: the element is absent, as in trust policies. index: its place in the document, from 0."""

    effect: str
    actions: Patterns
    resources: Patterns | None = None
    principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()
    sid: str = ""
    index: int = 0


@dataclass(frozen=True)
class Policy:
    """One document. id: what the simulator calls it, e.g. `role_NAME_POLICY`, or a managed policy's name."""

    statements: tuple[Statement, ...] = ()
    version: str = VERSIONS[0]
    id: str = ""
    text: str = ""

    @property
    def variables(self) -> bool:
        """Does `${aws:username}` mean something in it?"""
        return self.version == CURRENT


class Number(str):
    """A JSON number as it was spelled: conditions may have one where a string is meant."""


@lru_cache(maxsize=1024)
def parse(text: str, id: str = "") -> Policy:
    """Read a document. Raises nothing but PolicyError."""
    document = load(text)
    statements = tuple(_statement(raw, index) for index, raw in enumerate(syntax(document)))
    return Policy(statements, document.get("Version", VERSIONS[0]), id, text)


def load(text: str) -> Any:
    """The JSON value of a document, numbers as `Number`."""
    try:
        return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise PolicyError(INVALID_JSON) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def syntax(document: Any) -> list[dict[str, Any]]:
    """The document's raw statements, once the document is known to be well formed."""
    _need(isinstance(document, dict) and document.keys() <= _TOP and "Statement" in document)
    _need("Version" not in document or document["Version"] in VERSIONS)
    _need(type(document.get("Id", "")) is str)
    found = document["Statement"]
    statements = [found] if isinstance(found, dict) else found
    _need(isinstance(statements, list) and bool(statements))
    for statement in statements:
        _statement_syntax(statement)
    return list(statements)


def _need(condition: bool) -> None:
    if not condition:
        raise PolicyError(SYNTAX)


def _statement_syntax(raw: Any) -> None:
    _need(isinstance(raw, dict) and raw.keys() <= _ELEMENTS)
    _need(not any(one in raw and other in raw for one, other in _PAIRS))
    _need(type(raw.get("Effect")) is str and raw["Effect"].lower() in ("allow", "deny"))
    _need(type(raw.get("Sid", "")) is str)
    for name in ("Action", "NotAction", "Resource", "NotResource"):
        _need(name not in raw or _is_strings(raw[name]))
    for name in ("Principal", "NotPrincipal"):
        _need(name not in raw or raw[name] == "*" or _is_principals(raw[name]))
    _condition_syntax(raw.get("Condition", {}))


def _is_strings(value: Any) -> bool:
    """A string, or a list of strings; AWS lets nulls pass in a list."""
    return type(value) is str or (isinstance(value, list) and all(item is None or type(item) is str for item in value))


def _is_principals(value: Any) -> bool:
    return isinstance(value, dict) and all(kind in _PRINCIPALS and _is_strings(of) for kind, of in value.items())


def _condition_syntax(conditions: Any) -> None:
    _need(isinstance(conditions, dict))
    for operator, tests in conditions.items():
        _need(isinstance(tests, dict))
        _need(not tests or split_operator(operator)[1] in OPERATORS)  # AWS takes an unknown operator that tests nothing
        for value in tests.values():
            _need(all(isinstance(item, (str, bool)) for item in (value if isinstance(value, list) else [value])))


def split_operator(written: str) -> tuple[str, str, bool]:
    """(qualifier, operator, if exists): `ForAnyValue:StringLikeIfExists` -> (ForAnyValue, StringLike, True)."""
    qualifier, colon, operator = written.partition(":")
    if not colon or qualifier not in ("ForAllValues", "ForAnyValue"):
        qualifier, operator = "", written
    bare = operator.removesuffix("IfExists")
    return qualifier, bare, bare != operator


def _statement(raw: Mapping[str, Any], index: int) -> Statement:
    if raw["Effect"] not in ("Allow", "Deny"):
        raise PolicyError(LEGACY)
    actions = _patterns(raw, "Action")
    if actions is None or not actions.values:
        raise PolicyError(NO_ACTIONS)
    return Statement(
        raw["Effect"], actions, _patterns(raw, "Resource"), _principals(raw),
        tuple(_conditions(raw.get("Condition", {}))), raw.get("Sid", ""), index,
    )


def _patterns(raw: Mapping[str, Any], name: str) -> Patterns | None:
    for element in (name, f"Not{name}"):
        if element in raw:
            return Patterns(_strings(raw[element]), element != name)
    return None


def _strings(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(_text(item) for item in items if item is not None)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _principals(raw: Mapping[str, Any]) -> Principals | None:
    for element in ("Principal", "NotPrincipal"):
        if element in raw:
            named = {"*": "*"} if raw[element] == "*" else raw[element]
            pairs = ((kind, value) for kind, values in named.items() for value in _strings(values))
            return Principals(tuple(pairs), element == "NotPrincipal")
    return None


def _conditions(raw: Mapping[str, Mapping[str, Any]]) -> Iterator[Condition]:
    for written, tests in raw.items():
        qualifier, operator, if_exists = split_operator(written)
        for key, value in tests.items():
            yield Condition(operator, key, _strings(value), qualifier, if_exists)
