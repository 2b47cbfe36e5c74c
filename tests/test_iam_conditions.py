"""Condition operators, set qualifiers and missing keys."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.iam.conditions import conditions_hold, holds
from emulator.aws.iam.operators import OPERATORS
from emulator.aws.iam.policy import Condition, split_operator

IP, DATE = "203.0.113.7", "2019-04-25T11:00:00Z"
SNS = "arn:aws:sns:us-east-1:111122223333:topic"


def check(operator: str, wanted: str | list[str], *given: str, key: str = "k", variables: bool = True) -> bool:
    qualifier, bare, if_exists = split_operator(operator)
    values = tuple([wanted] if isinstance(wanted, str) else wanted)
    keys = {"k": given, "aws:username": ("Ann*",)} if given else {"aws:username": ("Ann*",)}
    return holds(Condition(bare, key, values, qualifier, if_exists), keys, variables)


@pytest.mark.parametrize(("operator", "given", "wanted", "expected"), [
    ("StringEquals", "a", "a", True), ("StringEquals", "a", "A", False), ("StringEquals", "ab", "a*", False),
    ("StringNotEquals", "a", "A", True), ("StringEqualsIgnoreCase", "aB", "Ab", True),
    ("StringNotEqualsIgnoreCase", "aB", "Ab", False), ("StringLike", "abc", "a?c", True),
    ("StringLike", "abc", "A*", False), ("StringLike", "a[c", "a[*", True), ("StringNotLike", "abc", "a*", False),
    ("NumericEquals", "10", "10.0", True), ("NumericNotEquals", "10", "11", True), ("NumericLessThan", "9", "10", True),
    ("NumericLessThanEquals", "10", "10", True), ("NumericGreaterThan", "10", "9.99", True),
    ("NumericGreaterThanEquals", "9", "10", False), ("NumericEquals", "x", "x", False),
    ("NumericNotEquals", "x", "1", True), ("NumericLessThan", "NaN", "1", False),
    ("NumericLessThan", "1", "sNaN", False),
    ("DateEquals", DATE, "2019-04-25T13:00:00+02:00", True), ("DateEquals", DATE, "1556190000", True),
    ("DateNotEquals", DATE, DATE, False), ("DateGreaterThan", DATE, "2018-08-16T12:00:00Z", True),
    ("DateLessThan", DATE, "2018-08-16T12:00:00Z", False), ("DateGreaterThanEquals", DATE, "2019", True),
    ("DateLessThanEquals", "2019-04", "2019-04-01", True), ("DateLessThan", "2019-04-25t11:00:00.5z", DATE, False),
    ("DateEquals", "2019-02-30", "2019-02-30", False), ("DateEquals", "1556190000.5", "2019-04-25T11:00:00.500Z", True),
    ("Bool", "true", "True", True), ("Bool", "false", "true", False), ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("BinaryEquals", "not base64", "not base64", False), ("IpAddress", IP, "203.0.113.0/24", True),
    ("IpAddress", IP, IP, True), ("IpAddress", IP, "203.0.113.8", False), ("NotIpAddress", IP, "10.0.0.0/8", True),
    ("IpAddress", "2001:DB8:1234:5678::1", "2001:db8:1234:5678::/64", True), ("IpAddress", IP, "2001:db8::/32", False),
    ("IpAddress", IP, "203.0.113.9/24", True), ("IpAddress", "somewhere", "0.0.0.0/0", False),
    ("ArnEquals", SNS, "arn:aws:sns:*:111122223333:*", True), ("ArnLike", SNS, "arn:aws:sns:*:topic", False),
    ("ArnLike", "arn:aws:s:us-east-2:9:store/abc:111122223333:finance/x", "arn:aws:s:*:111122223333:finance/*", False),
    ("ArnNotLike", SNS, "arn:aws:sqs:*:*:*", True), ("ArnNotEquals", SNS, SNS, False),
    ("ArnLike", "not an arn", "*", False), ("ArnLike", SNS, "*", True),
])
def test_an_operator_compares_as_documented(operator: str, given: str, wanted: str, expected: bool) -> None:
    assert check(operator, wanted, given) is expected


@pytest.mark.parametrize(("operator", "expected"), [
    ("StringEquals", False), ("StringNotEquals", True), ("ArnNotLike", True), ("NotIpAddress", True), ("Bool", False),
    ("StringEqualsIfExists", True), ("StringNotEqualsIfExists", True), ("NumericLessThanIfExists", True),
    ("ForAllValues:StringEquals", True), ("ForAllValues:StringNotLike", True), ("ForAnyValue:StringEquals", False),
    ("ForAnyValue:StringNotEquals", False), ("ForAnyValue:StringEqualsIfExists", False),
])
def test_a_missing_key(operator: str, expected: bool) -> None:
    assert check(operator, "1") is expected


@pytest.mark.parametrize(("wanted", "given", "expected"), [
    ("true", (), True), ("false", (), False), ("true", ("x",), False), ("false", ("x",), True), ("TRUE", (), True),
])
def test_null_asks_whether_the_key_is_there(wanted: str, given: tuple[str, ...], expected: bool) -> None:
    assert check("Null", wanted, *given) is expected


@pytest.mark.parametrize(("operator", "given", "expected"), [
    ("ForAllValues:StringLike", ("PostDateTime", "Message"), True),
    ("ForAllValues:StringLike", ("Message", "ID"), False),
    ("ForAnyValue:StringLike", ("ID", "Message"), True), ("ForAnyValue:StringLike", ("ID",), False),
    ("ForAllValues:StringNotEquals", ("ID", "X"), True), ("ForAllValues:StringNotEquals", ("ID", "Tags"), False),
    ("ForAnyValue:StringNotEquals", ("ID", "Tags"), True), ("ForAnyValue:StringNotEquals", ("Tags",), False),
    ("ForAllValues:StringLike", ("",), True), ("ForAnyValue:StringLike", ("",), False),
])
def test_set_qualifiers(operator: str, given: tuple[str, ...], expected: bool) -> None:
    assert check(operator, ["PostDateTime", "Message", "Tags"], *given) is expected


@pytest.mark.parametrize(("given", "expected"), [
    (("key1:legal",), False), (("key1:hr", "key1:personnel"), False), (("key2:audit",), True), ((), True),
])
def test_the_documented_table_of_forallvalues_stringnotlike(given: tuple[str, ...], expected: bool) -> None:
    assert check("ForAllValues:StringNotLike", "key1*", *given) is expected


def test_values_of_one_key_are_ored_and_under_a_negation_nored() -> None:
    assert check("StringEquals", ["a", "b"], "b")
    assert not check("StringNotEquals", ["a", "b"], "b")
    assert not check("StringEquals", [], "b")
    assert check("StringNotEquals", [], "b")


def test_several_values_in_the_request_without_qualifier_any_may_match_but_none_under_a_negation() -> None:
    assert check("StringEquals", "a", "a", "b")
    assert not check("StringNotEquals", "a", "a", "b")


def test_operators_and_keys_are_anded() -> None:
    yes, no = Condition("StringEquals", "A", ("1",)), Condition("StringEquals", "b", ("2",))
    keys = {"a": ("1",), "b": ("x",)}
    assert conditions_hold([yes], keys, True)
    assert conditions_hold([], keys, True)
    assert not conditions_hold([yes, no], keys, True)


def test_key_names_have_no_case() -> None:
    assert check("StringEquals", "x", "x", key="K")


def test_variables_work_in_string_arn_and_bool_operators_of_the_current_version() -> None:
    assert check("StringEquals", "${aws:username}", "Ann*")
    assert check("StringLike", "${aws:username}/*", "Ann*/x")
    assert not check("StringLike", "${aws:username}", "Anna")
    assert check("ArnLike", "arn:aws:iam::1:user/${aws:username}", "arn:aws:iam::1:user/Ann*")
    assert not check("StringEquals", "${aws:username}", "Ann*", variables=False)
    assert check("StringEquals", "${aws:username}", "${aws:username}", variables=False)


def test_a_condition_with_an_unresolved_variable_does_not_hold() -> None:
    assert not check("StringEquals", "${aws:userid}", "x")
    assert not check("StringNotEquals", "${aws:userid}", "x")


def test_every_operator_of_the_language_is_there() -> None:
    orders = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")
    strings = ("Equals", "NotEquals", "EqualsIgnoreCase", "NotEqualsIgnoreCase", "Like", "NotLike")
    assert set(OPERATORS) == {
        *(f"String{how}" for how in strings), *(f"{kind}{how}" for kind in ("Numeric", "Date") for how in orders),
        *(f"Arn{how}" for how in ("Equals", "Like", "NotEquals", "NotLike")),
        "Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "Null",
    }


known = [IP, DATE, SNS, "10", "-1", "true", "1e99999", "${aws:username}", "10.0.0.0/8"]
texts = st.text(max_size=12) | st.sampled_from(known)


@given(st.sampled_from(sorted(OPERATORS)), st.lists(texts, max_size=3), st.lists(texts, max_size=3), st.booleans())
def test_comparing_never_raises_and_ifexists_changes_only_a_missing_key(
    operator: str, wanted: list[str], given: list[str], variables: bool
) -> None:
    keys = {"k": tuple(given)}
    plain = holds(Condition(operator, "k", tuple(wanted)), keys, variables)
    if_exists = holds(Condition(operator, "k", tuple(wanted), if_exists=True), keys, variables)
    assert if_exists is plain or not given


@given(st.sampled_from([("StringEquals", "StringNotEquals"), ("NumericEquals", "NumericNotEquals"),
                        ("DateEquals", "DateNotEquals"), ("IpAddress", "NotIpAddress"), ("ArnLike", "ArnNotLike")]),
       texts, texts)
def test_a_negated_operator_is_the_opposite_of_its_own(pair: tuple[str, str], given: str, wanted: str) -> None:
    plain, negated = pair
    assert check(plain, wanted, given, variables=False) is not check(negated, wanted, given, variables=False)
