from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.aws.attribution import Attribution
from emulator.aws.backend import Backend
from emulator.aws.consistency import Consistency
from emulator.aws.endpoint import AwsEndpoint
from emulator.aws.services.secretsmanager import SecretsManager
from emulator.clock import Clock
from emulator.fault import Rule, parameters
from emulator.injector import Injector
from emulator.scope import Match, When
from emulator.server import Server, listen
from emulator.timeline import Timeline
from faults.secret_visibility_delay import SecretVisibilityDelay

CRM = Path(__file__).parents[2] / "sample_connectors" / "faults" / "crm"
ROLE = "arn:aws:iam::123456789012:role/connector-role"


class Rig:
    """The endpoint behind a real server on a free port; clients are plain boto3."""

    def __init__(self):
        self.clock = Clock(manual=True)
        self.timeline = Timeline(self.clock)
        self.injector, self.attribution, self.backend = Injector(self.clock, self.timeline), Attribution(), Backend()
        consistency = Consistency(self.backend, self.injector, self.attribution, self.clock)
        services = {"secretsmanager": SecretsManager(self.backend)}
        endpoint = AwsEndpoint(self.injector, self.attribution, self.backend, services, consistency=consistency)
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


def test_seconds_run_in_rig_time_from_when_the_secret_was_created(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(seconds=10), Match(origin="client"))])
    client = rig.client()
    found = reads(client, "db")
    rig.clock.advance(9)
    client.create_secret(Name="new", SecretString="pw")
    found += reads(client, "db", "new")
    rig.clock.advance(1)
    found += reads(client, "db", "new")
    rig.clock.advance(9)
    assert (found, reads(client, "new")) == ([GONE, GONE, GONE, "ok", GONE], ["ok"])


def test_a_new_value_of_an_old_secret_is_seen_at_once(rig):
    client = rig.client()
    rig.clock.advance(10)
    rig.injector.arm([Rule(SecretVisibilityDelay(seconds=10), Match(origin="client"))])
    client.put_secret_value(SecretId="db", SecretString="new")
    assert client.get_secret_value(SecretId="db")["SecretString"] == "new"


def test_a_secret_created_anew_is_new(rig):
    client = rig.client()
    rig.clock.advance(10)
    client.delete_secret(SecretId="db", ForceDeleteWithoutRecovery=True)
    client.create_secret(Name="db", SecretString="pw")
    rig.injector.arm([Rule(SecretVisibilityDelay(seconds=10), Match(origin="client"))])
    assert reads(client, "db", "api") == [GONE, "ok"]


def test_some_endpoints_see_it_sooner_than_others(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(seconds=10, replicas=3), Match(origin="client"))])
    client = rig.client()
    early = reads(client, *["db"] * 30)
    rig.clock.advance(5)
    later = reads(client, *["db"] * 30)
    rig.clock.advance(5)
    assert 0 < early.count("ok") < later.count("ok") < 30
    assert reads(client, *["db"] * 30) == ["ok"] * 30


def test_replicas_need_seconds_to_share():
    with pytest.raises(ValueError, match="replicas need seconds to share"):
        SecretVisibilityDelay(replicas=2)


def test_a_list_shows_only_what_is_visible(rig):
    rig.injector.arm([Rule(SecretVisibilityDelay(seconds=10), Match(origin="client", operation="*"))])
    client = rig.client()
    rig.clock.advance(10)
    client.create_secret(Name="new", SecretString="pw")
    assert [one["Name"] for one in client.list_secrets()["SecretList"]] == ["db", "api"]
    answer = client.batch_get_secret_value(SecretIdList=["api", "new"])
    assert [one["Name"] for one in answer["SecretValues"]] == ["api"]
    assert [(one["SecretId"], one["Message"]) for one in answer["Errors"]] == [("new", GONE)]
    assert [event.subject for event in rig.timeline.strikes()] == [
        "client/secretsmanager.ListSecrets#1/new", "client/secretsmanager.BatchGetSecretValue#1/new",
    ]  # fmt: skip


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
        "reads": (1, "reads"), "seconds": (0.0, "s of rig time"), "replicas": (1, "endpoints"),
    }  # fmt: skip


def test_a_handlers_own_boto3_does_not_find_it_yet(real_rig):
    real_rig.function("crm", CRM, "handler.handler", memory=512, timeout=20)
    with real_rig.fault("secret_visibility_delay", reads=1):
        real_rig.client("secretsmanager").create_secret(Name="crm-token", SecretString="there")
        failed = real_rig.invoke("crm").payload
        assert failed["errorType"] == "ResourceNotFoundException"
        assert real_rig.invoke("crm").payload == {"token": "there"}
