from emulator.fault import parameters
from faults.idle_expired import IdleExpired

COUNT = "count = 0\ndef handler(event, context):\n    global count\n    count += 1\n    return count\n"


def counting(rig, write_handler):
    rig.function("crm", write_handler(COUNT), "handler.handler", memory=512, timeout=20)
    return lambda: rig.invoke("crm").payload


def test_its_parameters():
    assert {name: row["default"] for name, row in parameters(IdleExpired).items()} == {"idle_s": 0.0}


def test_every_invocation_is_a_cold_start_as_long_as_the_rule_is_armed(real_rig, write_handler):
    count = counting(real_rig, write_handler)
    assert count() == 1
    with real_rig.fault("idle_expired") as armed:
        again = real_rig.invoke("crm")
        assert (again.payload, "Init Duration" in again.log) == (1, True)
    assert count() == 2
    assert armed.strikes == 1
    assert [event.outcome for event in real_rig.timeline.events() if event.point == "warm"] == ["expired"]


def test_only_those_idle_for_long_enough_by_the_rigs_clock(inline_rig, write_handler):
    count = counting(inline_rig, write_handler)
    with inline_rig.fault("idle_expired", idle_s=60) as armed:
        assert count() == 1
        inline_rig.clock.advance(59)
        assert count() == 2
        inline_rig.clock.advance(60)
        assert count() == 1
    assert armed.strikes == 1


def test_a_rule_counts_the_reuses(inline_rig, write_handler):
    count = counting(inline_rig, write_handler)
    with inline_rig.fault("idle_expired", when={"after": 1, "times": 1}):
        assert [count() for _ in range(5)] == [1, 2, 1, 2, 3]


def test_another_functions_environments_stay(inline_rig, write_handler):
    count = counting(inline_rig, write_handler)
    with inline_rig.fault("idle_expired", match={"function": "other"}, optional=True) as armed:
        assert [count() for _ in range(3)] == [1, 2, 3]
    assert armed.strikes == 0


def test_provisioned_ones_stay(inline_rig, write_handler):
    counting(inline_rig, write_handler)
    api = inline_rig.client("lambda")
    version = api.publish_version(FunctionName="crm")["Version"]
    api.put_provisioned_concurrency_config(
        FunctionName="crm", Qualifier=version, ProvisionedConcurrentExecutions=1
    )
    with inline_rig.fault("idle_expired", optional=True) as armed:
        invoke = lambda: api.invoke(FunctionName="crm", Qualifier=version)["Payload"].read()  # noqa: E731
        assert [invoke() for _ in range(3)] == [b"1", b"2", b"3"]
    assert armed.strikes == 0
