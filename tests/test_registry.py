"""Names and ARNs -> functions, and AWS's words when they lead nowhere."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lambda_fixtures import function

from emulator.functions.registry import (
    BadName,
    Entry,
    NoSuchFunction,
    OtherAccount,
    QualifiersDiffer,
    Registry,
    Unresolved,
    Version,
)

ARN = "arn:aws:lambda:us-east-1:123456789012:function:f"


@pytest.fixture
def registry():
    made = Registry("123456789012", "us-east-1")
    latest = Version(function(revision="r2"), "", "", 0)
    entry = made.entries["f"] = Entry(latest)
    entry.published["1"] = Version(function(version="1", revision="r1"), "", "", 0)
    entry.aliases["live"] = {"FunctionVersion": "1"}
    return made


@pytest.mark.parametrize(
    ("given", "qualifier", "version", "wanted"),
    [
        ("f", "", "$LATEST", ""),
        ("f:$LATEST", "", "$LATEST", "$LATEST"),
        ("f", "1", "1", "1"),
        ("f:live", "", "1", "live"),
        ("f:live", "live", "1", "live"),
        (ARN, "", "$LATEST", ""),
        (f"{ARN}:live", "", "1", "live"),
        ("123456789012:function:f", "", "$LATEST", ""),
        ("function:f", "", "$LATEST", ""),
        ("us-east-1:123456789012:function:f:1", "", "1", "1"),
    ],
)
def test_what_leads_to_a_version(registry, given, qualifier, version, wanted):
    _, found, as_given = registry.version(given, qualifier)
    assert (found.function.version, as_given) == (version, wanted)


@pytest.mark.parametrize(
    ("given", "qualifier", "kind", "text"),
    [
        ("g", "", NoSuchFunction, f"Function not found: {ARN[:-1]}g:$LATEST"),
        ("f", "9", NoSuchFunction, f"Function not found: {ARN}:9"),
        ("f:beta", "", NoSuchFunction, f"Function not found: {ARN}:beta"),
        ("n" * 65, "", NoSuchFunction, f"Function not found: {ARN[:-1]}{'n' * 65}:$LATEST"),
        ("f:live", "1", QualifiersDiffer,
         "The derived qualifier from the function name does not match the specified qualifier."),
        (ARN.replace("us-east-1", "eu-west-1"), "", Unresolved,
         "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')"),
        (ARN.replace("123456789012", "999999999999"), "", OtherAccount, None),
        ("a b", "", BadName, None),
        ("arn:aws:s3:::bucket", "", BadName, None),
        ("", "", BadName, None),
    ],
)  # fmt: skip
def test_what_leads_nowhere(registry, given, qualifier, kind, text):
    with pytest.raises(kind) as caught:
        registry.version(given, qualifier)
    assert text is None or str(caught.value) == text


def test_a_bad_name_is_answered_with_awss_pattern(registry):
    with pytest.raises(BadName) as caught:
        registry.split("a b")
    text = str(caught.value)
    assert text.startswith("1 validation error detected: Value 'a b' at 'functionName' failed to satisfy constraint: ")
    assert text.endswith(
        r"Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|"
        r"(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|"
        r"[a-zA-Z0-9-_]+))?"
    )


PATTERN = re.compile(
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
)
PARTS = st.sampled_from(["arn:aws:lambda:", "us-east-1:", "123456789012:", "function:", "f", ":", "$LATEST", "1", " "])


@given(st.one_of(st.text(max_size=30), st.lists(PARTS, max_size=7).map("".join)))
def test_a_name_is_taken_when_awss_pattern_takes_it(text):
    registry = Registry("123456789012", "us-east-1")
    try:
        registry.split(text)
        taken = True
    except BadName:
        taken = False
    except Unresolved:
        taken = True
    assert taken == bool(PATTERN.fullmatch(text))


def test_holds_what_a_version_is_now(registry):
    assert registry.holds(function(revision="r2"))
    assert registry.holds(function(version="1", revision="r1"))
    assert not registry.holds(function(revision="r1"))
    assert not registry.holds(function(version="2"))
    assert not registry.holds(function(name="g"))


def test_clear_forgets_all_but_which_creation_comes_next(registry):
    before = registry.creation()
    registry.clear()
    assert not registry.entries
    assert registry.creation() > before
