"""Off means off, for every fault: under rules that are not on, its example runs as if there were none."""

import pytest
from example_runs import engine_of, example, rigs, run

from emulator import catalogue
from emulator.scope import MATCH_KEYS

WHENS = {
    "improbable": {"probability": 0},
    "far off": {"after": 10**6},
    "not yet": {"between": [10**6, 2 * 10**6]},
    "not now": {"between": [0, 1]},
    "over": {"ttl": 1},
    "spent": {"after": 10**6, "times": 1, "every": 3, "per": "invocation"},
}


@pytest.fixture(scope="module")
def shared():
    with rigs() as made:
        yield made


def quiet(rule):
    """Copies of the rule, none of which may strike."""
    plain = {**rule, "when": {}, "optional": True}
    for name, when in WHENS.items():
        yield plain | {"name": name, "when": when}
    for key in MATCH_KEYS:
        yield plain | {"name": f"elsewhere by {key}", "match": {**rule.get("match", {}), key: "nothing"}}


@pytest.mark.parametrize("name", catalogue.faults())
def test_a_rule_that_is_not_on_changes_nothing(name, shared):
    scenario = example(name)
    rules = list(quiet(scenario.faults[0]))
    engine = engine_of(scenario)
    without = run(shared.on(engine), name, [], after_s=1)
    under = run(shared.on(engine), name, rules, after_s=1)
    assert under.struck == {rule["name"]: 0 for rule in rules}
    assert under.record == without.record
    assert (under.seen, under.fingerprint) == (without.seen, without.fingerprint)
