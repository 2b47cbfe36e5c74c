from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.endpoint import AwsEndpoint
from emulator.clock import Clock
from emulator.fault import Rule, parameters
from emulator.injector import Injector
from emulator.scope import Match, When
from emulator.server import Server, listen
from emulator.timeline import Timeline
from faults.secret_visibility_delay import SecretVisibilityDelay

ROLE = "arn:aws:iam::123456789012:role/connector-role"


class Rig:
    """The endpoint behind a real server on a free port; clients are plain boto3."""

    def __init__(self):
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.injector, self.attribution, self.backend = Injector(self.clock, self.timeline), Attribution(), Backend()
        endpoint = AwsEndpoint(self.injector, self.attribution, self.backend, {})
        self.server = Server(endpoint, listen("127.0.0.1", 0), threads=8)
        self.arns = [self.client().create_secret(Name=name, SecretString="pw")["ARN"] for name in ("db", "api")]

    def client(self, access_key="AKIAXXXXXXXXXXXXXXXX"):
        return boto3.client(
            "secretsmanager", endpoint_url=f"http://127.0.0.1:{self.server.address[1]}", region_name="us-east-1",
            aws_access_key_id=access_key, aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}, max_pool_connections=16),
        )  # fmt: skip

    def close(self):
        self.injector.disarm()
        self.server.close()
        self.backend.reset()


@pytest.fixture
def rig():
    made = Rig()
    yield made
    made.close()


def reads(client, *names):
    """What each read comes to: `ok` or the message."""
    found = []
    for name in names:
        try:
            found.append("ok" if client.get_secret_value(SecretId=name)["SecretString"] == "pw" else "wrong")
        except ClientError as error:
            found.append(error.response["Error"]["Message"])
    return found


GONE = "Secrets Manager can't find the specified secret."


def test_the_first_read_of_each_secret_does_not_find_it(rig):
    key = rig.attribution.issue("orders/env-1", "orders", ROLE).access_key
    rig.attribution.enter(key, "orders/inv-1")
    rig.injector.arm([Rule(SecretVisibilityDelay())])
    function = rig.client(key)
    assert reads(function, "db", "db", "api", "api", "db") == [GONE, "ok", GONE, "ok", "ok"]
    struck = [event.subject for event in rig.timeline.strikes("secret_visibility_delay")]
    assert struck == [f"orders/inv-1/secretsmanager.GetSecretValue#{n}" for n in (1, 3)]


def test_it_is_awss_not_found(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(), Match(origin="client"))])
    with pytest.raises(ClientError) as caught:
        rig.client().get_secret_value(SecretId="db")
    assert caught.value.response["Error"] == {"Code": "ResourceNotFoundException", "Message": GONE}
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_name_arn_and_partial_arn_are_one_secret(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(reads=2), Match(origin="client"))])
    arn = rig.arns[0]
    assert reads(rig.client(), "db", arn, arn[:-7], "db") == [GONE, GONE, "ok", "ok"]


def test_the_tests_own_client_is_not_hit_by_default(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay())])
    assert reads(rig.client(), "db") == ["ok"]
    assert rig.injector.never_struck() == ["secret_visibility_delay"]


def test_after_one_twice(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(reads=9), Match(origin="client"), When(after=1, times=2))])
    assert reads(rig.client(), *["db"] * 4) == ["ok", GONE, GONE, "ok"]


def test_writes_pass_and_are_not_counted(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(), Match(origin="client", operation="*"))])
    client = rig.client()
    client.create_secret(Name="new", SecretString="pw")
    client.put_secret_value(SecretId="new", SecretString="pw")
    assert reads(client, "new", "new") == [GONE, "ok"]
    assert [event.subject.rpartition(".")[2] for event in rig.timeline.strikes()] == ["GetSecretValue#1"]


def test_seconds_run_in_rig_time_from_when_the_secret_was_first_read(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(seconds=10), Match(origin="client"))])
    client = rig.client()
    found = reads(client, "db")
    rig.clock.advance(9)
    found += reads(client, "db", "api")
    rig.clock.advance(1)
    found += reads(client, "db", "api")
    assert found == [GONE, GONE, GONE, "ok", GONE]


def test_seconds_run_from_the_write_where_the_rule_sees_it(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(seconds=10), Match(origin="client", operation="*"))])
    client = rig.client()
    client.create_secret(Name="new", SecretString="pw")
    rig.clock.advance(10)
    assert reads(client, "new") == ["ok"]


def test_threads_see_exactly_as_many_refusals(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(reads=5), Match(origin="client"))])
    client = rig.client()
    with ThreadPoolExecutor(8) as threads:
        found = [result for results in threads.map(lambda _: reads(client, "db"), range(40)) for result in results]
    assert (found.count(GONE), found.count("ok")) == (5, 35)
    assert len(rig.timeline.strikes()) == 5


def test_off_means_off(rig):
    armed = rig.injector.arm([Rule(SecretVisibilityDelay(reads=99), Match(origin="client"))])
    assert reads(rig.client(), "db") == [GONE]
    rig.injector.disarm(armed)
    assert reads(rig.client(), "db") == ["ok"]


def test_its_parameters_have_defaults_and_units():
    assert {key: (row["default"], row["unit"]) for key, row in parameters(SecretVisibilityDelay).items()} == {
        "reads": (1, "reads"), "seconds": (0.0, "s of rig time"),
    }  # fmt: skip
