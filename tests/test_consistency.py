import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from consistent_rig import GONE, GRANT, ConsistentRig, Look, read

from emulator.aws.consistency import history
from emulator.clock import Clock
from emulator.scope import Match
from emulator.visibility import Seen
from faults.iam_propagation_delay import IamPropagationDelay
from faults.secret_stale import SecretStale
from faults.secret_visibility_delay import SecretVisibilityDelay


@pytest.fixture
def rig():
    with ConsistentRig() as made:
        yield made



def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def looked(rig, name="db"):
    """The writes of a secret, by what made them."""
    return [(write.what, write.at, write.there) for write in rig.versions(name)]


def test_without_a_rule_everybody_sees_the_newest_and_nothing_is_recorded(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.admin.put_secret_value(SecretId="db", SecretString="b")
    assert read(rig.admin) == "b"
    assert rig.events() == []


def test_every_change_of_a_secret_is_a_version(rig):
    arn = rig.admin.create_secret(Name="db", SecretString="a")["ARN"]
    rig.clock.advance(5)
    rig.admin.put_secret_value(SecretId=arn, SecretString="b")
    rig.admin.tag_resource(SecretId="db", Tags=[{"Key": "k", "Value": "v"}])
    rig.clock.advance(5)
    rig.admin.delete_secret(SecretId=arn[:-7])
    rig.admin.restore_secret(SecretId="db")
    rig.admin.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)
    assert looked(rig) == [
        ("", float("-inf"), False), ("CreateSecret", 0.0, True), ("PutSecretValue", 5.0, True),
        ("TagResource", 5.0, True), ("DeleteSecret", 10.0, True), ("RestoreSecret", 10.0, True),
        ("DeleteSecret", 10.0, False),
    ]  # fmt: skip


