"""Policy documents: what is read, what is refused, in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.iam.policy import Condition, Patterns, PolicyError, PolicyType, Principals, parse
from emulator.aws.iam.positions import positions
from emulator.aws.iam.validation import validate

BUCKET = "arn:aws:s3:::example_bucket"
SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
VERSION = "Policy document must be version 2012-10-17 or greater."


PATHS = (
    'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, '
    "mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/."
)


def document(*statements: object, **top: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **top})


def allow(**changed: Any) -> dict[str, Any]:
    raw = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET, **changed}
    return {name: value for name, value in raw.items() if value is not None}


def test_one_statement_may_stand_without_a_list_and_values_too() -> None:
    alone = parse(json.dumps({"Version": "2012-10-17", "Statement": allow()}))
    listed = parse(document(allow(Action=["s3:ListBucket"], Resource=[BUCKET])))
    assert alone.statements == listed.statements
    assert alone.statements[0].actions == Patterns(("s3:ListBucket",))


def test_a_document_without_version_has_no_variables() -> None:
    assert not parse(json.dumps({"Statement": allow()})).variables
    assert not parse(document(allow(), Version="2008-10-17")).variables
    assert parse(document(allow())).variables


def test_negated_elements_and_principals_are_read() -> None:
    statement = parse(document({
        "Sid": "x", "Effect": "Deny", "NotAction": ["a:b", "c:d"], "NotResource": "*",
        "NotPrincipal": {"AWS": ["1", "2"], "Service": "lambda.amazonaws.com"},
    })).statements[0]
    assert (statement.sid, statement.effect) == ("x", "Deny")
    assert statement.actions == Patterns(("a:b", "c:d"), negated=True)
    assert statement.resources == Patterns(("*",), negated=True)
    pairs = (("AWS", "1"), ("AWS", "2"), ("Service", "lambda.amazonaws.com"))
    assert statement.principals == Principals(pairs, negated=True)


def test_conditions_keep_numbers_as_written_and_booleans_in_lower_case() -> None:
    tests = {"NumericLessThanEquals": {"s3:max-keys": 10.50}, "BoolIfExists": {"aws:SecureTransport": [True]}}
    raw = document(allow(Condition={**tests, "ForAnyValue:StringLike": {"aws:TagKeys": ["a*", "b"]}}))
    assert parse(raw.replace("10.5", "10.50")).statements[0].conditions == (
        Condition("NumericLessThanEquals", "s3:max-keys", ("10.50",)),
        Condition("Bool", "aws:SecureTransport", ("true",), if_exists=True),
        Condition("StringLike", "aws:TagKeys", ("a*", "b"), "ForAnyValue"),
    )


@pytest.mark.parametrize("text", ["", "This is not a json document", "{", "[" * 100_000, "NaN", '{"Statement": [1,]}'])
def test_what_is_not_json_is_called_so(text: str) -> None:
    with pytest.raises(PolicyError, match=r"^This policy contains invalid Json$") as caught:
        parse(text)
    assert (caught.value.answer.code, caught.value.answer.status) == ("MalformedPolicyDocument", 400)


@pytest.mark.parametrize("statement", [
    "afd", allow(Effect="invalid"), allow(Effect=None), allow(Extra="x"), allow(Resource={"a": BUCKET}),
    allow(NotResource=[]), allow(NotAction="x:y"), allow(Action=[[]]), allow(Action={}), allow(Condition=[]),
    allow(Condition="a"), allow(Condition={"a": "b"}), allow(Condition={"DateGreaterThan": []}),
    allow(Condition={"DateGreaterThan": {"a": {}}}), allow(Condition={"x": {"a": "1"}}),
    allow(Condition={"ForAnyValue::StringEqualsIfExists": {"a": "b"}}), allow(Sid={}), allow(Sid=[]),
    allow(Principal="arn:aws:iam::1:root"), allow(Principal={"Nobody": "x"}), allow(Principal="*", NotPrincipal="*"),
])
def test_a_malformed_statement_is_a_syntax_error(statement: object) -> None:
    for check in (parse, validate):
        with pytest.raises(PolicyError, match=f"^{SYNTAX}$"):
            check(document(statement))


@pytest.mark.parametrize("text", [
    document(), document(allow(), Version="2013-10-17"), document(allow(), Extra=1), document(allow(), Id=["x"]),
    json.dumps({"Version": "2012-10-17"}), "[]", "1", '"x"', "null",
])
def test_a_malformed_document_is_a_syntax_error(text: str) -> None:
    with pytest.raises(PolicyError, match=f"^{SYNTAX}$"):
        parse(text)


@pytest.mark.parametrize(("statements", "text"), [
    ([allow(Action="invalid")], "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ([allow(Action=None, NotAction="")], "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ([allow(Action="invalid", Resource=None)],
     "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
    ([allow(Action="a a:ListBucket")], "Vendor a a is not valid"),
    ([allow(), allow(Action="s:3s:ListBucket")], "Actions/Condition can contain only one colon."),
    ([allow(Resource="invalid resource")], 'Resource invalid resource must be in ARN format or "*".'),
    ([allow(Resource="", Sid="a"), allow(Resource="", Sid="b")], 'Resource  must be in ARN format or "*".'),
    ([allow(Action="s:3:ListBucket", Resource="x")], 'Resource x must be in ARN format or "*".'),
    ([allow(Resource="a:b")], 'Partition "b" is not valid for resource "arn:b:*:*:*:*".'),
    ([allow(Resource="a:b:c")], 'Partition "b" is not valid for resource "arn:b:c:*:*:*".'),
    ([allow(Resource="a:b:c:d:e:f:g:h")], 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".'),
    ([allow(Resource="aws:s3:::bucket")], 'Partition "s3" is not valid for resource "arn:s3:::bucket:*".'),
    ([allow(Resource=["arn:error:s3:::b", "arn:error:s3::b"])],
     'Partition "error" is not valid for resource "arn:error:s3:::b".'),
    ([allow(Resource=None)], "Policy statement must contain resources."),
    ([allow(Resource=[])], "Policy statement must contain resources."),
    ([allow(Action=None)], "Policy statement must contain actions."),
    ([allow(Action=[])], "Policy statement must contain actions."),
    ([{"Effect": "Deny"}, allow()], "Policy statement must contain actions."),
    ([allow(Resource="arn:aws:iam:::x")], PATHS),
    ([allow(Resource="arn:aws:iam:us-east-1::x")],
     "IAM resource arn:aws:iam:us-east-1::x cannot contain region information."),
    ([allow(Resource="arn:aws:s3:us-east-1::x")],
     "Resource arn:aws:s3:us-east-1::x can not contain region information."),
    ([allow(Resource="arn:aws")], "Resource vendor must be fully qualified and cannot contain regexes."),
    ([allow(Sid="a"), {"Sid": "a", "Effect": "Allow"}], "Statement IDs (SID) in a single policy must be unique."),
    ([allow(Effect="denY")], LEGACY),
    ([allow(Effect="aLLow", Sid="a"), {"Sid": "a", "Effect": "Allow"}], LEGACY),
    ([allow(Resource="arn:aws:s3::example_bucket")], LEGACY),
    ([allow(Action=None, Resource="arn:aws:s3::example_bucket")], LEGACY),
    ([allow(Resource="arn:aws::fdsasf")], LEGACY),
    ([allow(Resource="arn:aws::::example_bucket")], LEGACY),
    ([allow(Resource=None, NotResource="arn:aws:s3::example_bucket")], LEGACY),
    ([allow(Condition={"DateGreaterThan": {"a": "sdfdsf"}})], LEGACY),
    ([allow(Condition={"DateLessThanEquals": {"a": "234-13"}})], LEGACY),
    ([allow(Condition={"DateLessThanEquals": {"a": "2016-12-13t2:00:00.593194+1"}})], LEGACY),
    ([allow(Condition={"DateLessThanEquals": {"a": "2016-12-13t2:00:00.1999999999+10:59"}})], LEGACY),
    ([allow(Condition={"DateLessThan": {"a": "9223372036854775808"}})], LEGACY),
    ([allow(Principal="*")], "Policy document should not specify a principal."),
])
def test_iam_refuses_to_store_it_with_this_text(statements: list[object], text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        validate(document(*statements))
    assert caught.value.message == text


@pytest.mark.parametrize("top", [{}, {"Version": "2008-10-17"}])
def test_iam_stores_only_documents_of_the_current_version(top: dict[str, str]) -> None:
    with pytest.raises(PolicyError, match=VERSION):
        validate(json.dumps({"Statement": allow(Effect="denY"), **top}))


@pytest.mark.parametrize("statement", [
    allow(Action="*"), allow(Resource="*"), allow(Resource=[BUCKET, "*"]), allow(Resource="arn:aws:iam:::user/x"),
    allow(Resource="arn:aws:fdsasf"), allow(Condition={}), allow(Condition={"a": {}}), allow(Action="iam: asdf f "),
    allow(Condition={"DateGreaterThan": {"a": []}}), allow(Resource="arn:aws:ec2:us-east-1::x"),
    allow(Condition={"DateGreaterThan": {"aws:CurrentTime": "2017-07-01T00:00:00Z"}}), allow(Resource=[BUCKET, None]),
])
def test_iam_stores_it(statement: object) -> None:
    assert validate(document(statement)).statements


@pytest.mark.parametrize(("statement", "text"), [
    (allow(Effect="denY"), LEGACY), (allow(Action=None), "Policy statement must contain actions."),
    (allow(Action=[None]), "Policy statement must contain actions."),
])
def test_what_could_not_be_evaluated_is_not_read_either(statement: object, text: str) -> None:
    with pytest.raises(PolicyError, match=text):
        parse(document(statement))


def test_a_trust_policy_has_no_resource_and_may_be_of_any_version() -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    assert validate(document(trust, Version="2008-10-17"), PolicyType.TRUST).statements[0].resources is None


# --- where statements stand; the numbers are AWS's answers --------------------------------------------------------

ADMINISTRATOR = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"""
AFTER_DATE = (
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":'
    '{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}'
)
PUT_OBJECT = (
    '{"Version": "2012-10-17", "Statement": '
    '{"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}'
)
TWO = (
    '{"Version":"2012-10-17","Statement":[{"Sid":"DenyInsecureTransport","Effect":"Deny","Principal":"*","Action":"*",'
    '"Resource":["arn:aws:s3:::tims-fancy-bucket/*","arn:aws:s3:::tims-fancy-bucket"],"Condition":{"Bool":'
    '{"aws:SecureTransport":"false"}}},{"Sid":"DenyTimDelete","Effect":"Deny","Principal":"*","Action":'
    '"s3:DeleteObject","Resource":"arn:aws:s3:::tims-fancy-bucket/*","Condition":{"ArnLike":{"aws:PrincipalArn":'
    '"arn:aws:iam::112233445566:role/tims-test-role"}}}]}'
)


