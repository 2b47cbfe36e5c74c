from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from emulator import catalogue
from emulator.errors import FaultError, FileProblem, UsageError
from emulator.fault import POINTS, REQUIRED, Fault, param, parameters
from emulator.scope import MATCH_KEYS, WHEN_KEYS, Match, When
from faults.aws_denied import AwsDenied
from faults.cold_start import ColdStartLatency

NAMES = tuple(sorted(path.stem for path in (Path(__file__).parent.parent / "faults").glob("[!_]*.py")))


@dataclass(frozen=True)
class Good(Fault):
    """Good for nothing."""

    name: ClassVar[str] = "good"

    count: int = param(1, "", "a parameter")
    rate: float = param(0.5, "", "a parameter", least=-1)
    pair: tuple[float, float] = param((0.0, 1.0), "", "a parameter")
    names: list[str] = param([], "", "a parameter")
    kind: Literal["a", "b"] = param("a", "", "a parameter")
    where: Path = param(Path("x"), "", "a parameter")
    real: bool = param(False, "", "a parameter")

    def __post_init__(self) -> None:
        if self.count == 13:
            raise ValueError("count: 13 brings bad luck")

    def on_invoke(self, subject, proceed, ctx):
        return proceed()


@dataclass(frozen=True)
class Demanding(Good):
    """Good, and asks for more."""

    name: ClassVar[str] = "demanding"

    must: str = param("", "", "a parameter")


@dataclass(frozen=True)
class Mistyped(Good):
    name: ClassVar[str] = "mistyped"

    def on_aws_cal(self, subject, proceed, ctx):
        return proceed()


@dataclass(frozen=True)
class Hookless(Fault):
    name: ClassVar[str] = "hookless"


@dataclass
class Changeable(Fault):
    name: ClassVar[str] = "changeable"

    def on_invoke(self, subject, proceed, ctx):
        return proceed()


class Plain(Fault):
    name: ClassVar[str] = "plain"


@dataclass(frozen=True)
class Needy(Fault):
    """Says nothing of what it needs."""

    name: ClassVar[str] = "needy"

    must: str = param(REQUIRED, "", "what it needs")

    def on_invoke(self, subject, proceed, ctx):
        return proceed()


def point(name, target):
    return EntryPoint(name, target if ":" in target else f"{__name__}:{target}", catalogue.GROUP)


@pytest.fixture
def good(monkeypatch):
    """The catalogue holds `good` and `needy` alone."""
    found = {"good": Good, "needy": Needy}
    monkeypatch.setattr(catalogue, "faults", lambda: found)


def refused(written, key=""):
    with pytest.raises(FileProblem) as caught:
        catalogue.rule(written, "file.yaml", key)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_installed_faults_are_found_by_name():
    assert tuple(catalogue.faults()) == NAMES
    assert catalogue.one("cold_start") is ColdStartLatency
    assert {p.name for p in entry_points(group=catalogue.GROUP)} == set(NAMES)


def test_a_fault_that_is_not_there_is_a_usage_error_with_the_choices():
    with pytest.raises(UsageError, match=f"unknown fault 'cold': choose one of {', '.join(NAMES)}"):
        catalogue.one("cold")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("cold_strat", "cold_start"),
        ({"fault": "aws_deneid"}, "aws_denied"),
        ({"fault": "cold_start", "wiht": {}}, "with"),
        ({"fault": "cold_start", "with": {"dealy_ms": 1}}, "delay_ms"),
        ({"fault": "cold_start", "match": {"functoin": "crm"}}, "function"),
        ({"fault": "cold_start", "when": {"tiems": 1}}, "times"),
    ],
)
def test_a_typo_is_told_what_was_meant_at_the_end_of_the_choices(written, meant):
    assert refused(written).endswith(f"): did you mean {meant!r}?")


def test_what_is_like_nothing_is_not_guessed():
    assert refused("quux").endswith(", upstream_reset)")


def test_faults_are_in_groups_by_where_they_strike():
    groups = catalogue.grouped()
    assert list(groups) == ["AWS calls", "Environments", "Invocations", "Flows", "Sockets", "SaaS hosts"]
    assert sorted(name for names in groups.values() for name in names) == sorted(catalogue.faults())
    assert groups["Sockets"][:2] == ["db_connections_exhausted", "db_socket_open"]
    assert "environment_killed" in groups["Environments"]


