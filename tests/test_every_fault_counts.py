"""Every fault strikes as often as `when` says, and ends with its rule: a thing that it strikes is done again and again.

The things are those of the examples, done on real engines where the inline one cannot do them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from example_runs import engine_of, example, furnished, rigs, seen
from faults_page import EXAMPLES

from emulator import building, catalogue
from emulator.files import AwsStep, Step
from emulator.steps import Steps

LONG_S = 10**6
# when -> strikes of each of the things done, one behind the other; a text is so many rig seconds that pass
WHENS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "times": ({"times": 1}, [1, 0]),
    "after": ({"after": 1}, [0, 1]),
    "every": ({"every": 2}, [1, 0, 1]),
    "ttl": ({"ttl": 10}, [1, "10", 0]),
    "between": ({"between": [10, 20]}, [0, "10", 1, "10", 0]),
}
BOTH_INITS = {  # an init that fails is repeated inside the invocation, and that one is struck too
    "times": [1, 0], "after": [0, 2], "every": [1, 1, 1], "ttl": [2, "10", 0], "between": [0, "10", 2, "10", 0],
}


@dataclass(frozen=True)
class Thing:
    """What is done. of: the example it is taken from, the fault's own unless it says another. params: the rule's
    `with`. payload: of the function that is invoked. variables: of every function. cold: each time in a new
    environment. expected: where the strikes are others."""

    of: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    match: dict[str, Any] = field(default_factory=dict)
    function: str = ""
    payload: Any = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    engine: str = ""
    cold: bool = False
    expected: dict[str, list[Any]] = field(default_factory=dict)


ONE_PAGE, TWO_PAGES = {"PAGE": "6"}, {"PAGE": "3"}
LOOPS = {  # the second page leads to itself until the run ends, and has struck nine times before
    "times": [1, 0], "after": [9, 9], "every": [1, 1, 1], "ttl": [9, "10", 0], "between": [0, "10", 9, "10", 0],
}
NAIVE = {"of": "socket_slicer", "function": "naive"}
THINGS = {
    "aws_blackhole": Thing(params={"seconds": 0}),
    "aws_latency": Thing(params={"ms": 10}),
    "aws_response_lost": Thing(of="aws_denied"),
    "cold_start": Thing(cold=True),
    "cpu_starved": Thing(engine="process", cold=True),
    "db_connections_exhausted": Thing(**NAIVE),
    "db_socket_open": Thing(**NAIVE),
    "db_socket_stale": Thing(payload={"careful": True}),
    "delivered_twice": Thing(of="invocation_error", match={"origin": "lambda"}),
    "descriptors_exhausted": Thing(engine="process", cold=True),
    "environment_killed": Thing(engine="process"),
    "environment_killed at init": Thing(engine="process", params={"at": "init"}, cold=True, expected=BOTH_INITS),
    "environment_killed at frozen": Thing(engine="process", params={"at": "frozen"}),
    "function_throttled": Thing(of="invocation_error"),
    "iam_propagation_delay": Thing(params={"seconds": LONG_S}),
    "init_crash": Thing(engine="process", cold=True, expected=BOTH_INITS),
    "init_slow": Thing(params={"seconds": 5}, cold=True),
    "next_token_loop": Thing(variables=TWO_PAGES, expected=LOOPS),
    "oauth_token_expired": Thing(function="forgetful"),
    "out_of_memory": Thing(engine="process", payload={"mb": 100}),
    "out_of_memory at init": Thing(engine="process", params={"at": "init"}, cold=True, expected=BOTH_INITS),
    "page_dropped": Thing(variables=ONE_PAGE),
    "page_repeated": Thing(variables=ONE_PAGE),
    "response_lost": Thing(of="invocation_error"),
    "retried_by_sdk": Thing(  # the second attempt, which passes, takes a turn as well
        match={"function": "till"}, expected={"every": [1, 1, 1]}
    ),
    "schema_changed": Thing(variables=ONE_PAGE),
    "secret_stale": Thing(params={"seconds": LONG_S}),
    "secret_visibility_delay": Thing(params={"seconds": LONG_S}),
    "socket_slow_close": Thing(**NAIVE, params={"delay_ms": 10}),
    "socket_timeout": Thing(**NAIVE, params={"timeout_ms": 10}),
    "tmp_full": Thing(engine="process", cold=True),
    "upstream_latency": Thing(params={"ms": 10}),
}


@pytest.fixture(scope="module")
def shared():
    with rigs() as made:
        yield made


class Doing:
    """One thing, on a rig on which everything is made that it needs."""

    def __init__(self, shared, label: str) -> None:
        self.thing = THINGS.get(label, Thing(**NAIVE) if label.startswith("socket_") else Thing())
        self.fault = name = label.partition(" ")[0]
        scenario = example(self.thing.of or name)
        self.rig = shared.on(self.thing.engine or engine_of(scenario))
        furnished(self.rig, scenario)
        for function in scenario.functions.values():
            function.environment |= self.thing.variables
            if name != "retried_by_sdk":
                function.environment["AWS_MAX_ATTEMPTS"] = "1"
        file = EXAMPLES / f"{name}.yaml"
        made = building.build_rig(self.rig.rig, scenario, file, lambda _: None)
        self._steps = Steps(self.rig.rig, file, made | {"steps": {}})
        for step in scenario.steps:
            if step.aws is not None and step.aws.operation.startswith(("create_", "put_", "register_")):
                self._steps.aws(step.aws)
        self._step = next(step for step in scenario.steps if step.invoke or step.http or _runs_flow(step))
        if self._step.invoke:
            invoke = {"function": self.thing.function or self._step.invoke.function, "payload": self.thing.payload}
            self._step = Step.model_validate({"invoke": invoke})

    def once(self) -> Any:
        if self.thing.cold:
            self.rig.pool.retire(lambda _: True)
        step = self._step
        if step.aws:
            return self._flown(step.aws)
        return seen(self._steps.invoke(step.invoke) if step.invoke else self._steps.http(step.http))

    def _flown(self, step: AwsStep) -> Any:
        """What the record of a whole run of its flow says."""
        self._steps.aws(step)
        self.rig.settle()
        asked = {**step.model_dump(by_alias=True), "operation": "describe_flow_execution_records"}
        record = self._steps.aws(AwsStep.model_validate(asked))["flowExecutions"][0]
        return record["executionStatus"], record["executionResult"]

    def struck(self, params: dict[str, Any], when: dict[str, Any], pattern: list[Any]) -> list[Any]:
        """The pattern as it comes out under such a rule, which is gone afterwards."""
        written = {"fault": self.fault, "with": params, "match": self.thing.match, "when": when}
        (armed,) = self.rig.injector.arm([catalogue.rule(written)])
        out = []
        for one in pattern:
            before = armed.strikes
            self.rig.clock.advance(float(one)) if isinstance(one, str) else self.once()
            out.append(one if isinstance(one, str) else armed.strikes - before)
        self.rig.injector.disarm([armed])
        return out


def _runs_flow(step: Step) -> bool:
    return step.aws is not None and step.aws.operation == "start_flow"


@pytest.mark.parametrize("label", sorted({*catalogue.faults(), *THINGS}))
def test_it_strikes_as_often_as_its_rule_says(label, shared):
    doing = Doing(shared, label)
    doing.once()
    well = doing.once()
    struck = {}
    for key, (when, pattern) in WHENS.items():
        struck[key] = doing.struck(doing.thing.params, when, pattern)
        assert doing.once() == well, key
    assert struck == {key: doing.thing.expected.get(key, pattern) for key, (_, pattern) in WHENS.items()}


@pytest.mark.parametrize(
    ("name", "params", "times", "pattern"),
    [
        ("aws_throttle", {"burst": 2}, 1, [0, 0, 1, 0]),
        ("db_socket_stale", {"idle_s": 60}, 1, [0, "60", 1, "60", 0]),
        ("idle_expired", {"idle_s": 60}, 1, [0, "60", 1, "60", 0]),
        ("oauth_token_expired", {"uses": 1}, 1, [0, 1, 0]),
        ("retried_by_sdk", {}, 2, [1, 1, 0]),
        ("upstream_rate_limited", {"burst": 1}, 1, [0, 1, 0]),
    ],
)
def test_what_it_can_do_nothing_to_is_none_of_the_times(name, params, times, pattern, shared):
    doing = Doing(shared, name)
    doing.once()
    assert doing.struck(params, {"times": times}, pattern) == pattern
