"""What is attached to a resource: its policy and tags, by moto's models and by the Lambda service's registry."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from emulator.aws.backend import Backend
from emulator.aws.iam.policy import Policy, PolicyError, PolicyType, parse
from emulator.aws.iam.request import account_of
from emulator.functions.registry import Registry

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Side:
    """policies, kind and must_allow as `iam.Policies` has them; tags: key -> value."""

    policies: tuple[Policy, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    kind: PolicyType = PolicyType.RESOURCE
    must_allow: bool = False


@dataclass(frozen=True)
class ResourceSide:
    """Finds a resource by its ARN. A service of which the rig knows no resource policies has none."""

    backend: Backend
    functions: Registry

    def find(self, action: str, arn: str) -> Side:
        """For sts:AssumeRole... a role's trust policy; else the policy and tags of what has the ARN."""
        parts = arn.split(":", 5)
        finder = _FINDERS.get(parts[2]) if len(parts) == 6 else None
        if parts[2:3] == ["iam"] and action.startswith("sts:"):
            finder = _trust
        try:
            return finder(self, parts[3], parts[5], arn) if finder else Side()
        except KeyError:  # moto's, for a region that is none: nothing can be there
            return Side(kind=PolicyType.TRUST) if finder is _trust else Side()


@lru_cache(maxsize=512)
def document(text: str, id: str) -> tuple[Policy, ...]:
    """A stored document; one that is no policy, which AWS would not have stored, counts as none and is named once."""
    try:
        return (parse(text, id),)
    except PolicyError as error:
        log.warning("%s is not a policy (%s): it decides nothing", id, error.message)
        return ()


def _text(policy: Any) -> str:
    return policy.decode() if isinstance(policy, bytes) else str(policy or "")


def _pairs(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or ()}


def _of(policy: Any, id: str, tags: Mapping[str, str] | None = None) -> Side:
    text = _text(policy)
    return Side(document(text, id) if text else (), tags or {})


def _secret(at: ResourceSide, region: str, rest: str, arn: str) -> Side:
    secret = at.backend.models("secretsmanager", region).secrets.get(arn)
    return _of(getattr(secret, "policy", None), arn, _pairs(secret.tags)) if secret else Side()


def _function(at: ResourceSide, region: str, rest: str, arn: str) -> Side:
    """The qualifier's own policy: a version's and an alias's are apart from the function's."""
    kind, _, name = rest.partition(":")
    name, _, qualifier = name.partition(":")
    entry = at.functions.entries.get(name) if kind == "function" else None
    return Side(function_policy(entry.policy.get(qualifier, ())), dict(entry.tags)) if entry else Side()


def function_policy(statements: Iterable[Mapping[str, Any]]) -> tuple[Policy, ...]:
    """What AddPermission has made."""
    kept = list(statements)
    return document(json.dumps({"Version": "2012-10-17", "Statement": kept}), "default") if kept else ()


def _queue(at: ResourceSide, region: str, rest: str, arn: str) -> Side:
    queue = at.backend.models("sqs", region).queues.get(rest)
    return _of(queue.policy, arn, queue.tags) if queue else Side()


def _topic(at: ResourceSide, region: str, rest: str, arn: str) -> Side:
    topic = at.backend.models("sns", region).topics.get(arn)
    return _of(topic.policy, arn) if topic else Side()


def _bucket(at: ResourceSide, region: str, rest: str, arn: str) -> Side:
    bucket = at.backend.models("s3", "aws").buckets.get(rest.partition("/")[0])
    return _of(bucket.policy, f"arn:aws:s3:::{bucket.name}") if bucket else Side()


def _key(at: ResourceSide, region: str, rest: str, arn: str) -> Side:
    """A key's policy has to allow; the default one leaves it to the account's IAM."""
    key = at.backend.models("kms", region).keys.get(rest.removeprefix("key/"))
    policies = document(key.policy, arn) if key else ()
    return Side(policies, must_allow=rest.startswith("key/"))


def _trust(at: ResourceSide, region: str, rest: str, arn: str) -> Side:
    """A name under a path that is not the role's is no role."""
    roles = list(at.backend.models("iam", "aws", account_of(arn)).roles.values())
    role = next((role for role in roles if role.arn == arn), None)
    written = role.assume_role_policy_document if role else ""
    text = written if isinstance(written, str) else json.dumps(written)
    return Side(document(text, arn) if text else (), kind=PolicyType.TRUST)


_FINDERS: Mapping[str, Callable[[ResourceSide, str, str, str], Side]] = {
    "secretsmanager": _secret, "lambda": _function, "sqs": _queue, "sns": _topic, "s3": _bucket, "kms": _key,
}
