"""Provisioned concurrency on rigs of many kinds: one after another, on a running clock, and on each real engine."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor

from lambda_fixtures import PATIENCE_S, invoke
from provisioned_calls import environments, get, made, put, told

from emulator.aws.internal import client
from emulator.fault import Rule
from emulator.rig import Rig
from emulator.scope import When
from emulator.settings import Settings
from faults.cold_start import ColdStartLatency


def scenario():
    """Put, a counted fault, invocations, a death and its successor: gives the fingerprint."""
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        api = client(rig.endpoint, "lambda")
        made(api, "f")
        rig.injector.arm([Rule(ColdStartLatency(delay_ms=200_000), when=When(times=1))])
        put(api, "f", count=2)
        assert told(get(api, "f"))[0] == [2, 1, 1]
        put(api, "f", count=3)
        get(api, "f")
        for _ in range(2):
            invoke(api, "f", Qualifier="live")
        rig.pool.retire(lambda environment: environment.id == "f/env-3")  # what is lost has a successor
        invoke(api, "f", Qualifier="1")
        invoke(api, "f")
        return rig.timeline.fingerprint()


def test_the_same_every_time():
    assert len({scenario() for _ in range(5)}) == 1


# --- rig time runs ----------------------------------------------------------------------------------------


SLOW = """
import threading
gate = __import__("builtins").provisioning_gate
gate.wait(20)
def handler(event, context):
    return "ok"
"""


def test_on_a_running_clock_get_does_not_wait(monkeypatch):
    import builtins

    gate = threading.Event()
    monkeypatch.setattr(builtins, "provisioning_gate", gate, raising=False)
    with Rig(Settings(engine="inline")) as rig:
        api = client(rig.endpoint, "lambda")
        made(api, "f", SLOW)
        put(api, "f")
        assert told(get(api, "f")) == ([1, 0, 0], "IN_PROGRESS", None)
        gate.set()
        rig.settle(PATIENCE_S)
        assert told(get(api, "f")) == ([1, 1, 1], "READY", None)


# --- each real engine -------------------------------------------------------------------------------------


REAL = """
import os, time
time.sleep(1.0)
def handler(event, context):
    if event == "exit":
        os._exit(3)
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], os.environ["AWS_LAMBDA_FUNCTION_VERSION"]]
"""


def test_a_slow_init_is_over_before_the_first_invocation(real_engine):
    with Rig(Settings(engine=real_engine, manual_clock=True)) as rig:
        api = client(rig.endpoint, "lambda")
        made(api, "f", REAL)
        put(api, "f", "live")
        assert told(get(api, "f", "live")) == ([1, 1, 1], "READY", None)
        outcome = rig.functions.invoke("f", b"{}", "lambda", qualifier="live")
        assert json.loads(outcome.payload) == ["provisioned-concurrency", "1"]
        assert outcome.duration_ms < 1000
        assert b"Init Duration" not in outcome.log
        crash = rig.functions.invoke("f", b'"exit"', "lambda", qualifier="live")
        assert crash.status == "crash"
        with ThreadPoolExecutor(2) as threads:
            calls = [threads.submit(rig.functions.invoke, "f", b"{}", "lambda", qualifier="live") for _ in range(2)]
            kinds = {call.result().environment: json.loads(call.result().payload)[0] for call in calls}
        assert kinds["f/env-2"] == "provisioned-concurrency"
        assert environments(rig)[0] == ("f/env-2", "idle", "provisioned-concurrency")
