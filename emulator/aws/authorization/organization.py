"""Service control policies, from moto's Organizations.

On AWS they do not bind the management account. The rig has one account, so here they bind it as they would a member.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.aws.authorization.resource_side import document
from emulator.aws.backend import Backend
from emulator.aws.iam.decide import Layers

SCP = "SERVICE_CONTROL_POLICY"


def control_policies(backend: Backend) -> tuple[Layers, str]:
    """(from the root down to the account each level's policies, the organization's id); nothing without one."""
    if not backend.has_loaded("organizations"):
        return (), ""
    models = backend.models("organizations", "aws")
    account = next((a for a in models.accounts if a.id == backend.account), None)
    if models.org is None or account is None:
        return (), ""
    levels = [_level(target) for target in _upwards(account, {unit.id: unit for unit in models.ou})]
    return tuple(reversed(levels)), models.org.id


def _upwards(account: Any, units: dict[str, Any]) -> Iterator[Any]:
    at = account
    while at is not None:
        yield at
        at = units.get(getattr(at, "parent_id", None) or "")


def _level(target: Any) -> Any:
    attached = [policy for policy in list(target.attached_policies) if policy.type == SCP]
    return tuple(parsed for policy in attached for parsed in document(policy.content or "", policy.name))
