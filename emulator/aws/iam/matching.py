"""Does a statement speak of a request: its actions, its resources, its principals, its policy variables."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import IntEnum

from emulator.aws.iam.glob import glob, glob_match, literal
from emulator.aws.iam.policy import Patterns, Principals
from emulator.aws.iam.request import Keys, Principal

_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_DEFAULT = re.compile(r"(.*?)\s*,\s*'(.*)'", re.DOTALL)
_ACCOUNT = re.compile(r"(?:arn:[^:]*:iam::)?([0-9]{12})(?::root)?")


class Unresolved(LookupError):
    """A policy variable whose key the request does not have, or has with several values."""


def action_matches(actions: Patterns, action: str) -> bool:
    """Case does not matter: `S3:getobject` is `s3:GetObject`."""
    return any(glob_match(action, glob(value), ignore_case=True) for value in actions.values) != actions.negated


def resource_matches(resources: Patterns | None, resource: str, keys: Keys | None) -> bool:
    """Case matters. keys None: the document's version has no variables. No element at all: whatever has the policy.

    A pattern whose variable has no value matches nothing; a NotResource with one makes the statement void.
    """
    if resources is None:
        return True
    found = [_resolved_match(value, resource, keys) for value in resources.values]
    if resources.negated:
        return not any(outcome is not False for outcome in found)
    return any(found)


def _resolved_match(pattern: str, resource: str, keys: Keys | None) -> bool | None:
    """None when a variable has no value."""
    try:
        return glob_match(resource, pattern_of(pattern, keys))
    except Unresolved:
        return None


def pattern_of(text: str, keys: Keys | None) -> str:
    """A policy's text as a glob; what variables stand for is literal in it. Raises Unresolved."""
    return glob(text) if keys is None else _expand(text, keys, glob, literal)


def text_of(text: str, keys: Keys | None) -> str:
    """A policy's text with its variables replaced. Raises Unresolved."""
    return text if keys is None else _expand(text, keys, str, str)


def _expand(text: str, keys: Keys, outside: Callable[[str], str], inside: Callable[[str], str]) -> str:
    pieces = _VARIABLE.split(text)  # what stands between variables, and every second one a variable's name
    return "".join(inside(_value(piece, keys)) if odd % 2 else outside(piece) for odd, piece in enumerate(pieces))


def _value(name: str, keys: Keys) -> str:
    if name in ("*", "?", "$"):
        return name
    default = _DEFAULT.fullmatch(name)
    values = keys.get((default[1] if default else name).strip().lower(), ())
    if len(values) == 1:
        return values[0]
    if default and not values:
        return default[2]
    raise Unresolved(name)


def variables_of(text: str) -> list[str]:
    """The context keys a text asks for."""
    names = (_DEFAULT.sub(r"\1", name).strip() for name in _VARIABLE.findall(text))
    return [name for name in names if name not in ("*", "?", "$")]


class Grant(IntEnum):
    """How closely a resource policy names the caller: the closer, the fewer implicit denies of others limit it.

    ACCOUNT delegates: the caller's own policies must allow too. ROLE adds to the identity policies, within boundary and
    session policy. DIRECT (the user, the session, a service, everybody) is limited by explicit denies only.
    Source: policy evaluation logic, resource-based policies and implicit denies in other policy types.
    """

    NONE = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECT = 3


def grant(principals: Principals | None, principal: Principal) -> Grant:
    """How a statement of a resource policy names the caller. Without Principal it is everybody's."""
    if principals is None:
        return Grant.DIRECT
    found = max((_named(kind, value, principal) for kind, value in principals.values), default=Grant.NONE)
    if principals.negated:
        return Grant.NONE if found else Grant.DIRECT
    return found


def _named(kind: str, value: str, principal: Principal) -> Grant:
    if kind in ("*", "AWS") and value == "*":
        return Grant.DIRECT
    if kind == "AWS":
        return _named_aws(value, principal)
    wanted = {"Service": "service", "Federated": "federated"}.get(kind)
    return Grant.DIRECT if principal.kind == wanted and value in ("*", principal.arn) else Grant.NONE


def _named_aws(value: str, principal: Principal) -> Grant:
    if principal.account and value == principal.arn and principal.kind != "role":
        return Grant.DIRECT
    if principal.account and value in principal.own_arns:
        return Grant.ROLE
    account = _ACCOUNT.fullmatch(value)
    return Grant.ACCOUNT if account and account[1] == principal.account else Grant.NONE
