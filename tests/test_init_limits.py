"""How long Lambda waits for an init, as a fault is told at its start."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from emulator.fault import Fault, Rule


@dataclass(frozen=True)
class Look(Fault):
    """Looks at what starts."""

    name: ClassVar[str] = "look"

    def new_state(self):
        return []

    def on_start(self, cold, proceed, ctx):
        ctx.state.append((cold.phase, cold.limit_s))
        return proceed()


@pytest.fixture
def looked(inline_rig, write_handler):
    inline_rig.function("crm", write_handler(), "handler.handler", timeout=5)
    (armed,) = inline_rig.injector.arm([Rule(Look(), optional=True)])
    return armed.state


def test_ten_seconds_and_the_functions_timeout_where_it_is_repeated(inline_rig, looked):
    with inline_rig.fault("cold_start", delay_ms=11_000, when={"times": 1}):
        inline_rig.invoke("crm")
    assert looked == [("init", 10), ("invoke", 5)]


def test_where_no_invocation_waits_for_it_130_seconds(inline_rig, looked):
    client = inline_rig.client("lambda")
    version = client.publish_version(FunctionName="crm")["Version"]
    client.put_provisioned_concurrency_config(
        FunctionName="crm", Qualifier=version, ProvisionedConcurrentExecutions=1
    )
    inline_rig.settle()
    assert looked == [("init", 130)]
