"""Who is asked for, what decides, and what a refusal says."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from emulator.aws.authorization.bucket_policies import APPFLOW, BucketPolicies
from emulator.aws.authorization.context import context, resource_tags
from emulator.aws.authorization.function_policies import FunctionPolicies
from emulator.aws.authorization.needs import Need, needs
from emulator.aws.authorization.organization import control_policies
from emulator.aws.authorization.resource_side import ResourceSide, Side
from emulator.aws.backend import ACCOUNT, Backend
from emulator.aws.credentials import Held, Keyring
from emulator.aws.iam.decide import Decision, Policies, decide
from emulator.aws.iam.policy import Policy, PolicyError, PolicyType
from emulator.aws.iam.principals import Gathered, NoSuchEntity, Session, gather
from emulator.aws.iam.request import Principal, Request, account_of
from emulator.aws.wire import WireRequest
from emulator.clock import Clock
from emulator.functions.registry import Registry
from emulator.injector import Injector
from emulator.model import AwsCall, AwsError, Caller
from emulator.settings import DEFAULT_ROLE

log = logging.getLogger(__name__)
Gather = Callable[[Any, str, Iterable[Policy], Caller], Gathered]
Given = Mapping[str, str | Sequence[str]]

_ALLOWED = Decision(True, False, PolicyType.IDENTITY)
_CODES = {"sns": "AuthorizationErrorException"}  # elsewhere AccessDeniedException, spelled as the protocol has it
# Seen: these leave out the resource where an action has none; others (lambda:ListFunctions, kms:ListKeys) say `*`.
_SILENT = ("secretsmanager", "s3", "sts")


class Authorization:
    """Decides calls of functions' roles, IAM users, STS sessions and Cognito identities, and what AppFlow does with
    buckets. Other AWS services acting inside the rig, and keys nobody issued (the account's root: the rig's admin), may
    do everything.

    mode: `enforce`, a role that IAM does not have and a bucket without a policy decide nothing, and are named once in
    the log; `strict`, they allow nothing; `off`, everything is allowed. gather: the one way to a caller's policies; may
    be replaced.
    """

    def __init__(
        self, backend: Backend, keyring: Keyring, functions: Registry, clock: Clock, mode: str = "enforce",
        account: str = ACCOUNT, injector: Injector | None = None,
    ) -> None:
        self.backend, self.keyring, self.functions, self.clock = backend, keyring, functions, clock
        self.mode, self.account = mode, account
        self.gather: Gather = lambda iam, arn, session, reader: gather(iam, arn, session)
        self._side = ResourceSide(backend, functions)
        self._functions_say = FunctionPolicies(functions, injector)
        self._buckets_say = BucketPolicies(self._side, account, self._name)
        self._seen: set[str] = set()
        self._named: set[str] = set()
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Forget which roles there were, and what was looked at."""
        self._seen.clear()
        self._named.clear()
        self._functions_say.clear()

    # --- the endpoint's question ---

    def refusal(self, call: AwsCall, request: WireRequest) -> AwsError | None:
        """Why the call may not be made, as its service says it; None when it may."""
        held = self._decided_holder(call.caller.access_key)
        if held is None:
            return self._service_refusal(call, request)
        found = self._gathered(held.session, call.caller)
        if found is None:
            return None
        common = {**context(call, request, self.clock, self.functions.arn("")), **held.context}
        for need in needs(call, request, self.backend):
            if not (decision := self._decided(found, need, common)).allowed:
                return _refused(call, need, decision, held.session.arn)
        return None

    def _service_refusal(self, call: AwsCall, request: WireRequest) -> AwsError | None:
        if self.mode == "off" or call.caller.arn != APPFLOW:
            return None
        keys = context(call, request, self.clock, self.functions.arn(""))
        needed = needs(call, request, self.backend)
        refused = self._buckets_say.refused(call, needed, keys, self.mode == "strict")
        return _refused(call, refused.need, refused.decision, call.caller.arn) if refused else None

    def _decided_holder(self, access_key: str) -> Held | None:
        """None for callers that are not decided: nobody's keys, services acting inside the rig, the account's root."""
        held = self.keyring.find(access_key) if self.mode != "off" else None
        arn = held.session.arn if held else ""
        return held if arn.startswith("arn:") and not arn.endswith(":root") else None

    # --- others' questions ---

    def decide(
        self, session: Session | None, action: str, resource: str = "*", context: Given | None = None,
        resource_policies: Iterable[Policy] | None = None, reader: Caller | None = None,
    ) -> Decision:
        """One action on one resource. session None: the rig's admin. context: condition keys of the request.
        resource_policies: the resource's own, where neither moto nor the Lambda service holds them (an API's)."""
        found = self._gathered(session, reader or Caller(session.arn)) if session and self.mode != "off" else None
        if found is None:
            return _ALLOWED
        side = None if resource_policies is None else Side(tuple(resource_policies))
        return self._decided(found, Need(action, resource), context or {}, side)

    def may_invoke(
        self, function: str, qualifier: str = "", principal: str = "apigateway.amazonaws.com", source_arn: str = "",
        source_account: str = "",
    ) -> bool:
        """Does the function's own policy (AddPermission) let an AWS service invoke it? function: name or ARN. True for
        one that does not exist: whoever invokes it will be told."""
        decided = self.mode != "off"
        return self._functions_say.allow(function, qualifier, principal, source_arn, source_account, decided)

    # --- deciding ---

    def _gathered(self, session: Session, reader: Caller) -> Gathered | None:
        """The caller's policies; None where they are not to decide."""
        role = session.arn.split("/")[1] if ":assumed-role/" in session.arn else ""
        try:
            iam = self.backend.models("iam", "aws", account_of(session.arn))
            found = self.gather(iam, session.arn, session.policies, reader)
        except NoSuchEntity:
            if self.mode == "strict" or role in self._seen or not role:  # who is no role's session was deleted
                return Gathered(Principal(session.arn), Policies(session=session.policies))
            if role != DEFAULT_ROLE:  # which nobody named, so nobody needs to be told
                self._name(f"role {role}", f"IAM has no role {role}: what it may do is not decided")
            return None
        except PolicyError as error:  # CloudFormation's, which moto does not check
            self._name(f"policy {session.arn}", f"{session.arn} may do nothing: {error.message}")
            return Gathered(Principal(session.arn), Policies(session=session.policies))
        self._seen.add(role)
        return found

    def _decided(self, found: Gathered, need: Need, given: Given, side: Side | None = None) -> Decision:
        side = side or self._side.find(need.action, need.resource)
        owner = account_of(need.resource) or self.account
        if side.kind is PolicyType.TRUST and not side.policies and owner != self.account and self.mode == "enforce":
            side, owner = Side(), self.account  # a role of another account, which nobody made there
        scps, organization = control_policies(self.backend)
        own = replace(
            found.policies, resource=side.policies, resource_kind=side.kind, must_allow=side.must_allow, scps=scps
        )
        keys: dict[str, str | Sequence[str]] = {"aws:ResourceAccount": owner, **found.context, **given, **need.context}
        keys |= resource_tags(need.action.partition(":")[0], side.tags)
        if organization:
            keys["aws:PrincipalOrgID"] = organization
        request = Request(found.principal, need.action, need.resource, keys, owner)
        decision = decide(request, own)
        certain = decision.allowed or decision.explicit or need.known
        return decision if certain else self._anywhere(request, own, decision)

    def _anywhere(self, request: Request, own: Policies, decision: Decision) -> Decision:
        """The rig cannot tell the resource: an allow for any resource is taken for an allow for this one."""
        self._name(request.action, f"lambdarig does not know the resource of {request.action}: Resource is not decided")
        patterns = {
            pattern for _, policies in own.layers() for policy in policies for statement in policy.statements
            if statement.effect == "Allow" and statement.resources for pattern in statement.resources.values
        }
        tried = (decide(replace(request, resource=pattern), own) for pattern in sorted(patterns))
        return next((found for found in tried if found.allowed), decision)

    def _name(self, what: str, message: str) -> None:
        with self._lock:
            new = what not in self._named
            self._named.add(what)
        if new:
            log.warning(message)


def _refused(call: AwsCall, need: Need, decision: Decision, caller: str) -> AwsError:
    named = need.named or need.resource
    if need.refusal:
        text = need.refusal
    elif call.service == "s3" and named != "*":
        text = decision.sentence(need.action, f'"{named}"', caller)  # S3 alone quotes it
    else:
        text = decision.sentence(need.action, "" if named == "*" and call.service in _SILENT else named, caller)
    return AwsError(_CODES.get(call.service, "AccessDeniedException"), text)
