"""Why a rule never struck."""

import pytest

from emulator.catalogue import rule
from emulator.missed import why


@pytest.fixture
def told(inline_rig):
    """told(RULE) -> why it never struck, although four secrets were read while it was armed."""

    def go(written):
        (armed,) = inline_rig.injector.arm([rule(written)])
        secrets = inline_rig.client("secretsmanager")
        for _ in range(4):
            secrets.list_secrets()
        assert armed.missed
        return why(armed, inline_rig.timeline)

    return go


def test_it_says_where_the_rule_strikes_and_what_passed_there(told):
    assert told({"fault": "aws_denied", "match": {"operation": "ListSecret", "origin": "client"}}) == (
        "it strikes where operation is ListSecret and origin is client; what passed last: "
        "client/secretsmanager.ListSecrets#2, client/secretsmanager.ListSecrets#3, client/secretsmanager.ListSecrets#4"
    )


def test_where_nothing_passed_nothing_is_shown(told):
    assert told("cold_start") == "nothing passed that it changes"


def test_when_may_have_let_it_be(told):
    denied = {"fault": "aws_denied", "match": {"origin": "client"}, "when": {"after": 5}}
    assert told(denied) == "of what it matches 4 passed, and its `when` lets that be"
