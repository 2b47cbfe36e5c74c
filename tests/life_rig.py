"""A function that lives and dies as its event says, and a rig on each real engine for it."""

from __future__ import annotations

import re

import pytest
from engine_choice import ENGINES
from lambda_fixtures import create

from emulator.rig import Rig
from emulator.settings import Settings

AT_ONCE_S = 5  # for a death to be noticed on a busy machine; functions here may take a minute
LIFE = """
import os, signal, subprocess, sys, threading, time

print("module runs")
N, TICKS = 0, 0


def tick():
    global TICKS
    while True:
        TICKS += 1
        time.sleep(0.001)


def say():
    number = 0
    while True:
        print(f"line {number}", flush=True)
        number += 1
        time.sleep(0.0005)


def handler(event, context):
    global N
    N += 1
    do = event.get("do")
    if do == "raise":
        raise ValueError("wrong")
    if do == "exit":
        os._exit(event["code"])
    if do == "sys.exit":
        sys.exit(event["code"])
    if do == "kill":
        os.kill(os.getpid(), event["signal"])
        time.sleep(60)
    if do == "allocate":
        return len(b"x" * (event["mb"] << 20))
    if do == "sleep":
        time.sleep(event["s"])
    if do == "thread":
        threading.Thread(target={"tick": tick, "say": say}[event["what"]], daemon=True).start()
    if do == "orphan":
        subprocess.Popen(["sleep", "60"])
        os._exit(3)
    if do == "lines":
        for number in range(20000):
            print("line", number)
    if do == "long line":
        print("y" * 5_000_000)
    if do == "bytes":
        os.write(1, b"no newline \\xff\\xfe")
    if do == "child":
        subprocess.run([sys.executable, "-c", "import os; print('out', flush=True); os.write(2, b'err')"], check=True)
    if do == "environ":
        return dict(os.environ)
    if do == "context":
        return {"left": context.get_remaining_time_in_millis(), "id": context.aws_request_id,
                "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb,
                "custom": context.client_context and context.client_context.custom,
                "trace": os.environ.get("_X_AMZN_TRACE_ID")}
    return {"pid": os.getpid(), "n": N, "ticks": TICKS}
"""


@pytest.fixture(
    scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), *(e for e in ENGINES if e != "docker")]
)
def engine_rig(request):
    """One for all tests of a module."""
    with Rig(Settings(engine=request.param, manual_clock=True)) as made:
        yield made


@pytest.fixture(scope="module")
def api(engine_rig):
    import boto3
    from botocore.config import Config

    config = Config(retries={"total_max_attempts": 1}, max_pool_connections=200, read_timeout=120)
    return boto3.client(
        "lambda", region_name="us-east-1", endpoint_url=engine_rig.url, config=config,
        aws_access_key_id="AKIALAMBDARIGCLIENT0", aws_secret_access_key="x",
    )  # fmt: skip


@pytest.fixture
def life(api, request):
    """A function of this test's own; its name."""
    yield from made(api, request, LIFE)


def made(api, request, source, **params):
    name = re.sub(r"\W", "-", request.node.name)[-60:]
    create(api, name, source, **{"MemorySize": 1769, "Timeout": 60, **params})
    yield name
    api.delete_function(FunctionName=name)


def words(log):
    """The first word of each of the platform's lines."""
    return re.findall(r"^(INIT_START|INIT_REPORT|START|END|REPORT) ", log, re.MULTILINE)


def alone(rig, name):
    """The one environment of a function."""
    (found,) = [one for one, _ in rig.pool.environments() if one.function.name == name]
    return found
