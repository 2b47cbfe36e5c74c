"""What is left of a run when the rig is reset: nothing, not even what was still under way."""

from __future__ import annotations

import json
import threading

import pytest
from lambda_fixtures import create

from emulator import catalogue
from emulator.aws.internal import client
from emulator.fault import Fault, Rule
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings

TELLS = """
import socket, os
def handler(event, context):
    print("begin")
    if event.get("wait"):
        socket.create_connection((os.environ["HOST"], int(os.environ["PORT"]))).recv(1)
    print("end")
    return 1
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
NOTHING = {
    "rules": (), "events": [], "environments": [], "functions": [], "secrets": [], "buckets": [], "roles": [],
    "logs": [], "schedule": [], "relays": [], "time": 0.0,
}


@pytest.fixture
def rig(real_engine):
    with Rig(Settings(engine=real_engine, manual_clock=True)) as rig:
        yield PytestRig(rig)


@pytest.fixture
def waiting(rig):
    """A host behind a relay that says nothing, and the variables by which a function finds it."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as host:
        address, port = rig.ways_out.add_relay("silent", host.getsockname())
        host.settimeout(30)
        yield host, {"HOST": address, "PORT": str(port)}


def fill(rig, folder, environment):
    """Something of everything that a run leaves."""
    rig.function("tells", folder, "handler.handler", timeout=60, environment=environment)
    assert rig.invoke("tells").payload == 1
    rig.client("secretsmanager").create_secret(Name="db", SecretString="x")
    rig.client("s3").create_bucket(Bucket="orders")
    rig.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))
    rig.client("events").put_rule(Name="warm", ScheduleExpression="rate(1 minute)")
    rules = [{"fault": "aws_error", "name": f"r{n}", "with": {"code": "X"}, "optional": True} for n in range(20)]
    rig.injector.arm([catalogue.rule(rule) for rule in rules])
    rig.clock.advance(10)


def left(rig):
    """What a rig that has just started has nothing of."""
    services = ("lambda", "secretsmanager", "s3", "iam", "logs", "events")
    api = {service: client(rig.endpoint, service) for service in services}
    return {
        "rules": rig.injector.armed(),
        "events": rig.timeline.events(),
        "environments": rig.pool.environments(),
        "functions": api["lambda"].list_functions()["Functions"],
        "secrets": api["secretsmanager"].list_secrets()["SecretList"],
        "buckets": api["s3"].list_buckets()["Buckets"],
        "roles": api["iam"].list_roles()["Roles"],
        "logs": api["logs"].describe_log_groups()["logGroups"],
        "schedule": [*api["events"].list_rules()["Rules"], *([rig.schedule.due()] if rig.schedule.due() else [])],
        "relays": [(relay.accepted, relay.refused) for relay, _ in rig.ways_out._relays.values() if relay.accepted],
        "time": rig.clock.now(),
    }


def test_nothing_is_left(rig, waiting, write_handler):
    folder = write_handler(TELLS)
    for _ in range(2):
        fill(rig, folder, waiting[1])
        rig.reset()
        assert left(rig) == NOTHING
        rig.reset()


def test_the_same_run_after_a_reset_is_the_same(rig, waiting, write_handler):
    folder, prints = write_handler(TELLS), set()
    for _ in range(2):
        fill(rig, folder, waiting[1])
        prints.add(rig.timeline.fingerprint())
        rig.reset()
    assert len(prints) == 1


def test_what_is_under_way_is_ended_and_tells_nothing_to_those_who_come_after(rig, waiting, write_handler):
    host, environment = waiting
    folder = write_handler(TELLS)
    fill(rig, folder, environment)
    rig.injector.disarm()
    rig.client("lambda").invoke(FunctionName="tells", InvocationType="Event", Payload=b'{"wait": true}')
    connection, _ = host.accept()
    with connection:
        rig.reset()
        assert not any(busy() for busy in rig.background)
        assert left(rig) == NOTHING
        rig.function("tells", folder, "handler.handler", environment=environment)
        assert rig.invoke("tells").payload == 1
    told = [(e.subject, e.outcome) for e in rig.timeline.events() if e.point in ("start", "invoke")]
    assert told == [("tells/env-1", "started"), ("tells/inv-1", "ok")]
    lines = client(rig.endpoint, "logs").filter_log_events(logGroupName="/aws/lambda/tells")["events"]
    assert [line["message"] for line in lines].count("begin\n") == 1


INITIALISES = """
import socket, os
socket.create_connection((os.environ["HOST"], int(os.environ["PORT"]))).recv(1)
def handler(event, context):
    return 1
"""


def test_an_init_that_is_under_way_is_ended(rig, waiting, write_handler):
    host, environment = waiting
    rig.function("slow", write_handler(INITIALISES), "handler.handler", timeout=60, environment=environment)
    rig.client("lambda").invoke(FunctionName="slow", InvocationType="Event", Payload=b"{}")
    connection, _ = host.accept()
    begun = rig.clock.monotonic()
    with connection:
        rig.reset()
        assert rig.clock.monotonic() - begun < 8  # Lambda would wait for 10 s
    assert left(rig) == NOTHING


@pytest.fixture
def inline():
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield rig


class Slow(Fault):
    """A call that is under way when the rig is reset."""

    name = "slow"

    def new_state(self):
        return threading.Event(), threading.Event()

    def on_aws_call(self, call, proceed, ctx):
        begun, go = ctx.state
        begun.set()
        go.wait(30)
        return proceed()


def test_a_call_that_was_under_way_is_not_recorded_in_the_next_run(inline):
    (armed,) = inline.injector.arm([Rule(Slow())])
    begun, go = armed.state
    calling = threading.Thread(target=lambda: client(inline.endpoint, "s3").list_buckets())
    calling.start()
    assert begun.wait(30)
    inline.reset()
    go.set()
    calling.join(30)
    assert inline.timeline.events() == []


def test_inits_ahead_that_are_under_way_are_ended(inline, monkeypatch):
    import builtins

    gate = threading.Event()
    monkeypatch.setattr(builtins, "reset_gate", gate, raising=False)
    api = client(inline.endpoint, "lambda")
    create(api, "f", "import builtins\nbuiltins.reset_gate.wait(30)\ndef handler(e, c): pass\n")
    api.publish_version(FunctionName="f")
    api.put_provisioned_concurrency_config(FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=3)
    try:
        inline.reset()
        assert not inline.pool.provisioned.busy()
        assert left(PytestRig(inline)) == NOTHING
    finally:
        gate.set()


def test_idle_environments_that_are_not_frozen_are_stopped_before_they_are_buried(monkeypatch):
    with Rig(Settings(engine="inline", manual_clock=True, freeze=False)) as rig:
        api = client(rig.endpoint, "lambda")
        create(api, "f", "def handler(e, c): pass\n")
        api.invoke(FunctionName="f")
        (environment, _), = rig.pool.environments()
        halted = []
        monkeypatch.setattr(environment, "halt", lambda: halted.append(environment.id))
        rig.reset()
        assert halted == ["f/env-1"]
