"""Actions, resources, variables and principals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.iam.glob import glob, glob_match, literal
from emulator.aws.iam.matching import (
    Grant,
    Unresolved,
    action_matches,
    grant,
    pattern_of,
    resource_matches,
    text_of,
    variables_of,
)
from emulator.aws.iam.policy import Patterns, Principals
from emulator.aws.iam.request import Principal, Request, account_of

A, B = "111122223333", "444455556666"
SESSION = Principal(f"arn:aws:sts::{A}:assumed-role/R/S", role=f"arn:aws:iam::{A}:role/path/R")
USER = Principal(f"arn:aws:iam::{A}:user/team/Bob")
FEDERATED_USER = Principal(f"arn:aws:sts::{A}:federated-user/Bob", user=f"arn:aws:iam::{A}:user/Bob")
SERVICE = Principal("apigateway.amazonaws.com")
COGNITO = Principal("cognito-identity.amazonaws.com", federated=True)
NOBODY = Principal("anonymous")


@pytest.mark.parametrize(("pattern", "action", "matches"), [
    ("s3:GetObject", "s3:GetObject", True), ("S3:getobject", "s3:GetObject", True), ("s3:Get*", "s3:GetObject", True),
    ("s3:*Object*", "s3:PutObjectAcl", True), ("*", "s3:GetObject", True), ("s3:Get?bject", "s3:GetObject", True),
    ("s3:Get", "s3:GetObject", False), ("s3:?", "s3:", False), ("s3:*", "sqs:x", False),
    ("s*:Get*", "s3:GetObject", True),
    ("s3:[G]etObject", "s3:GetObject", False), ("s3:Get.*", "s3:GetObject", False),
])
def test_actions_match_without_case_by_star_and_question_mark(pattern: str, action: str, matches: bool) -> None:
    assert action_matches(Patterns((pattern,)), action) is matches
    assert action_matches(Patterns((pattern,), negated=True), action) is not matches


@pytest.mark.parametrize(("pattern", "resource", "matches"), [
    ("arn:aws:execute-api:us-east-1:*:abc123/*", f"arn:aws:execute-api:us-east-1:{A}:abc123/dev/GET/x", True),
    ("arn:aws:s3:::bucket/*", "arn:aws:s3:::Bucket/x", False), ("arn:aws:s3:::b?", "arn:aws:s3:::b", False),
    ("arn:aws:sqs:*:finance", "arn:aws:sqs:eu-west-1:1:finance", True), ("*", "anything", True),
    ("arn:aws:s3:::b/[a]", "arn:aws:s3:::b/[a]", True), ("arn:aws:s3:::b", "*", False), ("a*\n*b", "a\n\nb", True),
])
def test_resources_match_with_case(pattern: str, resource: str, matches: bool) -> None:
    assert resource_matches(Patterns((pattern,)), resource, {}) is matches


def test_a_star_may_cross_colons_in_a_resource() -> None:
    assert resource_matches(Patterns(("arn:aws:*:x",)), "arn:aws:sns:eu-west-1:1:x", {})


def test_no_resource_element_speaks_of_whatever_has_the_policy() -> None:
    assert resource_matches(None, "arn:aws:iam::1:role/x", {})


KEYS = {"aws:username": ("David",), "aws:principaltag/team": ("a*b",), "aws:tagkeys": ("x", "y")}


@pytest.mark.parametrize(("pattern", "resource", "matches"), [
    ("b/${aws:username}/*", "b/David/x", True), ("b/${AWS:UserName}/*", "b/david/x", False),
    ("${aws:PrincipalTag/team}", "a*b", True), ("${aws:PrincipalTag/team}", "axb", False), ("a${*}b", "a*b", True),
    ("a${*}b", "axb", False), ("a${?}", "a?", True), ("a${?}", "ab", False), ("a${$}{x}", "a${x}", True),
    ("${aws:userid, 'anonymous'}", "anonymous", True), ("${aws:username, 'x'}", "David", True),
    ("${aws:userid}", "${aws:userid}", False), ("${aws:userid}*", "x", False), ("${aws:TagKeys}", "x", False),
])
def test_variables_are_replaced_and_their_values_are_literal(pattern: str, resource: str, matches: bool) -> None:
    assert resource_matches(Patterns((pattern,)), resource, KEYS) is matches


def test_documents_of_2008_have_no_variables() -> None:
    assert resource_matches(Patterns(("${aws:username}",)), "${aws:username}", None)
    assert not resource_matches(Patterns(("${aws:username}",)), "David", None)


def test_an_unresolved_variable_spoils_its_pattern_only_but_voids_a_not_resource() -> None:
    assert resource_matches(Patterns(("${aws:userid}", "b")), "b", KEYS)
    assert not resource_matches(Patterns(("${aws:userid}", "c"), negated=True), "b", KEYS)
    assert resource_matches(Patterns(("c",), negated=True), "b", KEYS)


def test_what_a_text_asks_for_is_listed() -> None:
    assert variables_of("a/${aws:username}/${*}/${aws:userid, 'x'}") == ["aws:username", "aws:userid"]
    assert text_of("${aws:username}*", KEYS) == "David*"
    with pytest.raises(Unresolved):
        pattern_of("${aws:userid}", KEYS)


@pytest.mark.parametrize(("caller", "kind", "value", "expected"), [
    (SESSION, "*", "*", Grant.DIRECT), (SESSION, "AWS", "*", Grant.DIRECT), (NOBODY, "*", "*", Grant.DIRECT),
    (SESSION, "AWS", SESSION.arn, Grant.DIRECT), (SESSION, "AWS", SESSION.role, Grant.ROLE),
    (SESSION, "AWS", f"arn:aws:iam::{A}:role/R", Grant.NONE), (SESSION, "AWS", A, Grant.ACCOUNT),
    (SESSION, "AWS", f"arn:aws:iam::{A}:root", Grant.ACCOUNT), (SESSION, "AWS", B, Grant.NONE),
    (SESSION, "AWS", f"arn:aws:sts::{A}:assumed-role/R/*", Grant.NONE), (USER, "AWS", USER.arn, Grant.DIRECT),
    (USER, "AWS", USER.arn.lower(), Grant.NONE), (FEDERATED_USER, "AWS", FEDERATED_USER.arn, Grant.DIRECT),
    (FEDERATED_USER, "AWS", FEDERATED_USER.user, Grant.ROLE), (SERVICE, "Service", SERVICE.arn, Grant.DIRECT),
    (SERVICE, "AWS", SERVICE.arn, Grant.NONE), (SERVICE, "Service", "lambda.amazonaws.com", Grant.NONE),
    (COGNITO, "Federated", COGNITO.arn, Grant.DIRECT), (COGNITO, "Service", COGNITO.arn, Grant.NONE),
    (NOBODY, "AWS", A, Grant.NONE), (USER, "CanonicalUser", "79a5", Grant.NONE),
    (Principal(f"arn:aws:iam::{A}:root"), "AWS", f"arn:aws:iam::{A}:root", Grant.DIRECT),
    (Principal(SESSION.role, role=SESSION.role), "AWS", SESSION.role, Grant.ROLE),
])
def test_how_closely_a_principal_is_named(caller: Principal, kind: str, value: str, expected: Grant) -> None:
    assert grant(Principals(((kind, value),)), caller) is expected
    inverse = Grant.NONE if expected else Grant.DIRECT
    assert grant(Principals(((kind, value),), negated=True), caller) is inverse


def test_keys_that_follow_from_the_caller() -> None:
    assert SESSION.context() == {"aws:PrincipalArn": SESSION.role, "aws:PrincipalAccount": A,
                                 "aws:PrincipalType": "AssumedRole"}
    assert USER.context()["aws:username"] == "Bob"
    assert "aws:username" not in SESSION.context()
    assert SERVICE.context() == {"aws:PrincipalServiceName": SERVICE.arn}
    assert Request(USER, "a:b", context={"AWS:Username": "Eve", "aws:TagKeys": ["x"]}).keys["aws:username"] == ("Eve",)


def test_the_account_is_read_from_arns_that_have_one() -> None:
    assert account_of(f"arn:aws:sqs:us-east-1:{A}:q") == A
    assert [account_of(arn) for arn in ("arn:aws:s3:::b", "arn:aws:iam::aws:policy/X", "*", "name")] == [""] * 4
    assert Request(USER, "a:b", f"arn:aws:sqs:us-east-1:{B}:q").cross_account
    assert not Request(USER, "a:b", "arn:aws:s3:::b").cross_account
    assert Request(USER, "a:b", "arn:aws:s3:::b", resource_account=B).cross_account
    assert not Request(SERVICE, "a:b", f"arn:aws:sqs:us-east-1:{B}:q").cross_account


@given(st.text(), st.text())
def test_a_literal_matches_itself_only(text: str, other: str) -> None:
    assert glob_match(text, literal(text))
    assert glob_match(other, literal(text)) is (other == text)


@given(st.text(alphabet="ab[]!-^*?\\."), st.text(alphabet="ab[]!-^\\."))
def test_a_pattern_says_the_same_as_the_definition(pattern: str, text: str) -> None:
    def defined(pattern: str, text: str) -> bool:
        if not pattern:
            return not text
        if pattern[0] == "*":
            return defined(pattern[1:], text) or (bool(text) and defined(pattern, text[1:]))
        return bool(text) and pattern[0] in ("?", text[0]) and defined(pattern[1:], text[1:])

    short = pattern[:8]
    assert glob_match(text, glob(short)) is defined(short, text)


def test_many_stars_do_not_cost_exponentially() -> None:
    assert not glob_match("a" * 2000, glob("*a" * 30 + "b"))  # a backtracking matcher would not come back
