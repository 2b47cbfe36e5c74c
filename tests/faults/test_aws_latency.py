import threading
from random import Random
from threading import Lock

import pytest
from calling import calling

from emulator.clock import Clock
from emulator.fault import Context, Rule
from emulator.model import AwsReply
from faults.aws_latency import AwsLatency

DONE = AwsReply(200, (), b"")


@pytest.fixture
def calls(inline_rig, write_handler):
    return calling(inline_rig, write_handler)


def late_ms(fault, seed):
    ctx = Context(Clock(manual=True), fault.new_state(), Lock(), Random(seed))
    reply = fault.on_aws_call(None, lambda: DONE, ctx)
    return 0 if reply is DONE else reply.seconds * 1000


def test_the_answer_is_late_for_everybody_and_else_the_same(inline_rig, calls):
    inline_rig.client("secretsmanager").create_secret(Name="db", SecretString="x")
    with inline_rig.fault("aws_latency", ms=120, match={"operation": "GetSecretValue"}) as armed:
        begin = Clock().monotonic()
        assert calls("secretsmanager", "get_secret_value", SecretId="db") == ["ok"]
        assert Clock().monotonic() - begin >= 0.12
    assert armed.strikes == 1
    (struck,) = inline_rig.timeline.strikes("aws_latency")
    assert (struck.subject, struck.outcome) == ("crm/inv-1/secretsmanager.GetSecretValue#1", "200")


def test_past_the_clients_read_timeout_it_was_done_all_the_same(inline_rig, calls):
    with inline_rig.fault("aws_latency", ms=60_000) as armed:
        found = calls("secretsmanager", "create_secret", read_timeout=0.1, Name="db", SecretString="x")
        assert (found, armed.strikes) == (["ReadTimeoutError"], 1)
    assert calls("secretsmanager", "get_secret_value", SecretId="db") == ["ok"]


def test_a_rule_that_is_disarmed_lets_the_answer_go(inline_rig, calls):
    (armed,) = inline_rig.injector.arm([Rule(AwsLatency(60_000))])
    ending = threading.Thread(target=inline_rig.injector.disarm, args=([armed],))
    inline_rig.timeline.listen(lambda event: ending.start() if event.rule else None)
    begin = Clock().monotonic()
    assert calls("secretsmanager", "list_secrets", read_timeout=50) == ["ok"]
    ending.join()
    assert Clock().monotonic() - begin < 15


def test_jitter_is_around_it_never_below_nothing_and_by_the_dice():
    drawn = [late_ms(AwsLatency(100, 150), seed) for seed in range(50)]
    assert drawn == [late_ms(AwsLatency(100, 150), seed) for seed in range(50)]
    assert min(drawn) == 0
    assert 200 < max(drawn) <= 250
    assert {late_ms(AwsLatency(100), seed) for seed in range(5)} == {100}


def test_a_handlers_own_boto3_times_out(real_rig, write_handler):
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("aws_latency", ms=60_000):
        assert calls("secretsmanager", "list_secrets", read_timeout=0.3) == ["ReadTimeoutError"]
    assert calls("secretsmanager", "list_secrets") == ["ok"]
