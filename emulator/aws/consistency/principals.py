"""The history of IAM's roles and users: the policies that each had."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.consistency.history import History, Version
from emulator.aws.iam.decide import Policies
from emulator.aws.iam.policy import Policy, PolicyError
from emulator.aws.iam.principals import Gathered, NoSuchEntity, gather
from emulator.aws.iam.request import Principal

log = logging.getLogger(__name__)


class Principals:
    """Records what principals may do now. `iam`: moto's backend object."""

    def __init__(self, history: History) -> None:
        self._history = history

    def record_all(self, iam: Any, params: Mapping[str, object], what: str) -> None:
        """Those whom a call may have changed: the role or user that it names, else all; and those that are gone."""
        found = dict(_touched(iam, params))
        for name in self._history.things("iam/"):
            if name not in found and (former := self._history.newest(name)):
                found[name] = former.principal.arn
        for arn in found.values():
            self.record(iam, arn, what)

    def record(self, iam: Any, arn: str, what: str = "") -> tuple[Version, ...]:
        """Its versions, with a new one if its policies are not what they were."""
        with self._history.lock:
            now = _now(iam, arn)
            if now != self._history.newest(thing(arn)):
                self._history.append(thing(arn), what, now)
            return self._history.versions(thing(arn))


def thing(arn: str) -> str:
    """`iam/role/NAME` or `iam/user/NAME`; empty for what has no policies of its own."""
    kind, _, rest = arn.split(":", 5)[-1].partition("/")
    if kind == "assumed-role":
        return f"iam/role/{rest.split('/')[0]}"
    return f"iam/{kind}/{rest.rsplit('/', 1)[-1]}" if kind in ("role", "user") else ""


def as_of(snapshot: Gathered | None, newest: Gathered | None, arn: str, session: Iterable[Policy]) -> Gathered:
    """The caller with the policies and tags of an older version; one that was not there yet may do nothing."""
    limits = tuple(session)
    shown = newest or Gathered(Principal(arn, role=snapshot.principal.arn if snapshot else ""), Policies())
    if snapshot is None:
        return replace(shown, policies=Policies(session=limits))
    own = {key: value for key, value in shown.context.items() if not key.startswith("aws:PrincipalTag/")}
    return replace(shown, policies=replace(snapshot.policies, session=limits), context={**snapshot.context, **own})


def _touched(iam: Any, params: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    named = {key: params.get(key) for key in ("RoleName", "UserName")} if "NewUserName" not in params else {}
    for key, known in (("RoleName", iam.roles), ("UserName", iam.users)):
        for entity in list(known.values()):
            if not any(named.values()) or entity.name == named[key]:
                yield thing(entity.arn), entity.arn


def _now(iam: Any, arn: str) -> Gathered | None:
    """As the principal itself, whoever of its sessions is meant."""
    try:
        return gather(iam, gather(iam, arn).principal.role if ":assumed-role/" in arn else arn)
    except NoSuchEntity:
        return None
    except PolicyError as error:
        log.warning("what %s may do cannot be read: %s", arn, error.message)
        return None
