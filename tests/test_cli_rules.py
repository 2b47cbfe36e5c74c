"""Rules typed with options are the same rules."""

import pytest

from emulator import catalogue
from emulator.cli.faults import fault
from emulator.cli.rules import completed, written
from emulator.errors import FileProblem, UsageError
from emulator.scope import WHEN_KEYS


def rule(text, with_=(), match=(), name=None, **when):
    return completed(written(text, "RULE"), with_, match, name, **when)


def test_options_say_what_yaml_says():
    where = ("function=crm", "operation=Get*")
    made = rule("aws_denied", ("kind=explicit", "policy=scp"), where, "no", times=2, ttl=60.0)
    assert made == {
        "fault": "aws_denied", "name": "no", "with": {"kind": "explicit", "policy": "scp"},
        "match": {"function": "crm", "operation": "Get*"}, "when": {"times": 2, "ttl": 60.0},
    }  # fmt: skip
    assert catalogue.rule(made).when.ttl == 60


def test_every_word_of_when_is_an_option():
    options = {option.name for option in fault.commands["add"].params}
    assert set(WHEN_KEYS) <= options
    made = rule("cold_start", between=(1.0, 60.0))
    assert catalogue.rule(made).when.between == (1.0, 60.0)


def test_without_options_a_rule_is_what_was_typed():
    assert rule("cold_start", after=None) == "cold_start"
    assert rule("{fault: cold_start}") == {"fault": "cold_start"}


def test_values_of_parameters_are_yaml_and_patterns_are_texts():
    made = rule("cold_start", ("delay_ms=5", "real=true"), ("function=5",))
    assert (made["with"], made["match"]) == ({"delay_ms": 5, "real": True}, {"function": "5"})


def test_options_add_to_a_written_rule():
    made = rule("{fault: aws_denied, match: {function: crm}}", (), ("operation=Get*",), after=1)
    assert (made["match"], made["when"]) == ({"function": "crm", "operation": "Get*"}, {"after": 1})


@pytest.mark.parametrize(
    ("text", "given", "told"),
    [
        ("cold_start", {"with_": ("delay_ms",)}, "--with delay_ms: must be KEY=VALUE"),
        ("cold_start", {"match": ("=crm",)}, "--match =crm: must be KEY=VALUE"),
        ("{fault: cold_start, when: {ttl: 5}}", {"ttl": 6}, "when: ttl stands in the rule and is an option too"),
        ("{fault: cold_start, name: a}", {"name": "b"}, "RULE: name stands in the rule and is an option too"),
    ],
)
def test_what_cannot_be_both_is_told(text, given, told):
    with pytest.raises(UsageError, match=told):
        rule(text, **given)


def test_a_value_that_is_no_yaml_names_its_option():
    with pytest.raises(FileProblem, match=r"--with delay_ms: .*bad YAML"):
        rule("cold_start", ("delay_ms=[1",))


@pytest.mark.parametrize("text", ["5", "[cold_start]"])
def test_what_is_no_rule_is_left_to_the_catalogue(text):
    with pytest.raises(FileProblem):
        catalogue.rule(rule(text, match=("function=crm",)), "RULE")
