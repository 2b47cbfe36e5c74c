"""What holds for every fault of sockets."""

import asyncio
import threading

import pytest
from relayed import LIMIT_S

from emulator import catalogue
from emulator.clock import Clock
from emulator.fault import Rule, parameters
from emulator.injector import Injector
from emulator.model import Connection, Link
from emulator.scope import Match
from emulator.socket_fault import SocketFault
from emulator.timeline import Timeline

FAULTS = {name: fault for name, fault in catalogue.faults().items() if issubclass(fault, SocketFault)}
HARSH = {
    "socket_latency": {"ms": 10**9},
    "socket_bandwidth": {"rate": 1},
    "socket_slow_close": {"delay_ms": 10**9},
    "socket_timeout": {"timeout_ms": 0},
    "socket_reset_peer": {"timeout_ms": 10**9},
    "socket_slicer": {"average_size": 1, "delay_ms": 10**9},
    "socket_limit_data": {"after_bytes": 10**9},
}


def test_there_are_seven():
    assert FAULTS.keys() == HARSH.keys()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_shapes_what_comes_from_the_host_unless_told_otherwise(fault):
    assert parameters(fault)["direction"]["default"] == "downstream"


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_connection_that_was_refused_has_no_shape(fault):
    clock = Clock()
    injector = Injector(clock, Timeline(clock))
    injector.arm([Rule(fault(), optional=True)])
    refused = Link("refused")
    subject = Connection("orders-db/conn-1", "orders-db")
    assert injector.pass_through("connect", subject, lambda _: refused).reply is refused
    assert injector.timeline.strikes() == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_rule_armed_first_shapes_first(fault):
    clock = Clock()
    injector = Injector(clock, Timeline(clock))
    first, second = injector.arm([Rule(fault(direction="both"), name="1"), Rule(fault(), name="2")])
    link = injector.pass_through("connect", Connection("orders-db/conn-1", "orders-db"), lambda _: Link()).reply
    assert [way for way, _, _ in link.shapes] == ["upstream", "downstream", "downstream"]
    assert [until for _, _, until in link.shapes] == [first.state, first.state, second.state]


@pytest.mark.parametrize("name", FAULTS)
def test_another_hosts_connection_and_what_is_not_its_turn_are_let_alone(relayed, name):
    elsewhere = Rule(FAULTS[name](**HARSH[name]), Match(host="cache"), name="elsewhere", optional=True)
    relayed.injector.arm([elsewhere])
    with relayed.fault(name, when={"after": 1, "times": 1}, **HARSH[name]) as armed:
        assert relayed.rows(3) == 3
        assert armed.strikes == 0
    assert relayed.timeline.strikes() == []


async def started(relayed, armed):
    """A query on its way, as far as it gets."""
    asking = asyncio.ensure_future(relayed.ask(100))
    while not armed.strikes:
        await asyncio.sleep(0)
    await asyncio.wait([asking], timeout=0.05)
    return asking


@pytest.mark.parametrize("direction", ["upstream", "downstream", "both"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_rule_that_is_disarmed_lets_the_connection_go_on_as_if_it_had_never_been(relayed, name, direction):
    async def story():
        with relayed.fault(name, {"host": "orders-db"}, direction=direction, **HARSH[name]) as armed:
            asking = await started(relayed, armed)
        assert await asyncio.wait_for(asking, LIMIT_S) == 100
        assert armed.strikes == 1

    asyncio.run(story())
    strikes = [(e.subject, e.point, e.rule, e.outcome) for e in relayed.timeline.strikes()]
    assert strikes == [("orders/inv-1/orders-db/conn-1", "connect", name, "connected")]


@pytest.mark.parametrize("name", FAULTS)
def test_a_relay_that_ends_leaves_no_thread(relayed, name):
    before = set(threading.enumerate())

    async def story():
        with relayed.fault(name, direction="both", **HARSH[name]) as armed:
            asking = await started(relayed, armed)
            await asyncio.to_thread(relayed.relay.close)
            assert relayed.relay.active == 0
        await asyncio.wait([asking])
        asking.exception()

    asyncio.run(story())
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("relay-orders-db")]
