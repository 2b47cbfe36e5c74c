"""db_socket_stale against a real PostgreSQL, a real driver and plain sockets; tests/test_relay.py has the rest."""

from pathlib import Path

import pytest

from emulator.errors import Verdict
from emulator.fault import parameters
from emulator.model import Connection, Link
from faults.db_socket_stale import DbSocketStale

POOLED = Path(__file__).parents[2] / "sample_connectors" / "faults" / "pooled"
PLAIN = """
import os, socket
from urllib.parse import urlsplit
KEPT = []
def handler(event, context):
    url = urlsplit(os.environ["DATABASE_URL"])
    if not KEPT:
        KEPT.append(socket.create_connection((url.hostname, url.port)))
    try:
        KEPT[0].sendall(bytes([0, 0, 0, 8, 4, 210, 22, 47]))  # asks for TLS
        answer = KEPT[0].recv(1).decode()
    except OSError as error:
        answer = type(error).__name__
    if answer != "N":
        KEPT.pop().close()
    return answer
"""


@pytest.fixture
def orders(real_rig):
    """The rig, with a function that keeps its connection."""
    environment = {"DATABASE_URL": real_rig.database("pooled")}
    real_rig.function("orders", POOLED, "handler.handler", requirements=True, memory=512, environment=environment)
    return real_rig


def test_its_parameters():
    defaults = {name: row["default"] for name, row in parameters(DbSocketStale).items()}
    assert defaults == {"idle_s": 0.0, "how": "fin"}


@pytest.mark.parametrize("how", ["fin", "reset", "silent"])
def test_a_driver_fails_in_its_own_words_and_who_asks_first_survives(orders, how):
    assert orders.invoke("orders").payload == 42
    with orders.fault("db_socket_stale", how=how) as armed:
        stale = orders.invoke("orders").payload
        assert stale["errorType"] == "ConnectionDoesNotExistError"
        assert stale["errorMessage"] == "connection was closed in the middle of operation"
        assert orders.invoke("orders").payload == 42  # the driver has noticed
        assert orders.invoke("orders", {"careful": True}).payload == 42
    assert armed.strikes == 2
    strikes = [(e.subject, e.point, e.outcome) for e in orders.timeline.strikes()]
    assert strikes == [(f"orders/inv-{made}/pooled/conn-1", "resume", "closed") for made in (1, 3)]
    assert orders.invoke("orders").payload == 42


def test_a_plain_socket_sees_how_it_ended(real_rig, write_handler):
    environment = {"DATABASE_URL": real_rig.database("pooled")}
    real_rig.function("plain", write_handler(PLAIN), "handler.handler", environment=environment)
    seen = []
    for how in ("fin", "reset", "silent"):
        assert real_rig.invoke("plain").payload == "N"
        with real_rig.fault("db_socket_stale", how=how):
            seen.append(real_rig.invoke("plain").payload)
    assert seen == ["", "ConnectionResetError", "ConnectionResetError"]


def test_only_what_was_silent_for_so_long_by_the_rigs_clock(orders):
    orders.invoke("orders")
    with orders.fault("db_socket_stale", idle_s=350, match={"host": "pooled", "function": "orders"}) as armed:
        orders.clock.advance(340)
        assert orders.invoke("orders").payload == 42
        assert armed.strikes == 0
        orders.clock.advance(360)
        assert orders.invoke("orders").error == "Unhandled"


def test_only_the_host_and_the_turn_that_it_is_aimed_at(orders):
    orders.invoke("orders")
    with orders.fault("db_socket_stale", match={"host": "other"}, optional=True):
        assert orders.invoke("orders").payload == 42
    with orders.fault("db_socket_stale", when={"after": 1, "times": 1}):
        assert [orders.invoke("orders").error for _ in range(3)] == ["", "Unhandled", ""]


def test_a_cold_start_has_nothing_that_could_be_stale(orders):
    with pytest.raises(Verdict, match="never struck"), orders.fault("db_socket_stale"):
        orders.invoke("orders")


def test_below_its_time_it_lets_the_connection_be():
    link, frozen = Link(), Connection("db/conn-1", "db", idle_s=349.0)
    assert DbSocketStale(idle_s=350).on_resume(frozen, lambda: link, None) is link