@pytest.mark.parametrize(("text", "spans"), [
    (ADMINISTRATOR, [(3, 17, 8, 6)]), (AFTER_DATE, [(1, 38, 1, 167)]), (PUT_OBJECT, [(1, 41, 1, 113)]),
    (TWO, [(1, 38, 1, 248), (1, 248, 1, 470)]),
])
def test_statements_stand_where_aws_says(text: str, spans: list[tuple[int, int, int, int]]) -> None:
    found = [(start["Line"], start["Column"], end["Line"], end["Column"]) for start, end in positions(text)]
    assert found == spans


# --- properties ----------------------------------------------------------------------------------------------------

anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8,
)
elements = st.sampled_from(["Sid", "Effect", "Action", "NotAction", "Resource", "Principal", "Condition"])
likely = st.sampled_from([
    "Allow", "Deny", "s3:*", "*", "arn:aws:s3:::x", "arn:aws", {"AWS": "*"}, {"DateEquals": {"a": "1"}},
    {"StringLike": {"k": ["a", 1, None]}}, ["a:b"], [None], [],
])
statements = st.dictionaries(elements, likely | anything) | anything
documents = st.fixed_dictionaries({"Statement": st.lists(statements, max_size=3) | statements},
                                  optional={"Version": likely | st.just("2012-10-17"), "Id": anything})


@given(st.text() | (documents | anything).map(json.dumps))
def test_reading_raises_nothing_but_the_policy_error(text: str) -> None:
    for check in (parse, validate):
        try:
            policy = check(text)
            assert len(positions(text)) == len(policy.statements)
        except PolicyError:
            continue
