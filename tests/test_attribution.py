import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.aws.attribution import Attribution, assumed_role

ROLE = "arn:aws:iam::123456789012:role/service-role/connector-role"


@pytest.fixture
def attribution():
    return Attribution(seed=7)


def test_keys_look_like_session_keys_and_repeat_with_the_seed(attribution):
    first = attribution.issue("orders/env-1", "orders", ROLE)
    assert first == Attribution(seed=7).issue("orders/env-1", "orders", ROLE)
    assert re.fullmatch("ASIA[A-Z2-7]{16}", first.access_key)
    assert len(first.secret_key) == 40
    assert first.access_key != Attribution(seed=8).issue("orders/env-1", "orders", ROLE).access_key
    assert first.access_key != attribution.issue("orders/env-2", "orders", ROLE).access_key


def test_the_caller_is_the_role_without_path_in_a_session_named_after_the_function(attribution):
    key = attribution.issue("orders/env-1", "orders", ROLE).access_key
    caller = attribution.caller(key)
    assert caller.arn == "arn:aws:sts::123456789012:assumed-role/connector-role/orders"
    assert (caller.function, caller.environment, caller.invocation) == ("orders", "orders/env-1", "")


def test_one_character_names_are_padded():
    assert assumed_role(ROLE, "f").endswith("assumed-role/connector-role/f@lambda_function")


def test_calls_are_numbered_per_invocation(attribution):
    key = attribution.issue("orders/env-1", "orders", ROLE).access_key

    def called():
        return attribution.call_id(attribution.caller(key), "secretsmanager", "GetSecretValue")

    assert called() == "orders/env-1/init/secretsmanager.GetSecretValue#1"
    attribution.enter(key, "orders/inv-3")
    assert attribution.caller(key).invocation == "orders/inv-3"
    assert [called(), called()] == [f"orders/inv-3/secretsmanager.GetSecretValue#{n}" for n in (1, 2)]
    attribution.leave(key)
    assert called() == "orders/env-1/between/secretsmanager.GetSecretValue#1"
    attribution.enter(key, "orders/inv-4")
    assert called() == "orders/inv-4/secretsmanager.GetSecretValue#1"


def test_an_environment_that_ends_late_does_not_revoke_its_namesakes_key(attribution):
    before, after = (attribution.issue("orders/env-1", "orders", ROLE) for _ in range(2))
    attribution.revoke(before)
    assert attribution.caller(after.access_key).function == "orders"
    attribution.revoke(after)
    assert attribution.caller(after.access_key).function == ""


def test_a_key_is_gone_with_its_environment_until_one_of_that_name_is_there_again(attribution):
    issued = attribution.issue("orders/env-1", "orders", ROLE)
    key = issued.access_key
    assert not attribution.gone(key)
    attribution.revoke(issued)
    assert attribution.gone(key)
    attribution.issue("orders/env-1", "orders", ROLE)
    assert not attribution.gone(key)
    attribution.revoke(issued)
    assert not attribution.gone(key)


def test_unknown_keys_are_clients(attribution):
    for access_key in ("anything", ""):
        assert not attribution.gone(access_key)
        assert attribution.caller(access_key).arn == "arn:aws:iam::123456789012:root"
        assert attribution.caller(access_key).function == ""
    caller = attribution.caller("anything")
    assert attribution.call_id(caller, "sqs", "SendMessage") == "client/sqs.SendMessage#1"
    attribution.restart()
    assert attribution.call_id(caller, "sqs", "SendMessage") == "client/sqs.SendMessage#1"


def test_named_callers_keep_their_key_and_name(attribution):
    key = attribution.name("appflow.amazonaws.com")
    assert key == attribution.name("appflow.amazonaws.com")
    caller = attribution.caller(key)
    assert caller.arn == "appflow.amazonaws.com"
    expected = "appflow.amazonaws.com/secretsmanager.CreateSecret#1"
    assert attribution.call_id(caller, "secretsmanager", "CreateSecret") == expected


def test_threads_get_every_number_once(attribution):
    caller = attribution.caller("client")
    with ThreadPoolExecutor(8) as threads:
        ids = list(threads.map(lambda _: attribution.call_id(caller, "sqs", "SendMessage"), range(400)))
    assert sorted(ids, key=lambda i: int(i.rpartition("#")[2])) == [
        f"client/sqs.SendMessage#{n + 1}" for n in range(400)
    ]


def test_another_delivery_of_an_event_is_numbered_on_in_any_environment(attribution):
    counts = Counter()
    for environment, number in (("orders/env-1", 1), ("orders/env-2", 2)):
        key = attribution.issue(environment, "orders", ROLE).access_key
        attribution.enter(key, "orders/inv-3", counts)
        assert attribution.call_id(attribution.caller(key), "sqs", "SendMessage").endswith(f"#{number}")
