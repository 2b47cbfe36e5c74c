import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.scope import MATCH_KEYS, WHEN_KEYS, Match, When

CALL = {"function": "crm", "service": "secretsmanager", "operation": "GetSecretValue", "origin": "function"}


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"function": "crm"}, True),
        ({"function": "CRM"}, False),
        ({"function": "cr"}, False),
        ({"function": "c*"}, True),
        ({"function": "c?m"}, True),
        ({"function": "*"}, True),
        ({"function": ""}, False),
        ({"function": "crm", "operation": "Get*"}, True),
        ({"function": "crm", "operation": "Put*"}, False),
        ({"route": "*"}, False),
        ({"host": ""}, False),
        ({"caller": "?*"}, False),
    ],
)
def test_every_field_given_must_fit_and_what_is_absent_fits_nothing(match, fits):
    assert Match(**match).fits(CALL) is fits


def test_an_empty_attribute_is_an_absent_one():
    assert not Match(function="*").fits({**CALL, "function": ""})


def test_a_bracket_is_a_bracket():
    assert Match(route="GET /a[b]").fits({"route": "GET /a[b]"})
    assert not Match(route="GET /a[b]").fits({"route": "GET /ab"})
    assert Match(route="GET /orders/{id}").fits({"route": "GET /orders/{id}"})


@given(st.text(min_size=1), st.text(min_size=1))
def test_a_text_without_wildcards_fits_itself_only(text, other):
    plain = text.replace("*", "x").replace("?", "x")
    assert Match(host=plain).fits({"host": plain})
    assert Match(host=plain).fits({"host": other}) is (other == plain)


def test_over_keeps_its_own_and_takes_the_rest():
    assert Match(function="crm", origin="*").over(Match(service="sts", origin="function")) == Match(
        function="crm", service="sts", origin="*"
    )


def struck(when, count=12, dice=None):
    return [index for index in range(count) if when.strikes(index, dice or random.Random(1))]


@pytest.mark.parametrize(
    ("when", "indices"),
    [
        ({}, list(range(12))),
        ({"after": 3}, list(range(3, 12))),
        ({"after": 12}, []),
        ({"times": 1}, [0]),
        ({"times": 4}, [0, 1, 2, 3]),
        ({"after": 2, "times": 3}, [2, 3, 4]),
        ({"every": 5}, [0, 5, 10]),
        ({"every": 5, "after": 1}, [1, 6, 11]),
        ({"every": 5, "times": 2}, [0, 5]),
        ({"every": 4, "after": 3, "times": 2}, [3, 7]),
        ({"probability": 0.0}, []),
        ({"probability": 1.0}, list(range(12))),
    ],
)
def test_counting(when, indices):
    assert struck(When(**when)) == indices


@pytest.mark.parametrize(
    ("when", "ages"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"ttl": 3}, [0, 1, 2]),
        ({"between": (2, 4)}, [2, 3]),
        ({"between": (2, 9), "ttl": 3}, [2]),
        ({"between": (0, 0)}, []),
    ],
)
def test_time(when, ages):
    assert [age for age in range(6) if When(**when).on(age)] == ages


@given(after=st.integers(0, 20), every=st.integers(1, 10), times=st.none() | st.integers(1, 10))
def test_counting_is_what_slicing_a_list_is(after, every, times):
    assert struck(When(after=after, every=every, times=times), 60) == list(range(60))[after::every][:times]


@given(probability=st.floats(0.05, 0.95), seed=st.integers())
def test_probability_is_a_share(probability, seed):
    hits = struck(When(probability=probability), 2000, random.Random(seed))
    assert abs(len(hits) / 2000 - probability) < 0.08


def test_the_keys_are_what_files_may_say():
    assert MATCH_KEYS == (
        "function", "service", "operation", "resource", "route", "origin", "caller", "host", "flow", "entity",
    )
    assert WHEN_KEYS == ("after", "times", "every", "between", "probability", "ttl", "per")
