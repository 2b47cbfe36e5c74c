"""Rules come into force together, or none does."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
from injector_rig import Hook, call, look

from emulator import catalogue
from emulator.errors import FaultError, UsageError
from emulator.fault import Fault, Rule, param
from faults.aws_throttle import AwsThrottle
from faults.environment_killed import EnvironmentKilled

pytest_plugins = ["injector_rig"]  # fixtures: injector


@pytest.fixture
def told():
    """What was made and healed, in order; told.rule(NAME) tells of itself."""

    class Told(list):
        def rule(self, name, heal=None):
            def healed(ctx):
                self.append(f"healed {ctx.state}")
                if heal:
                    heal()

            def state():
                self.append(f"made {name}")
                return name

            return Rule(Hook(look, state=state, heal=healed), name=name)

    return Told()


def fail():
    raise RuntimeError("nothing left")


def test_states_made_before_one_that_cannot_be_are_healed(injector, told):
    rules = [told.rule("first"), told.rule("second"), Rule(Hook(look, state=fail), name="third"), told.rule("fourth")]
    with pytest.raises(FaultError, match="fault 'third' raised while it was armed: RuntimeError"):
        injector.arm(rules)
    assert told == ["made first", "made second", "healed first", "healed second"]
    assert injector.armed() == ()
    assert injector.labels == {}


def test_one_that_cannot_be_healed_either_keeps_no_other_from_it(injector, told, caplog):
    rules = [told.rule("first", heal=fail), told.rule("second"), Rule(Hook(look, state=fail), name="third")]
    with pytest.raises(FaultError, match="fault 'third' raised while it was armed"):
        injector.arm(rules)
    assert told[-2:] == ["healed first", "healed second"]
    assert "fault 'first' raised while healing: RuntimeError('nothing left')" in caplog.text


@pytest.mark.parametrize("taken", ["first", "armed"])
def test_a_label_is_looked_at_before_any_state_is_made(injector, told, taken):
    injector.arm([Rule(Hook(look), name="armed")])
    with pytest.raises(UsageError, match=f"a rule named '{taken}' is armed already"):
        injector.arm([told.rule("first"), told.rule(taken)])
    assert told == []
    assert [armed.rule.label for armed in injector.armed()] == ["armed"]


@pytest.mark.parametrize(
    ("fault", "written"),
    [
        (EnvironmentKilled(at="x"), {"at": "x"}),
        (EnvironmentKilled(after_ms=-1), {"after_ms": -1}),
        (AwsThrottle(burst="many"), {"burst": "many"}),
    ],
)
def test_a_parameter_that_is_none_is_refused_in_the_catalogues_words(injector, fault, written):
    with pytest.raises(UsageError) as there:
        catalogue.rule({"fault": fault.name, "with": written}, f"fault {fault.name}")
    with pytest.raises(UsageError) as here:
        injector.arm([Rule(fault)])
    assert str(here.value) == str(there.value)
    assert injector.armed() == ()


@dataclass(frozen=True)
class Asking(Fault):
    """Its parameter is nothing that a file could give."""

    name: ClassVar[str] = "asking"
    codes: tuple[int, ...] = param((), "", "made in Python, as a tuple")
    rate: float = param(1, "", "a whole number is one too")

    def on_invoke(self, subject, proceed, ctx):
        return proceed()


def test_what_python_makes_of_a_parameter_is_right_too(injector):
    injector.arm([Rule(Asking(codes=(1, 2)))])
    call(injector)