@pytest.mark.parametrize(
    ("name", "target", "problem"),
    [
        ("gone", "no.such.module:Fault", r"cannot be imported: ModuleNotFoundError"),
        ("gone", "Absent", r"cannot be imported: AttributeError"),
        ("text", "NAMES", "is not a dataclass derived from emulator.fault.Fault"),
        ("plain", "Plain", "is not a dataclass derived from emulator.fault.Fault"),
        ("changeable", "Changeable", "is not frozen"),
        ("other", "Good", "calls itself 'good': the two must agree"),
        ("hookless", "Hookless", f"hooks no point: choose from {', '.join(POINTS)}"),
        ("mistyped", "Mistyped", "hooks 'aws_cal', which is no point: choose from request, permit"),
    ],
)
def test_a_fault_that_cannot_be_used_is_named_with_its_place(name, target, problem):
    with pytest.raises(FaultError, match=rf"fault '{name}' \(.*{target.split(':')[-1]}\) {problem}"):
        catalogue.collected([point("good", "Good"), point(name, target)])


def test_two_faults_cannot_share_a_name():
    with pytest.raises(FaultError, match=r"fault 'good' \(.*\) has the name of another fault"):
        catalogue.collected([point("good", "Good"), point("good", "test_catalogue:Good2")])


@dataclass(frozen=True)
class Good2(Good):
    """Another of the same name."""


def test_the_same_fault_found_twice_is_one():
    assert catalogue.collected([point("good", "Good"), point("good", "Good")]) == {"good": Good}


@pytest.mark.usefixtures("good")
def test_a_rule_is_a_fault_a_place_and_a_time():
    rule = catalogue.rule(
        {
            "fault": "good",
            "name": "mine",
            "with": {"count": 3, "rate": -0.5, "pair": [1, 2.5], "names": ["a", "b"], "kind": "b",
                     "where": "/etc", "real": True},
            "match": {"function": "crm"},
            "when": {"after": 1, "times": 2, "between": [0, 5], "per": "invocation"},
            "optional": True,
        }
    )  # fmt: skip
    assert rule.fault == Good(3, -0.5, (1.0, 2.5), ["a", "b"], "b", Path("/etc"), True)
    assert (rule.match, rule.label, rule.optional) == (Match(function="crm"), "mine", True)
    assert rule.when == When(after=1, times=2, between=(0.0, 5.0), per="invocation")


@pytest.mark.parametrize("written", ["cold_start", {"fault": "cold_start"}, {"fault": "cold_start", "with": None}])
def test_a_bare_name_is_a_rule(written):
    rule = catalogue.rule(written)
    assert (rule.fault, rule.match, rule.when, rule.label) == (ColdStartLatency(), Match(), When(), "cold_start")


def test_python_writes_a_rule_with_keywords():
    rule = catalogue.rule_of("cold_start", {"delay_ms": 5}, {"function": "crm"}, {"times": 1}, optional=True)
    assert (rule.fault.delay_ms, rule.match.function, rule.when.times, rule.optional) == (5, "crm", 1, True)
    with pytest.raises(FileProblem, match=r"cold_start: with\.delay: unknown key"):
        catalogue.rule_of("cold_start", {"delay": 5}, {}, {})


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("cold", f"fault: unknown fault 'cold' (choose from: {', '.join(NAMES)})"),
        ({"fault": "cold"}, f"fault: unknown fault 'cold' (choose from: {', '.join(NAMES)})"),
        ({"fault": ["cold_start"]}, "fault: unknown fault ['cold_start'] (choose from:"),
        ({"fault": {"a": 1}}, "fault: unknown fault {'a': 1} (choose from:"),
        ({"fault": 5}, "fault: unknown fault 5 (choose from:"),
        ({}, "fault: is missing (choose from: aws_blackhole"),
        ({"fault": None}, "fault: is missing (choose from: aws_blackhole"),
        (None, "must be a mapping, not None (choose from: fault, match, name, optional, when, with)"),
        ([], "must be a mapping, not [] (choose from:"),
        (5, "must be a mapping, not 5 (choose from:"),
    ],
)
def test_what_is_no_rule_is_one_line_with_file_and_choices(written, said):
    assert refused(written).startswith(f"file.yaml: {said}")
    assert refused(written, "faults.2").startswith("file.yaml: faults.2")


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("wiht", {}, "wiht: unknown key (choose from: fault, match, name, optional, when, with)"),
        (5, 6, "5: unknown key (choose from:"),
        ("with", [], "with: must be a mapping, not []"),
        ("with", 0, "with: must be a mapping, not 0"),
        ("with", False, "with: must be a mapping, not False"),
        ("with", {"delay": 1}, "with.delay: unknown key (choose from: delay_ms, real, slowdown)"),
        ("with", {"delay_ms": "1"}, "with.delay_ms: Input should be a valid integer, not '1'"),
        ("with", {"delay_ms": 1.5}, "with.delay_ms: Input should be a valid integer, not 1.5"),
        ("with", {"delay_ms": True}, "with.delay_ms: Input should be a valid integer, not True"),
        ("with", {"delay_ms": None}, "with.delay_ms: Input should be a valid integer, not None"),
        ("with", {"delay_ms": -1}, "with.delay_ms: must be 0 or more, not -1"),
        ("with", {"real": 1}, "with.real: Input should be a valid boolean, not 1"),
        ("match", {"func": "x"}, "match.func: unknown key (choose from: caller, entity, flow, function, host, "),
        ("match", {"function": 5}, "match.function: Input should be a valid string, not 5"),
        ("match", "crm", "match: must be a mapping, not 'crm'"),
        ("when", {"time": 1}, "when.time: unknown key (choose from: after, between, every, per, probability, times, "),
        ("when", {"after": -1}, "when.after: must be 0 or more, not -1"),
        ("when", {"times": 0}, "when.times: must be 1 or more, not 0"),
        ("when", {"times": "1"}, "when.times: Input should be a valid integer, not '1'"),
        ("when", {"every": 0}, "when.every: must be 1 or more, not 0"),
        ("when", {"probability": 1.1}, "when.probability: must be between 0 and 1, not 1.1"),
        ("when", {"probability": float("nan")}, "when.probability: Input should be a finite number, not nan"),
        ("when", {"ttl": 0}, "when.ttl: must be more than 0, not 0"),
        ("when", {"ttl": float("inf")}, "when.ttl: Input should be a finite number, not inf"),
        ("when", {"per": "day"}, "when.per: must be one of function, invocation, run, not 'day'"),
        ("when", {"between": [5, 1]}, "when.between: must be two numbers, 0 or more, the second the larger, not ["),
        ("when", {"between": [-1, 1]}, "when.between: must be two numbers"),
        ("when", {"between": [1]}, "when.between.1: Field required, not [1]"),
        ("when", {"between": "ab"}, "when.between: Input should be a valid array, not 'ab'"),
        ("optional", "yes", "optional: Input should be a valid boolean, not 'yes'"),
        ("name", 5, "name: Input should be a valid string, not 5"),
        ("name", "a,b", "name: must be letters, digits, spaces and any of _ . : -, not 'a,b'"),
        ("name", "a/b", "name: must be letters"),
    ],
)
def test_a_mistake_in_a_rule_is_one_line_with_file_key_and_choices(part, value, said):
    written = {"fault": "cold_start", part: value}
    assert refused(written).startswith(f"file.yaml: {said}")
    assert refused(written, "faults.2").startswith(f"file.yaml: faults.2.{said}")