def test_what_changes_nothing_is_no_version(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    refused(rig.admin.create_secret, Name="db", SecretString="b")
    rig.admin.untag_resource(SecretId="db", TagKeys=["k"])
    rig.admin.get_random_password()
    assert [what for what, _, _ in looked(rig)] == ["", "CreateSecret"]


def test_a_write_past_the_endpoint_is_noticed_by_the_first_read(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.backend.models("secretsmanager", "us-east-1").secrets["db"].description = "by CloudFormation"
    assert [what for what, _, _ in looked(rig)] == ["", "CreateSecret", ""]


def test_appflow_itself_writes_too(rig):
    appflow = rig.client("appflow.amazonaws.com")
    arn = appflow.create_secret(Name="appflow!123456789012-crm-acme", SecretString="t")["ARN"]
    rig.arm(SecretVisibilityDelay(seconds=5))
    rig.role()
    rig.grant()
    function = rig.function()
    assert refused(function.get_secret_value, SecretId=arn) == ("ResourceNotFoundException", GONE, 400)
    rig.clock.advance(5)
    assert read(function, arn) == "t"


def test_a_subject_says_who_reads_what(rig):
    rig.role()
    rig.grant()
    arn = rig.admin.create_secret(Name="db", SecretString="a")["ARN"]
    rig.clock.advance(3)
    function, look = rig.function(), Look()
    rig.arm(look)
    read(function)
    allowed, secret = look.reads
    assert (allowed.id, secret.id) == ("crm/inv-1/iam.Authorize#1", "crm/inv-1/secretsmanager.GetSecretValue#1")
    assert (allowed.kind, allowed.thing, secret.kind, secret.thing) == (
        "iam", "iam/role/crm", "secret", "secret/us-east-1/db",
    )  # fmt: skip
    assert allowed.attributes() == {
        "service": "iam", "operation": "Authorize", "resource": "arn:aws:iam::123456789012:role/crm",
        "caller": "arn:aws:sts::123456789012:assumed-role/crm/crm", "function": "crm", "origin": "function",
    }  # fmt: skip
    assert secret.attributes() | {"resource": arn, "operation": "GetSecretValue"} == secret.attributes()
    assert (secret.started.at, secret.started.serial) == (3.0, 3)
    assert rig.events() == []


def test_stale_answers_leave_motos_state_alone(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.admin.put_secret_value(SecretId="db", SecretString="b")
    before = rig.admin.describe_secret(SecretId="db")["VersionIdsToStages"]
    rig.arm(SecretStale(seconds=10), origin="client", operation="GetSecretValue")
    assert read(rig.admin) == "a"
    assert rig.admin.describe_secret(SecretId="db")["VersionIdsToStages"] == before
    assert list(rig.backend.models("secretsmanager", "us-east-1", "000000000000").secrets) == []


def test_a_stale_answer_is_what_the_answer_was(rig):
    rig.admin.create_secret(Name="db", SecretBinary=b"\x00a", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    calls = {
        "get_secret_value": {}, "describe_secret": {}, "list_secret_version_ids": {}, "get_resource_policy": {},
    }  # fmt: skip

    def answers():
        return [
            {key: value for key, value in getattr(rig.admin, call)(SecretId="db").items() if key != "ResponseMetadata"}
            for call in calls
        ]

    before = answers()
    rig.admin.update_secret(SecretId="db", SecretString="b", Description="e")
    rig.admin.put_resource_policy(SecretId="db", ResourcePolicy=json.dumps({"Statement": []}))
    rig.arm(SecretStale(seconds=10), origin="client", operation="*")
    stale = answers()
    for one, other in zip(before, stale, strict=True):
        for version in (*one.get("Versions", ()), *other.get("Versions", ())):
            version.pop("LastAccessedDate")
            version.pop("CreatedDate")
    assert stale == before


def test_regions_have_histories_of_their_own_and_replicas_follow(rig):
    west = rig.client(region="us-west-2")
    rig.admin.create_secret(Name="db", SecretString="a", AddReplicaRegions=[{"Region": "us-west-2"}])
    rig.client(region="eu-west-1").create_secret(Name="db", SecretString="other")
    rig.clock.advance(60)
    rig.admin.put_secret_value(SecretId="db", SecretString="b")
    rig.arm(SecretStale(seconds=10), origin="client")
    assert (read(rig.admin), read(west), read(rig.client(region="eu-west-1"))) == ("a", "a", "other")
    rig.clock.advance(10)
    assert (read(rig.admin), read(west)) == ("b", "b")


def test_a_user_has_the_policies_of_its_groups_as_they_were(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.iam.create_user(UserName="ada")
    rig.iam.create_group(GroupName="staff")
    rig.iam.add_user_to_group(UserName="ada", GroupName="staff")
    ada = rig.client(rig.iam.create_access_key(UserName="ada")["AccessKey"]["AccessKeyId"])
    rig.clock.advance(60)
    rig.iam.put_group_policy(GroupName="staff", PolicyName="p", PolicyDocument=GRANT)
    rig.arm(IamPropagationDelay(seconds=10), origin="client")
    assert "no identity-based policy allows" in read(ada)
    rig.clock.advance(10)
    assert read(ada) == "a"


def test_disarming_heals_at_once(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    armed = rig.arm(SecretVisibilityDelay(seconds=99), origin="client")
    assert read(rig.admin) == GONE
    rig.injector.disarm([armed])
    assert read(rig.admin) == "a"


def test_cleared_with_everything_else(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.backend.reset()
    rig.consistency.clear()
    assert rig.consistency.moment().serial == 0
    rig.arm(SecretStale(seconds=99), origin="client")
    assert read(rig.admin) == GONE
    rig.admin.create_secret(Name="db", SecretString="b")
    assert read(rig.admin) == "b"


def test_a_rigs_reset_forgets_what_was_written(inline_rig):
    sm = inline_rig.client("secretsmanager")
    sm.create_secret(Name="db", SecretString="a")
    inline_rig.rig.reset()
    assert inline_rig.rig.consistency.moment().serial == 0


def test_a_version_that_never_was_is_the_faults_mistake(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.arm(Look(gives=Seen(77)))
    code, message, status = refused(rig.admin.get_secret_value, SecretId="db")
    assert (code, status) == ("FaultError", 500)
    assert "gave version 77 of secret/us-east-1/db, which it does not have" in message


def test_eight_readers_at_once_miss_it_exactly_as_often_as_they_should(rig):
    rig.admin.create_secret(Name="db", SecretString="a")
    rig.arm(SecretVisibilityDelay(reads=5), origin="client")
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: read(rig.admin), range(64)))
    assert (found.count(GONE), found.count("a")) == (5, 59)
    assert len(rig.timeline.strikes("secret_visibility_delay")) == 5


def test_readers_never_see_more_than_is_written_nor_go_back_while_others_write(rig):
    rig.admin.create_secret(Name="db", SecretString="0")
    rig.arm(SecretStale(reads=3), origin="client", operation="GetSecretValue")
    written, over = [0], threading.Event()

    def write():
        client = rig.client()
        for number in range(1, 30):
            written[0] = number
            client.put_secret_value(SecretId="db", SecretString=str(number))
        over.set()

    def look(_):
        client, seen = rig.client(), []
        while not over.is_set():
            seen.append((int(read(client)), written[0]))
        return [*seen, *((int(read(client)), 29) for _ in range(4))]

    with ThreadPoolExecutor(5) as threads:
        writing = threads.submit(write)
        found = list(threads.map(look, range(4)))
        writing.result()
    assert all(value <= most for seen in found for value, most in seen)
    for values in ([value for value, _ in seen] for seen in found):
        assert values == sorted(values)
        assert values[-1] == 29


def test_a_history_is_bounded():
    clock = Clock(manual=True)
    kept = history.History(clock)
    for number in range(history.KEPT + 50):
        kept.append("secret/us-east-1/db", "PutSecretValue", number)
    versions = kept.versions("secret/us-east-1/db")
    assert (len(versions), versions[-1].snapshot) == (history.KEPT, history.KEPT + 49)
    for number in range(history.GONE + 50):
        kept.append(f"secret/us-east-1/{number}", "CreateSecret", 1)
        kept.append(f"secret/us-east-1/{number}", "DeleteSecret", None)
    assert len(kept.things("secret/")) == history.GONE + 1
    assert kept.versions("secret/us-east-1/0") == (history.BEFORE,)


def test_a_rule_matches_by_who_reads_what(rig):
    for name in ("db", "api"):
        rig.admin.create_secret(Name=name, SecretString="a")
    rig.arm(SecretVisibilityDelay(seconds=9), origin="client", resource="*:secret:db-??????")
    assert (read(rig.admin), read(rig.admin, "api")) == (GONE, "a")
    assert Match(service="iam").over(SecretVisibilityDelay.default_match).service == "iam"
