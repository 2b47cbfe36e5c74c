"""One environment: what becomes of its init, what it is driven through, and how it ends."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from lambda_fixtures import FakeSandbox, NoIdentity, function, request, runtime_client

from emulator.functions.engines.protocol import Exit
from emulator.functions.environment import MB, Environment, watch_init
from emulator.functions.starting import Starting, Surroundings
from emulator.model import ColdStart, Delivery, Invocation

ID = "8e2a3b4c-0000-4000-8000-000000000001"
COLD = ColdStart("f/env-1", function())


@pytest.fixture
def client():
    with runtime_client() as made:
        yield made


@pytest.fixture
def environment(client):
    """Its Runtime API takes the client's place on the same listener."""
    client.api.close()
    made = Environment("f/env-1", function(), FakeSandbox(client), client.clock, "stream", NoIdentity())
    client.api = made._api
    return made


def delivery(**altered):
    return Delivery("f/inv-1", Invocation("f/inv-1", ID, function(), b"{}"), "f/env-1", b"{}", **altered)


def sandbox(environment):
    return environment._sandbox


def test_a_runtime_that_asks_is_ready(client, environment):
    os.write(client.out, b"importing\n")
    client.send(request("GET", "invocation/next"))
    start = watch_init(environment, COLD, 10)
    assert (start.kind, start.verdict, start.how) == ("ready", "started", None)
    assert b"".join(data for _, data in start.output) == b"importing\n"
    assert 0 < start.ms < 10_000


def test_an_init_error_is_told_with_its_type(client, environment):
    headers = {"Lambda-Runtime-Function-Error-Type": "Runtime.ImportModuleError"}
    client.send(request("POST", "init/error", b'{"errorMessage":"no"}', headers))
    start = watch_init(environment, COLD, 10)
    assert (start.kind, start.verdict) == ("error", "init_error")
    assert (start.error, start.error_type) == (b'{"errorMessage":"no"}', "Runtime.ImportModuleError")


def test_an_init_error_without_a_type_is_unknown(client, environment):
    client.send(request("POST", "init/error", b"{}"))
    assert watch_init(environment, COLD, 10).error_type == "Runtime.Unknown"


@pytest.mark.parametrize(
    ("how", "error_type"), [(Exit(3), "Runtime.ExitError"), (Exit(None, 9, oom=True), "Runtime.OutOfMemory")]
)
def test_a_death_in_init(client, environment, how, error_type):
    sandbox(environment).exit = how
    client.living = False
    client.sock.close()
    client.hang_up()
    start = watch_init(environment, COLD, 10)
    assert (start.kind, start.how, start.error_type) == ("exit", how, error_type)


def test_an_init_past_its_limit_is_stopped(environment):
    start = watch_init(environment, COLD, 0.01)
    assert (start.kind, start.verdict) == ("timeout", "init_timeout")
    assert sandbox(environment).marks == ["freeze"]


def test_an_invocation_is_entered_delivered_and_settled(client, environment):
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    end = client.clock.monotonic() + 10
    client.send(request("POST", f"invocation/{ID}/response", b"1"))  # it is there as soon as the event is delivered
    seen = environment.invoke(delivery(), {}, end)
    assert (seen.kind, seen.body) == ("response", b"1")
    assert environment.invocation_id == "f/inv-1"
    client.send(request("GET", "invocation/next"))
    assert environment.settle(end)


def test_the_peak_is_reset_before_the_thaw(environment):
    """One that dies as soon as it is thawed would have no peak left."""
    environment.freeze()
    environment.thaw()
    environment.thaw()
    assert sandbox(environment).marks == ["freeze", "reset", "thaw", "reset"]


@pytest.mark.parametrize(
    ("peak", "how", "used"),
    [(20 * MB, None, 20), (20 * MB + 1, None, 21), (999 * MB, None, 128), (0, Exit(None, 9, oom=True), 128)],
)
def test_used_memory_is_measured_and_never_above_the_cap(environment, peak, how, used):
    sandbox(environment).peak = peak
    assert environment.used_mb(how) == used


def test_an_engine_that_cannot_tell_how_it_ended_says_killed(environment):
    sandbox(environment).exit = None
    assert environment.ended() == Exit(None, 9)


def test_halting_stops_what_lives_once(client, environment):
    environment.halt()
    environment.halt()
    assert sandbox(environment).marks == ["freeze"]


def test_halting_leaves_the_dead_alone(client, environment):
    client.living = False
    environment.halt()
    assert sandbox(environment).marks == []


def test_it_is_killed_once(environment):
    environment.kill()
    environment.destroy()
    environment.destroy()
    assert sandbox(environment).marks == ["kill"]


