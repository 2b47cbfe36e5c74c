"""Why a rule never struck."""

import socket

import pytest

from emulator.catalogue import rule
from emulator.errors import Verdict
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


def test_of_flows_it_says_which_ran(inline_rig):
    (armed,) = inline_rig.injector.arm([rule({"fault": "page_dropped", "match": {"flow": "contcts"}})])
    inline_rig.timeline.record("contacts/run-1", "flow", "", "Successful")
    assert why(armed, inline_rig.timeline) == "it strikes where flow is contcts; what passed last: contacts/run-1"


def test_where_nothing_passed_nothing_is_shown(told):
    assert told("cold_start") == "nothing passed that it changes"


KEEPS = """
import os, socket
KEPT = []
def handler(event, context):
    if not KEPT:
        host, port = os.environ["CACHE"].split(":")
        KEPT.append(socket.create_connection((host, int(port))))
"""


@pytest.fixture
def cache(inline_rig):
    """Address of something behind a relay named `cache`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield inline_rig.relay("cache", "{}:{}".format(*listener.getsockname()))


def test_whose_a_connection_is_cannot_be_told_on_every_engine(inline_rig, write_handler, cache):
    inline_rig.function("crm", write_handler(KEEPS), "handler.handler", environment={"CACHE": cache})
    with pytest.raises(Verdict) as missed, inline_rig.fault("db_socket_stale", match={"function": "crm"}):
        assert [inline_rig.invoke("crm").error for _ in range(2)] == ["", ""]
    assert str(missed.value) == (
        "the rule 'db_socket_stale' never struck: it strikes where function is crm; which environment cache/conn-1 "
        "belongs to is unknown, so that nobody sees when it goes on: the inline engine cannot tell, nor the process "
        "engine without namespaces"
    )


def test_when_may_have_let_it_be(told):
    denied = {"fault": "aws_denied", "match": {"origin": "client"}, "when": {"after": 5}}
    assert told(denied) == "of what it matches 4 passed, and its `when` lets that be"