@pytest.mark.usefixtures("good")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"count": 13}, "with: count: 13 brings bad luck"),
        ({"rate": -1.5}, "with.rate: must be -1 or more, not -1.5"),
        ({"rate": float("inf")}, "with.rate: Input should be a finite number, not inf"),
        ({"names": "a"}, "with.names: Input should be a valid array, not 'a'"),
        ({"where": object()}, "with.where: is nothing that can be written"),
        ({"kind": "c"}, "with.kind: Input should be 'a' or 'b', not 'c'"),
    ],
)
def test_a_faults_own_limits_are_told_alike(values, said):
    assert refused({"fault": "good", "with": values}).startswith(f"file.yaml: {said}")


@pytest.mark.usefixtures("good")
def test_a_parameter_without_a_default_must_be_given():
    assert refused("needy") == "file.yaml: with.must: is missing"
    assert catalogue.rule({"fault": "needy", "with": {"must": "x"}}).fault == Needy("x")


def test_labels_in_a_file_must_differ():
    with pytest.raises(FileProblem, match=r"f.yaml: faults.1: a rule named 'cold_start' is armed already: .*`name`"):
        catalogue.rules(["cold_start", {"fault": "cold_start"}], "f.yaml")
    both = catalogue.rules(["cold_start", {"fault": "cold_start", "name": "second"}], "f.yaml")
    assert [rule.label for rule in both] == ["cold_start", "second"]


def test_denied_takes_only_what_iam_knows():
    assert catalogue.rule({"fault": "aws_denied", "with": {"kind": "explicit"}}).fault == AwsDenied(kind="explicit")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
WORDS = st.sampled_from([*NAMES, *catalogue.RULE_KEYS, *MATCH_KEYS, *WHEN_KEYS, "delay_ms", "reads", "run"])


@example({"\n": 1})
@given(st.dictionaries(WORDS, JSON | WORDS | st.dictionaries(WORDS, JSON | WORDS, max_size=3), max_size=4) | JSON)
def test_whatever_is_written_it_is_a_rule_or_one_clear_line(written):
    try:
        said = f"file.yaml: {catalogue.rule(written, 'file.yaml').fault.name}"
    except FileProblem as problem:
        said = str(problem)
    assert said.startswith("file.yaml: ")
    assert "\n" not in said


def test_every_installed_fault_has_a_default_for_everything_and_says_what_it_is():
    for fault in catalogue.faults().values():
        assert fault() == fault()
        for row in parameters(fault).values():
            assert row["about"]
