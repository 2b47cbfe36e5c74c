"""The decision: which policies apply, in which order, and which of them denies.

An explicit deny in any policy ends it. Then service control policies, level by level, and the VPC endpoint's policy
must allow. Then the resource's policy: across accounts, and for trust and KMS key policies, it must allow; within an
account it can be enough. Then identity policies, the permissions boundary and session policies must each allow, as far
as the resource's policy did not make that needless (`Grant`). Source: IAM policy evaluation logic, within and across
accounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from emulator.aws.iam.conditions import conditions_hold
from emulator.aws.iam.matching import Grant, action_matches, grant, resource_matches
from emulator.aws.iam.policy import Policy, PolicyType, Statement
from emulator.aws.iam.request import Request
from emulator.aws.iam.sentence import sentence

Layers = tuple[tuple[Policy, ...], ...]


@dataclass(frozen=True)
class Policies:
    """Everything that is attached to caller and resource, in no particular order.

    boundary None: there is none; a Policy without statements allows nothing. session: what AssumeRole was given, inline
    and managed; none: not limited. scps: from the organization's root down to the account, each level's policies; none:
    no organization. resource_kind: PolicyType.TRUST for a role's trust policy. must_allow: the resource's policy has to
    allow even within the account (KMS keys; always so for TRUST).
    """

    identity: tuple[Policy, ...] = ()
    resource: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] = ()
    scps: Layers = ()
    endpoint: tuple[Policy, ...] = ()
    resource_kind: PolicyType = PolicyType.RESOURCE
    must_allow: bool = False

    def layers(self) -> Iterator[tuple[PolicyType, tuple[Policy, ...]]]:
        """All policies by type, in the order in which AWS looks at them."""
        yield from ((PolicyType.SCP, level) for level in self.scps)
        yield PolicyType.ENDPOINT, self.endpoint
        yield self.resource_kind, self.resource
        yield PolicyType.IDENTITY, self.identity
        yield PolicyType.BOUNDARY, (self.boundary,) if self.boundary else ()
        yield PolicyType.SESSION, self.session


@dataclass(frozen=True)
class Matched:
    """A statement that speaks of the request. grant: how its Principal names the caller; DIRECT where it has none."""

    type: PolicyType
    policy: Policy
    statement: Statement
    grant: Grant = Grant.DIRECT

    @property
    def allows(self) -> bool:
        return self.statement.effect == "Allow"


@dataclass(frozen=True)
class Decision:
    """by: the policy type that denies, or that grants. explicit: a Deny statement did it. statements: those that
    decided, none for an implicit denial. found: every statement that speaks of the request, of all types."""

    allowed: bool
    explicit: bool
    by: PolicyType
    statements: tuple[Matched, ...] = ()
    found: tuple[Matched, ...] = field(default=(), repr=False)

    def sentence(self, action: str, resource: str, caller: str) -> str:
        """AWS's sentence for the denial; see `sentence.sentence`."""
        return sentence(self.by, self.explicit, action, resource, caller)


def decide(request: Request, policies: Policies) -> Decision:
    """May the principal do it?"""
    return _Evaluation(request, policies).decision()


def statement_applies(request: Request, policy: Policy, statement: Statement, conditions: bool = True) -> bool:
    """Does a statement speak of this action, this resource and these keys, whoever asks?"""
    return (
        action_matches(statement.actions, request.action)
        and resource_matches(statement.resources, request.resource, request.keys if policy.variables else None)
        and (not conditions or conditions_hold(statement.conditions, request.keys, policy.variables))
    )


def matched(request: Request, type: PolicyType, policies: Iterable[Policy]) -> Iterator[Matched]:
    """The statements that speak of the request. Principal counts where the policy is not the caller's own."""
    named = type in (PolicyType.RESOURCE, PolicyType.TRUST, PolicyType.ENDPOINT)
    for policy in policies:
        for statement in policy.statements:
            close = grant(statement.principals, request.principal) if named else Grant.DIRECT
            if close and statement_applies(request, policy, statement):
                yield Matched(type, policy, statement, close)


@dataclass(frozen=True)
class _Evaluation:
    request: Request
    policies: Policies

    @cached_property
    def layers(self) -> list[tuple[PolicyType, bool, tuple[Matched, ...]]]:
        """(type, has it policies at all, what matched) in AWS's order; of SCPs one per level."""
        return [
            (type, bool(policies), tuple(matched(self.request, type, policies)))
            for type, policies in self.policies.layers()
            if type is not PolicyType.SCP or self.request.principal.account
        ]

    @cached_property
    def found(self) -> tuple[Matched, ...]:
        return tuple(match for _, _, matches in self.layers for match in matches)

    def decision(self) -> Decision:
        for type, _, matches in self.layers:
            if denies := tuple(match for match in matches if not match.allows):
                return Decision(False, True, type, denies, self.found)
        denied = next(self._implicit_denials(), None)
        return Decision(False, False, denied, (), self.found) if denied else self._allowed()

    def _allowed(self) -> Decision:
        own, kind = self._allows(PolicyType.IDENTITY), self.policies.resource_kind
        granting = (*self._allows(kind), *own)
        return Decision(True, False, PolicyType.IDENTITY if own else kind, granting, self.found)

    def _allows(self, type: PolicyType) -> tuple[Matched, ...]:
        return tuple(match for match in self.found if match.type is type and match.allows)

    @cached_property
    def _grant(self) -> Grant:
        """The resource policy's closest allow."""
        return max((match.grant for match in self._allows(self.policies.resource_kind)), default=Grant.NONE)

    def _implicit_denials(self) -> Iterator[PolicyType]:
        """Types without the allow they would have to give, in AWS's order."""
        yield from self._ceilings(PolicyType.SCP, PolicyType.ENDPOINT)
        policies, principal = self.policies, self.request.principal
        kind, across = policies.resource_kind, self.request.cross_account
        if not self._grant and (across or policies.must_allow or kind is PolicyType.TRUST or not principal.account):
            yield kind
        if not principal.account or (self._grant is Grant.DIRECT and not across):
            return
        enough = self._grant is Grant.ROLE and not across
        if not (enough or principal.kind == "root" or self._allows(PolicyType.IDENTITY)):
            yield PolicyType.IDENTITY
        yield from self._ceilings(PolicyType.BOUNDARY, PolicyType.SESSION)

    def _ceilings(self, *types: PolicyType) -> Iterator[PolicyType]:
        """Those of these types that have policies of which none allows."""
        for type, present, matches in self.layers:
            if type in types and present and not any(match.allows for match in matches):
                yield type