def test_a_kill_from_elsewhere_is_seen_by_the_driver(client, environment):
    """Its descriptors may be others' by then; the driver reads only its own."""
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    seen = []

    def drive():
        seen.append(environment.invoke(delivery(), {}, client.clock.monotonic() + 10))

    driver = threading.Thread(target=drive)
    driver.start()
    client.answer_without_looking()
    environment.kill()
    client.sock.close()
    client.hang_up()
    driver.join(10)
    assert [one.kind for one in seen] == ["died"]
    environment.destroy()


class Issuer:
    def __init__(self):
        self.asked, self.access_key, self.secret_key, self.session_token = [], "ASIA1", "secret", "token"

    def issue(self, *given):
        self.asked.append(("issue", *given))
        return self

    def enter(self, *given):
        self.asked.append(("enter", *given))

    def revoke(self, *given):
        self.asked.append(("revoke", *given))


def test_how_an_environment_starts(client):
    specs, issuer = [], Issuer()

    class Engine:
        def start(self, spec):
            specs.append(spec)
            client.api.close()
            return FakeSandbox(client)

    around = Surroundings("http://rig:4566", ("login.salesforce.com",), None)
    starting = Starting(Engine(), issuer, client.clock, lambda: around, 7, {"owner": "me"})
    client.send(request("GET", "invocation/next"))
    start = starting(ColdStart("f/env-1", function(environment={"OWN": "1"})), 10)
    (spec,) = specs
    assert (spec.id, spec.hosts, spec.labels) == ("f/env-1", ("login.salesforce.com",), {"owner": "me"})
    assert (spec.variables["OWN"], spec.variables["AWS_ACCESS_KEY_ID"]) == ("1", "ASIA1")
    assert spec.variables["AWS_LAMBDA_LOG_STREAM_NAME"] == start.environment.stream
    assert start.environment.stream.startswith(f"{datetime.now(timezone.utc):%Y/%m/}")
    start.environment.halt()
    assert issuer.asked == [("issue", "f/env-1", "f", function().role), ("revoke", issuer)]
    start.environment.destroy()


def test_a_runtime_is_killed_when_its_time_has_come(client, environment):
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    seen = environment.invoke(delivery(kill_after_s=0.02), {}, client.clock.monotonic() + 10)
    assert (seen.kind, sandbox(environment).marks) == ("died", ["kill_runtime"])


def test_an_answer_that_was_on_its_way_when_it_was_killed_is_none(client, environment):
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    client.send(request("POST", f"invocation/{ID}/response", b"1"))
    seen = environment.invoke(delivery(kill_after_s=0.0), {}, client.clock.monotonic() + 10)
    assert seen.kind == "died"


def test_one_that_has_answered_by_then_is_not_killed(client, environment):
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    client.send(request("POST", f"invocation/{ID}/response", b"1"))
    seen = environment.invoke(delivery(kill_after_s=5.0), {}, client.clock.monotonic() + 10)
    assert (seen.kind, sandbox(environment).marks) == ("response", [])


def test_a_kill_after_the_deadline_is_none(client, environment):
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    seen = environment.invoke(delivery(kill_after_s=5.0), {}, client.clock.monotonic() + 0.02)
    assert (seen.kind, sandbox(environment).marks) == ("deadline", [])


def test_init_can_be_killed(client, environment):
    sandbox(environment).exit = Exit(None, 9)
    start = watch_init(environment, replace(COLD, kill_after_s=0.02), 10)
    assert (start.kind, start.error_type, start.how) == ("exit", "Runtime.ExitError", Exit(None, 9))


def test_an_init_that_is_over_by_then_is_not_killed(client, environment):
    client.send(request("GET", "invocation/next"))
    start = watch_init(environment, replace(COLD, kill_after_s=5.0, memory_left_mb=60), 10)
    assert (start.kind, sandbox(environment).marks) == ("ready", [f"squeeze {60 * MB}", "squeeze None"])


def test_memory_that_is_left_counts_from_what_is_in_use(client, environment):
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    client.send(request("POST", f"invocation/{ID}/response", b"1"))
    environment.invoke(delivery(memory_left_mb=30), {}, client.clock.monotonic() + 10)
    assert sandbox(environment).marks == [f"squeeze {50 * MB}", "squeeze None"]


def test_with_no_memory_left_the_event_is_not_even_delivered(client, environment):
    client.send(request("GET", "invocation/next"))
    watch_init(environment, COLD, 10)
    seen = environment.invoke(delivery(memory_left_mb=0), {}, client.clock.monotonic())
    assert (seen.kind, environment._api.state) == ("died", "Ready")
