"""A rig whose steps are timed, in a process of its own: any line on stdin makes it print and forget its timings."""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

# What is timed, in the order of the path; a step's time is its own, without the steps it calls.
STEPS = (
    ("front", "dispatch, write the answer", "emulator.aws.endpoint", "AwsEndpoint.__call__"),
    ("read", "recognise the AWS request", "emulator.aws.endpoint", "read"),
    ("serve", "attribution, fault points, timeline", "emulator.aws.endpoint", "AwsEndpoint.serve"),
    ("gateway", "API Gateway: route, event, answer", "emulator.frontdoors.apigateway", "ApiGateway.__call__"),
    ("lambda", "Lambda API", "emulator.aws.services.lambda_api.invoke", "Invoking.answer"),
    ("admit", "ids of the invocation", "emulator.functions.service", "Functions.admit"),
    ("pool", "pool: admit, choose, release", "emulator.functions.pool", "Pool.run"),
    ("execute", "START to REPORT, log lines", "emulator.functions.execution", "Execution.run"),
    ("thaw", "thaw", "emulator.functions.engines.{engine}_sandbox", "{Engine}Sandbox.thaw"),
    ("reset", "reset the memory peak", "emulator.functions.engines.{engine}_sandbox", "{Engine}Sandbox.reset_peak"),
    ("invoke", "runtime client and handler", "emulator.functions.environment", "Environment.invoke"),
    ("settle", "until the runtime asks for the next event", "emulator.functions.environment", "Environment.settle"),
    ("output", "drain the log pipe", "emulator.functions.environment", "Environment.output"),
    ("peak", "read the memory peak", "emulator.functions.engines.{engine}_sandbox", "{Engine}Sandbox.peak_memory"),
    ("log", "hand the log over", "emulator.aws.services.logs", "LogStore.append"),
    ("freeze", "freeze", "emulator.functions.engines.{engine}_sandbox", "{Engine}Sandbox.freeze"),
)
seen: dict[str, list[float]] = defaultdict(list)
inside = threading.local()


def timed(step: str, plain: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(plain)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        above = getattr(inside, "below", 0.0)
        inside.below = 0.0
        begin = time.perf_counter()
        try:
            return plain(*args, **kwargs)
        finally:
            took = (time.perf_counter() - begin) * 1000
            seen[step].append(took - inside.below)
            inside.below = above + took

    return wrapper


def instrument(engine: str) -> None:
    for step, _, module, path in STEPS:
        owner: Any = __import__(module.format(engine=engine), fromlist=["x"])
        *outer, name = path.format(Engine=engine.capitalize()).split(".")
        for part in outer:
            owner = getattr(owner, part)
        setattr(owner, name, timed(step, getattr(owner, name)))


def main(engine: str) -> None:
    from emulator.rig import Rig
    from emulator.settings import Settings

    instrument(engine)
    with Rig(Settings(engine=engine)) as rig:
        print(json.dumps({"url": rig.url}, indent=1), flush=True)
        for _ in sys.stdin:
            print(json.dumps(seen), flush=True)
            seen.clear()


if __name__ == "__main__":
    main(sys.argv[1])
