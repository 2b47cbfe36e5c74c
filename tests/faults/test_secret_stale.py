import json
from pathlib import Path

import pytest
from consistent_rig import GONE, ConsistentRig, read

from emulator.fault import parameters
from emulator.scope import When
from faults.secret_stale import SecretStale

CRM = Path(__file__).parents[2] / "sample_connectors" / "faults" / "crm"
STALE = {"origin": "client"}

@pytest.fixture
def rig():
    with ConsistentRig() as made:
        yield made



@pytest.fixture
def written(rig):
    """A rig whose secret `db` was `old` for a minute before it became `new`."""
    rig.admin.create_secret(Name="db", SecretString="old")
    rig.clock.advance(60)
    rig.admin.put_secret_value(SecretId="db", SecretString="new")
    return rig


def test_the_first_read_after_a_write_sees_what_was_before(written):
    written.arm(SecretStale(), **STALE)
    assert [read(written.admin) for _ in range(3)] == ["old", "new", "new"]
    written.admin.update_secret(SecretId="db", SecretString="newest")
    assert [read(written.admin) for _ in range(2)] == ["new", "newest"]
    assert [outcome for _, _, outcome in written.events()] == ["1 behind", "1 behind"]


def test_so_many_reads_see_it(written):
    written.arm(SecretStale(reads=3), **STALE)
    assert [read(written.admin) for _ in range(4)] == ["old", "old", "old", "new"]


def test_writes_with_no_read_in_between_are_unseen_together(written):
    written.arm(SecretStale(), **STALE)
    read(written.admin), read(written.admin)
    for value in ("a", "b"):
        written.admin.put_secret_value(SecretId="db", SecretString=value)
    assert [read(written.admin) for _ in range(2)] == ["new", "b"]
    assert written.events()[-1][2] == "2 behind"


def test_for_seconds_after_the_write(written):
    written.arm(SecretStale(seconds=10), **STALE)
    written.clock.advance(9)
    assert read(written.admin) == "old"
    written.clock.advance(1)
    assert read(written.admin) == "new"


def test_some_endpoints_have_it_sooner_and_the_same_seed_draws_the_same():
    def run(seed):
        with ConsistentRig(seed) as one:
            one.admin.create_secret(Name="db", SecretString="old")
            one.clock.advance(60)
            one.admin.put_secret_value(SecretId="db", SecretString="new")
            one.arm(SecretStale(seconds=10, replicas=2), **STALE)
            return [read(one.admin) for _ in range(20)], one.timeline.fingerprint()

    assert run(1) == run(1)
    assert set(run(1)[0]) == {"old", "new"}
    assert run(1)[0] != run(2)[0]


def test_a_new_secret_is_seen_however_young(rig):
    rig.arm(SecretStale(seconds=10), **STALE)
    rig.admin.create_secret(Name="db", SecretString="first")
    assert read(rig.admin) == "first"
    rig.admin.put_secret_value(SecretId="db", SecretString="second")
    assert read(rig.admin) == "first"
    assert read(rig.admin, "none") == GONE


def test_labels_are_as_they_were(written):
    written.arm(SecretStale(seconds=10), operation="*", **STALE)
    versions = written.admin.list_secret_version_ids(SecretId="db")["Versions"]
    assert [version["VersionStages"] for version in versions] == [["AWSCURRENT"]]
    said = read(written.admin, VersionStage="AWSPREVIOUS")
    assert said == "Secrets Manager can't find the specified secret value for staging label: AWSPREVIOUS"
    assert list(written.admin.describe_secret(SecretId="db")["VersionIdsToStages"].values()) == [["AWSCURRENT"]]


def test_a_moved_label_is_not_seen_yet(written):
    written.clock.advance(60)
    stages = written.admin.describe_secret(SecretId="db")["VersionIdsToStages"]
    version = {labels[0]: name for name, labels in stages.items()}
    written.arm(SecretStale(seconds=10), **STALE)
    written.admin.update_secret_version_stage(
        SecretId="db", VersionStage="AWSCURRENT", MoveToVersionId=version["AWSPREVIOUS"],
        RemoveFromVersionId=version["AWSCURRENT"],
    )  # fmt: skip
    assert read(written.admin) == "new"
    written.clock.advance(10)
    assert read(written.admin) == "old"


def test_a_policy_is_not_seen_yet(written):
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    written.admin.put_resource_policy(SecretId="db", ResourcePolicy=policy)
    armed = written.arm(SecretStale(seconds=10), operation="GetResourcePolicy", **STALE)
    assert "ResourcePolicy" not in written.admin.get_resource_policy(SecretId="db")
    written.injector.disarm([armed])
    assert written.admin.get_resource_policy(SecretId="db")["ResourcePolicy"] == policy


@pytest.mark.parametrize("how", [{"ForceDeleteWithoutRecovery": True}, {"RecoveryWindowInDays": 7}])
def test_a_deleted_secret_is_still_read_by_name_and_arn(written, how):
    written.clock.advance(60)
    arn = written.admin.delete_secret(SecretId="db", **how)["ARN"]
    written.arm(SecretStale(seconds=10), **STALE)
    assert [read(written.admin, name) for name in ("db", arn, arn[:-7])] == ["new"] * 3
    written.clock.advance(10)
    assert read(written.admin) != "new"


def test_a_restored_secret_is_still_refused(written):
    written.admin.delete_secret(SecretId="db")
    written.clock.advance(60)
    written.admin.restore_secret(SecretId="db")
    written.arm(SecretStale(), **STALE)
    refused = "You can't perform this operation on the secret because it was marked for deletion."
    assert [read(written.admin) for _ in range(2)] == [refused, "new"]


def test_a_list_shows_both(written):
    written.admin.create_secret(Name="api", SecretString="key")
    written.arm(SecretStale(seconds=10), operation="*", **STALE)
    listed = written.admin.list_secrets()["SecretList"]
    assert [(one["Name"], len(one["SecretVersionsToStages"])) for one in listed] == [("db", 1), ("api", 1)]
    values = written.admin.batch_get_secret_value(SecretIdList=["db", "api"])["SecretValues"]
    assert [one["SecretString"] for one in values] == ["old", "key"]


def test_only_those_that_it_matches_are_behind(written):
    written.arm(SecretStale(seconds=10), When(after=1))
    function = written.function()
    assert [read(function), read(function), read(written.admin)] == ["new", "old", "new"]


def test_its_parameters_have_defaults_and_units():
    assert {key: (row["default"], row["unit"]) for key, row in parameters(SecretStale).items()} == {
        "reads": (1, "reads"), "seconds": (0.0, "s of rig time"), "replicas": (1, "endpoints"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="replicas need seconds to share"):
        SecretStale(replicas=2)


def test_a_handlers_own_boto3_reads_what_was_before(real_rig):
    secrets = real_rig.client("secretsmanager")
    secrets.create_secret(Name="crm-token", SecretString="old")
    real_rig.function("crm", CRM, "handler.handler", memory=512, timeout=20)
    with real_rig.fault("secret_stale", seconds=30, reads=0):
        secrets.put_secret_value(SecretId="crm-token", SecretString="new")
        assert real_rig.invoke("crm").payload == {"token": "old"}
        real_rig.clock.advance(30)
        assert real_rig.invoke("crm").payload == {"token": "new"}
