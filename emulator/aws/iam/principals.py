"""What moto's IAM keeps of a caller: its policies and the condition keys that follow from it.

It imports nothing of moto, whose backend object is handed in: `Backend.models("iam", "us-east-1")`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from emulator.aws.iam.decide import Policies
from emulator.aws.iam.policy import Policy, parse
from emulator.aws.iam.request import Principal
from emulator.model import AwsError


class NoSuchEntity(LookupError):
    """There is no such user, group or role; `answer` is AWS's, HTTP 404."""

    def __init__(self, kind: str, name: str) -> None:
        message = f"The {kind} with name {name} cannot be found."
        super().__init__(message)
        self.answer = AwsError("NoSuchEntity", message, 404)


@dataclass(frozen=True)
class Gathered:
    """principal and context go into a Request (other keys can be added), policies into `decide`."""

    principal: Principal
    policies: Policies
    context: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Session:
    """Who holds an access key. policies: session policies, as passed to AssumeRole."""

    arn: str
    policies: tuple[Policy, ...] = ()


def gather(iam: Any, arn: str, session: Iterable[Policy] = ()) -> Gathered:
    """Policies of a user, role, role session (found by the role's name), group or account's root.

    session: session policies. Raises NoSuchEntity; PolicyError when a stored document is not a policy.
    """
    principal = Principal(arn)
    kind, _, rest = arn.split(":", 5)[-1].partition("/")
    if kind == "user":
        return _user(iam, _known(iam.users.values(), "user", rest))
    if kind == "group":
        return Gathered(principal, Policies(identity=_own("group", _known(iam.groups.values(), "group", rest))))
    if kind == "role":
        return _role(iam, _known(iam.roles.values(), "role", rest), arn, tuple(session))
    if kind == "assumed-role":
        return _role(iam, _known(iam.roles.values(), "role", rest.split("/")[0]), arn, tuple(session))
    if kind == "federated-user":  # its session policies grant; that its maker must have been allowed too is not asked
        return Gathered(principal, Policies(identity=tuple(session)))
    return Gathered(principal, Policies())


def trust_policy(iam: Any, role_arn: str) -> Policy:
    """A role's trust policy. Raises NoSuchEntity, also for a path that is not the role's."""
    role = _known(iam.roles.values(), "role", role_arn.split(":role/", 1)[-1])
    if role.arn != role_arn:
        raise NoSuchEntity("role", role.name)
    return _parsed(role.assume_role_policy_document, "TrustPolicy")


def _known(entities: Iterable[Any], kind: str, path_and_name: str) -> Any:
    """Names are unique whatever the path; AWS finds a session's role by its name alone."""
    name = path_and_name.rsplit("/", 1)[-1]
    found = next((entity for entity in list(entities) if entity.name == name), None)
    if found is None:
        raise NoSuchEntity(kind, name)
    return found


def _user(iam: Any, user: Any) -> Gathered:
    groups = [group for group in list(iam.groups.values()) if user in group.users]
    identity = (*_own("user", user), *(policy for group in groups for policy in _own("group", group)))
    policies = Policies(identity=identity, boundary=_boundary(iam, user))
    return Gathered(Principal(user.arn), policies, {"aws:userid": user.id, **_tags(user.tags)})


def _role(iam: Any, role: Any, arn: str, session: tuple[Policy, ...]) -> Gathered:
    policies = Policies(identity=_own("role", role), boundary=_boundary(iam, role), session=session)
    name = arn.rsplit("/", 1)[-1] if ":assumed-role/" in arn else ""
    context = {"aws:userid": f"{role.id}:{name}"} if name else {}
    return Gathered(Principal(arn, role=role.arn), policies, {**context, **_tags(role.tags)})


def _own(kind: str, entity: Any) -> tuple[Policy, ...]:
    """Inline and attached policies, named as AWS's simulator names them (`role_NAME_POLICY`, seen)."""
    inline = (_parsed(text, f"{kind}_{entity.name}_{name}") for name, text in list(entity.policies.items()))
    managed = (_managed(policy) for policy in list(entity.managed_policies.values()))
    return (*inline, *managed)


def _managed(policy: Any) -> Policy:
    default = next(version for version in policy.versions if version.version_id == policy.default_version_id)
    return _parsed(default.document, policy.name)


def _parsed(document: Any, id: str) -> Policy:
    """CloudFormation in moto keeps documents as mappings."""
    return parse(document if isinstance(document, str) else json.dumps(document), id)


def _boundary(iam: Any, entity: Any) -> Policy | None:
    """A boundary whose policy is gone allows nothing. For users the IAM service keeps it (moto 5.2 does not)."""
    arn = getattr(entity, "permissions_boundary_arn", None)
    if not arn:
        return None
    policy = iam.managed_policies.get(arn)
    return _managed(policy) if policy else Policy(id=arn)


def _tags(tags: Any) -> dict[str, str]:
    """moto has a list for users, a list or a mapping for roles, or nothing."""
    return {f"aws:PrincipalTag/{key}": value for key, value in _pairs(tags or ())}


def _pairs(tags: Any) -> Iterator[tuple[str, str]]:
    entries = tags.values() if isinstance(tags, dict) else tags
    yield from ((tag["Key"], tag["Value"]) for tag in entries)
