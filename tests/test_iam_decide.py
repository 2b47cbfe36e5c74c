"""Decisions: the evaluation order within and across accounts, and what must hold whatever the policies are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.iam import Decision, Policies, Policy, PolicyType, Principal, Request, decide, parse

A, B = "123456789012", "444455556666"
ROLE = f"arn:aws:iam::{A}:role/service/R"
SESSION = Principal(f"arn:aws:sts::{A}:assumed-role/R/fn", role=ROLE)
USER = Principal(f"arn:aws:iam::{A}:user/Bob")
ROOT = Principal(f"arn:aws:iam::{A}:root")
SERVICE, NOBODY = Principal("apigateway.amazonaws.com"), Principal("anonymous")
GET, SECRET = "secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:us-east-1:{A}:secret:s-AbCdEf"
FOREIGN = SECRET.replace(A, B)


def policy(effect: str, action: str = GET, resource: str | None = "*", principal: Any = None, **more: Any) -> Policy:
    raw = {"Effect": effect, "Action": action, "Resource": resource, "Principal": principal, **more}
    statement = {name: value for name, value in raw.items() if value is not None}
    return parse(json.dumps({"Version": "2012-10-17", "Statement": statement}))


ALLOW, DENY, OTHER = policy("Allow"), policy("Deny"), policy("Allow", "s3:*")


def ask(caller: Principal = SESSION, /, **policies: Any) -> Decision:
    return decide(Request(caller, GET, SECRET), Policies(**policies))


def outcome(decision: Decision) -> tuple[bool, bool, PolicyType]:
    return decision.allowed, decision.explicit, decision.by


def resource(principal: Any, effect: str = "Allow") -> tuple[Policy, ...]:
    return (policy(effect, principal=principal),)


def test_the_guides_policy_allows_invoking_the_api() -> None:
    granted = parse(json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": ["execute-api:Invoke"],
        "Resource": ["arn:aws:execute-api:us-east-1:*:abc123/*"],
    }]}))
    asked = Request(SESSION, "execute-api:Invoke", f"arn:aws:execute-api:us-east-1:{A}:abc123/dev/GET/x")
    assert decide(asked, Policies((granted,))).allowed
    denied = decide(asked, Policies())
    assert denied.sentence("execute-api:Invoke", "R", SESSION.arn).endswith(
        "because no identity-based policy allows the execute-api:Invoke action")


@pytest.mark.parametrize(("policies", "by"), [
    ({"identity": (DENY, ALLOW)}, PolicyType.IDENTITY),
    ({"identity": (ALLOW,), "resource": resource("*", "Deny")}, PolicyType.RESOURCE),
    ({"identity": (ALLOW,), "resource": resource({"AWS": A}, "Deny")}, PolicyType.RESOURCE),
    ({"identity": (ALLOW,), "boundary": DENY}, PolicyType.BOUNDARY),
    ({"identity": (ALLOW,), "session": (ALLOW, DENY)}, PolicyType.SESSION),
    ({"identity": (ALLOW,), "scps": ((ALLOW,), (ALLOW, DENY))}, PolicyType.SCP),
    ({"identity": (ALLOW,), "endpoint": (policy("Allow", principal="*"), policy("Deny", principal="*"))},
     PolicyType.ENDPOINT),
])
def test_an_explicit_deny_anywhere_wins(policies: dict[str, Any], by: PolicyType) -> None:
    decision = ask(**policies)
    assert outcome(decision) == (False, True, by)
    assert [match.statement.effect for match in decision.statements] == ["Deny"]


@pytest.mark.parametrize(("policies", "by"), [
    ({}, PolicyType.IDENTITY), ({"identity": (OTHER,)}, PolicyType.IDENTITY),
    ({"identity": (ALLOW,), "boundary": OTHER}, PolicyType.BOUNDARY),
    ({"identity": (ALLOW,), "boundary": Policy()}, PolicyType.BOUNDARY),
    ({"identity": (ALLOW,), "session": (OTHER,)}, PolicyType.SESSION),
    ({"identity": (ALLOW,), "scps": ((ALLOW,), (OTHER,))}, PolicyType.SCP),
    ({"identity": (ALLOW,), "scps": ((OTHER,), (ALLOW,))}, PolicyType.SCP),
    ({"identity": (ALLOW,), "endpoint": (OTHER,)}, PolicyType.ENDPOINT),
    ({"scps": ((OTHER,),), "boundary": OTHER}, PolicyType.SCP), ({"boundary": OTHER}, PolicyType.IDENTITY),
])
def test_an_implicit_denial_names_the_first_type_without_an_allow(policies: dict[str, Any], by: PolicyType) -> None:
    assert outcome(ask(**policies)) == (False, False, by)


def test_identity_boundary_session_and_every_scp_level_together_allow() -> None:
    decision = ask(identity=(OTHER, ALLOW), boundary=ALLOW, session=(OTHER, ALLOW), scps=((ALLOW,), (OTHER, ALLOW)))
    assert outcome(decision) == (True, False, PolicyType.IDENTITY)
    assert [match.policy for match in decision.statements] == [ALLOW]


LIMITS: dict[str, Any] = {"boundary": OTHER, "session": (OTHER,)}


@pytest.mark.parametrize(("caller", "principal", "limits", "expected"), [
    (SESSION, {"AWS": SESSION.arn}, LIMITS, None), (SESSION, "*", LIMITS, None),
    (USER, {"AWS": USER.arn}, LIMITS, None),
    (SESSION, {"AWS": ROLE}, {}, None), (SESSION, {"AWS": ROLE}, {"boundary": OTHER}, PolicyType.BOUNDARY),
    (SESSION, {"AWS": ROLE}, {"session": (OTHER,)}, PolicyType.SESSION),
    (SESSION, {"AWS": A}, {}, PolicyType.IDENTITY), (USER, {"AWS": f"arn:aws:iam::{A}:root"}, {}, PolicyType.IDENTITY),
    (SESSION, {"AWS": SESSION.arn}, {"scps": ((OTHER,),)}, PolicyType.SCP),
    (Principal(f"arn:aws:sts::{A}:federated-user/Bob", user=USER.arn), {"AWS": USER.arn}, LIMITS, PolicyType.BOUNDARY),
])
def test_within_an_account_the_resource_policy_alone_grants_to_whom_it_names(
    caller: Principal, principal: Any, limits: dict[str, Any], expected: PolicyType | None
) -> None:
    decision = ask(caller, resource=resource(principal), **limits)
    assert decision.allowed is (expected is None)
    assert decision.by is (expected or PolicyType.RESOURCE)


@pytest.mark.parametrize(("identity", "principal", "limits", "expected"), [
    ((ALLOW,), {"AWS": A}, {}, None), ((ALLOW,), {"AWS": ROLE}, {}, None), ((ALLOW,), "*", {}, None),
    ((), {"AWS": SESSION.arn}, {}, PolicyType.IDENTITY), ((ALLOW,), {"AWS": B}, {}, PolicyType.RESOURCE),
    ((), {"AWS": B}, {}, PolicyType.RESOURCE), ((ALLOW,), "*", {"boundary": OTHER}, PolicyType.BOUNDARY),
    ((ALLOW,), {"AWS": SESSION.arn}, {"session": (OTHER,)}, PolicyType.SESSION),
    ((ALLOW,), "*", {"scps": ((OTHER,),)}, PolicyType.SCP),
])
def test_across_accounts_both_sides_must_allow(
    identity: tuple[Policy, ...], principal: Any, limits: dict[str, Any], expected: PolicyType | None
) -> None:
    policies = Policies(identity=identity, resource=resource(principal), **limits)
    decision = decide(Request(SESSION, GET, FOREIGN), policies)
    assert (decision.allowed, decision.explicit) == (expected is None, False)
    assert expected in (None, decision.by)


def test_the_owner_of_a_bucket_is_said_by_the_request() -> None:
    asked = Request(USER, "s3:GetObject", "arn:aws:s3:::b/k", resource_account=B)
    assert decide(asked, Policies((policy("Allow", "s3:*"),))).by is PolicyType.RESOURCE


def test_root_needs_no_policy_but_obeys_scps_and_the_resource() -> None:
    assert ask(ROOT).allowed
    assert outcome(ask(ROOT, scps=((OTHER,),))) == (False, False, PolicyType.SCP)
    assert outcome(ask(ROOT, resource=resource("*", "Deny"))) == (False, True, PolicyType.RESOURCE)


@pytest.mark.parametrize("caller", [SERVICE, NOBODY])
def test_who_has_no_account_depends_on_the_resource_policy_alone(caller: Principal) -> None:
    assert outcome(ask(caller, scps=((OTHER,),))) == (False, False, PolicyType.RESOURCE)
    assert outcome(ask(caller, resource=resource("*"), scps=((OTHER,),))) == (True, False, PolicyType.RESOURCE)


def test_a_service_may_invoke_a_function_for_the_api_named_in_the_permission() -> None:
    function, api = f"arn:aws:lambda:us-east-1:{A}:function:fn", f"arn:aws:execute-api:us-east-1:{A}:abc123"
    permission = policy("Allow", "lambda:InvokeFunction", function, {"Service": SERVICE.arn},
                        Condition={"ArnLike": {"AWS:SourceArn": f"{api}/*/GET/orders"}})
    for source, allowed in ((f"{api}/dev/GET/orders", True), (f"{api}/dev/GET/other", False)):
        asked = Request(SERVICE, "lambda:InvokeFunction", function, {"aws:SourceArn": source})
        assert decide(asked, Policies(resource=(permission,))).allowed is allowed


@pytest.mark.parametrize(("principal", "identity", "expected"), [
    ({"AWS": USER.arn}, (), None), ({"AWS": A}, (policy("Allow", "sts:*"),), None),
    ({"AWS": A}, (), PolicyType.IDENTITY), ({"Service": SERVICE.arn}, (policy("Allow", "*"),), PolicyType.TRUST),
])
def test_a_trust_policy_must_allow(principal: Any, identity: tuple[Policy, ...], expected: PolicyType | None) -> None:
    trust = policy("Allow", "sts:AssumeRole", None, principal)
    policies = Policies(identity, (trust,), resource_kind=PolicyType.TRUST)
    decision = decide(Request(USER, "sts:AssumeRole", ROLE), policies)
    assert (decision.allowed, decision.explicit) == (expected is None, False)
    assert expected in (None, decision.by)


def test_a_web_identity_is_trusted_by_provider_audience_and_kind() -> None:
    trust = policy("Allow", "sts:AssumeRoleWithWebIdentity", None, {"Federated": "cognito-identity.amazonaws.com"},
                   Condition={"StringEquals": {"cognito-identity.amazonaws.com:aud": "pool"},
                              "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"}})
    caller = Principal("cognito-identity.amazonaws.com", federated=True)
    for kind, allowed in (("authenticated", True), ("unauthenticated", False)):
        keys = {"cognito-identity.amazonaws.com:aud": "pool", "cognito-identity.amazonaws.com:amr": [kind]}
        asked = Request(caller, "sts:AssumeRoleWithWebIdentity", ROLE, keys)
        assert decide(asked, Policies(resource=(trust,), resource_kind=PolicyType.TRUST)).allowed is allowed


def test_a_key_policy_must_allow_and_delegates_to_iam_by_naming_the_account() -> None:
    key = Request(SESSION, "kms:Decrypt", f"arn:aws:kms:us-east-1:{A}:key/1")
    own, delegating = (policy("Allow", "kms:*"),), (policy("Allow", "kms:*", principal={"AWS": A}),)
    assert decide(key, Policies(own, must_allow=True)).by is PolicyType.RESOURCE
    assert decide(key, Policies(own, delegating, must_allow=True)).allowed
    assert decide(key, Policies((), delegating, must_allow=True)).by is PolicyType.IDENTITY


def test_notprincipal_denies_everyone_else() -> None:
    but_bob = (policy("Deny", NotPrincipal={"AWS": [USER.arn, f"arn:aws:iam::{B}:root"]}),)
    for caller, allowed in ((USER, True), (SESSION, False)):
        assert ask(caller, identity=(ALLOW,), resource=but_bob).allowed is allowed


def test_the_sessions_principalarn_is_its_role() -> None:
    limited = policy("Allow", Condition={"ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{A}:role/*/R"}})
    assert ask(identity=(limited,)).allowed


# --- properties ----------------------------------------------------------------------------------------------------

ACTIONS, RESOURCES = ["s3:GetObject", "s3:PutObject", GET], ["arn:aws:s3:::b/x", SECRET, FOREIGN, "*"]
CALLERS = [SESSION, USER, ROOT, SERVICE, NOBODY]
PRINCIPALS = ["*", {"AWS": A}, {"AWS": ROLE}, {"AWS": [SESSION.arn, USER.arn]}, {"Service": SERVICE.arn}]
CONDITIONS = [{}, {"StringEquals": {"k": "1"}}, {"StringNotEquals": {"k": "1"}}, {"Null": {"k": "true"}}]


@st.composite
def statements(draw: st.DrawFn, effects: Iterable[str] = ("Allow", "Deny")) -> dict[str, Any]:
    return {
        "Effect": draw(st.sampled_from(list(effects))),
        draw(st.sampled_from(["Action", "NotAction"])): draw(st.sampled_from([*ACTIONS, "s3:*", "*"])),
        draw(st.sampled_from(["Resource", "NotResource"])): draw(st.sampled_from([*RESOURCES, "arn:aws:s3:::*"])),
        draw(st.sampled_from(["Principal", "NotPrincipal"])): draw(st.sampled_from(PRINCIPALS)),
        "Condition": draw(st.sampled_from(CONDITIONS)),
    }


def made(raw: list[dict[str, Any]]) -> Policy:
    return parse(json.dumps({"Version": "2012-10-17", "Statement": raw}))


documents = st.lists(statements(), min_size=1, max_size=3)
several = st.lists(documents, max_size=2)
requests = st.builds(
    Request, st.sampled_from(CALLERS), st.sampled_from(ACTIONS), st.sampled_from(RESOURCES),
    st.sampled_from([{}, {"k": "1"}, {"K": "2"}]),
)
# By field of Policies: lists of documents, each a list of statements; of scps a list of levels.
raw_policies = st.fixed_dictionaries({
    "identity": several, "resource": several, "session": several, "endpoint": st.just([]) | several,
    "boundary": st.none() | documents, "scps": st.lists(st.lists(documents, min_size=1, max_size=2), max_size=2),
})
LISTS = st.sampled_from(["identity", "resource", "session", "endpoint"])


def built(raw: dict[str, Any]) -> Policies:
    lists = {name: tuple(made(document) for document in raw[name])
             for name in ("identity", "resource", "session", "endpoint")}
    scps = tuple(tuple(made(document) for document in level) for level in raw["scps"])
    return Policies(boundary=made(raw["boundary"]) if raw["boundary"] else None, scps=scps, **lists)


def upside_down(raw: Any) -> Any:
    return [upside_down(item) for item in reversed(raw)] if isinstance(raw, list) else raw


@given(requests, raw_policies)
def test_the_order_of_statements_and_policies_is_irrelevant(asked: Request, raw: dict[str, Any]) -> None:
    turned = {name: upside_down(documents) for name, documents in raw.items()}
    assert outcome(decide(asked, built(raw))) == outcome(decide(asked, built(turned)))


@given(requests, raw_policies)
def test_a_deny_that_applies_wins(asked: Request, raw: dict[str, Any]) -> None:
    decision = decide(asked, built(raw))
    denied = any(not match.allows for match in decision.found)
    assert decision.explicit is denied
    assert not (denied and decision.allowed)
    assert all(match.allows is decision.allowed for match in decision.statements)


def extended(raw: dict[str, Any], name: str, statement: dict[str, Any], at: int) -> Policies:
    """With one more statement in a document that is already there, or (identity, resource) in a new one."""
    documents = raw[name]
    if not documents:
        grown = [[statement]] if name in ("identity", "resource") else []
    else:
        at %= len(documents)
        grown = [*documents[:at], [*documents[at], statement], *documents[at + 1 :]]
    return built({**raw, name: grown})


@given(requests, raw_policies, LISTS, statements(["Deny"]), st.integers(0, 5))
def test_adding_a_deny_never_grants(asked: Request, raw: dict[str, Any], name: str, deny: Any, at: int) -> None:
    assert decide(asked, built(raw)).allowed or not decide(asked, extended(raw, name, deny, at)).allowed


@given(requests, raw_policies, LISTS, statements(["Allow"]), st.integers(0, 5))
def test_adding_an_allow_never_denies(asked: Request, raw: dict[str, Any], name: str, allow: Any, at: int) -> None:
    assert not decide(asked, built(raw)).allowed or decide(asked, extended(raw, name, allow, at)).allowed


@given(requests, raw_policies)
def test_removing_limits_never_denies(asked: Request, raw: dict[str, Any]) -> None:
    policies = built(raw)
    free = replace(policies, boundary=None, session=(), scps=(), endpoint=())
    assert not decide(asked, policies).allowed or decide(asked, free).allowed


@given(requests, raw_policies)
def test_every_denial_has_a_sentence(asked: Request, raw: dict[str, Any]) -> None:
    decision = decide(asked, built(raw))
    words = decision.sentence(asked.action, asked.resource, asked.principal.arn)
    assert words.endswith(f"allows the {asked.action} action") is not decision.explicit
