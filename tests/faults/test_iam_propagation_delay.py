from pathlib import Path

import pytest
from consistent_rig import GRANT, TRUST, ConsistentRig, read

from emulator.fault import parameters
from faults.iam_propagation_delay import IamPropagationDelay

CRM = Path(__file__).parents[2] / "sample_connectors" / "faults" / "crm"
DENIED = (
    "User: arn:aws:sts::123456789012:assumed-role/crm/crm is not authorized to perform: secretsmanager:GetSecretValue "
    "on resource: {arn} because no identity-based policy allows the secretsmanager:GetSecretValue action"
)

@pytest.fixture
def rig():
    with ConsistentRig() as made:
        yield made



@pytest.fixture
def granted(rig):
    """A rig whose role `crm` was made a minute before it was granted its secret; `denied`: what it hears till then."""
    return grant(rig)


def grant(one):
    one.denied = DENIED.format(arn=one.admin.create_secret(Name="db", SecretString="pw")["ARN"])
    one.role()
    one.clock.advance(60)
    one.grant()
    return one


def test_delay_refuses_everyone_until_the_seconds_are_over(granted):
    granted.arm(IamPropagationDelay(seconds=10))
    clients = [granted.function("crm/env-1"), granted.function("crm/env-2")]
    granted.clock.advance(9)
    assert [read(client) for client in clients] == [granted.denied] * 2
    granted.clock.advance(1)
    assert [read(client) for client in clients] == ["pw"] * 2
    assert granted.events() == [
        ("crm/inv-1/iam.Authorize#1", "iam_propagation_delay", "1 behind"),
        ("crm/inv-2/iam.Authorize#1", "iam_propagation_delay", "1 behind"),
    ]


def test_the_seconds_are_its_own(granted):
    granted.arm(IamPropagationDelay(seconds=30))
    granted.clock.advance(29)
    assert read(granted.function()) == granted.denied
    granted.clock.advance(1)
    assert read(granted.function("crm/env-2")) == "pw"


def test_iam_shows_the_policy_all_the_while(granted):
    granted.arm(IamPropagationDelay())
    assert read(granted.function()) == granted.denied
    assert granted.iam.get_role_policy(RoleName="crm", PolicyName="secrets")["PolicyName"] == "secrets"


def test_the_rule_does_not_touch_a_caller_outside_the_functions_unless_it_is_told_to(granted):
    granted.iam.create_user(UserName="ada")
    keys = granted.iam.create_access_key(UserName="ada")["AccessKey"]
    granted.clock.advance(60)
    granted.iam.put_user_policy(UserName="ada", PolicyName="secrets", PolicyDocument=GRANT)
    armed = granted.arm(IamPropagationDelay())
    ada = granted.client(keys["AccessKeyId"])
    assert read(ada) == "pw"
    granted.injector.disarm([armed])
    granted.arm(IamPropagationDelay(), origin="client", resource="*:user/ada")
    assert "user/ada is not authorized" in read(ada)


def test_sticky_keeps_what_an_environment_saw_that_started_too_early(granted):
    granted.arm(IamPropagationDelay("sticky", seconds=10))
    early = granted.function("crm/env-1")
    assert read(early) == granted.denied
    granted.clock.advance(600)
    assert [read(early), read(granted.function("crm/env-2"))] == [granted.denied, "pw"]


def test_sticky_only_delays_an_environment_that_was_there_before(rig):
    rig.role()
    rig.clock.advance(60)
    warm = rig.function("crm/env-1")
    denied = DENIED.format(arn=rig.admin.create_secret(Name="db", SecretString="pw")["ARN"])
    rig.grant()  # at the very moment at which the environment started, but after it
    rig.arm(IamPropagationDelay("sticky", seconds=10))
    assert read(warm) == denied
    rig.clock.advance(10)
    assert read(warm) == "pw"


def test_flapping_is_seen_by_some_calls_only_and_the_same_seed_draws_the_same():
    def run(seed):
        with ConsistentRig(seed) as one:
            grant(one).arm(IamPropagationDelay("flapping", seconds=10))
            client = one.function()
            seen = [read(client) for _ in range(20)]
            one.clock.advance(10)
            return seen, [read(client) for _ in range(20)], one.timeline.fingerprint()

    seen, after, fingerprint = run(3)
    assert (set(seen) > {"pw"}, len(set(seen)), after) == (True, 2, ["pw"] * 20)
    assert run(3) == (seen, after, fingerprint)
    assert [one == "pw" for one in run(4)[0]] != [one == "pw" for one in seen]


def test_flapping_endpoints_have_it_one_behind_the_other(granted):
    granted.arm(IamPropagationDelay("flapping", seconds=100, replicas=101))
    granted.clock.advance(95)
    client = granted.function()
    assert [read(client) for _ in range(30)].count("pw") in range(24, 30)  # those of the last five seconds have it not


def test_so_many_calls_are_decided_without_the_write(granted):
    granted.arm(IamPropagationDelay(reads=2))
    client = granted.function()
    assert [read(client) for _ in range(4)] == [granted.denied, granted.denied, "pw", "pw"]


def test_a_revocation_does_not_hurt_yet(granted):
    granted.clock.advance(60)
    granted.iam.delete_role_policy(RoleName="crm", PolicyName="secrets")
    granted.arm(IamPropagationDelay(seconds=10))
    client = granted.function()
    assert read(client) == "pw"
    granted.clock.advance(10)
    assert read(client) == granted.denied


def test_a_deleted_role_still_may_for_a_while(granted):
    granted.clock.advance(60)
    client = granted.function()
    assert read(client) == "pw"
    granted.iam.delete_role_policy(RoleName="crm", PolicyName="secrets")
    granted.iam.delete_role(RoleName="crm")
    granted.arm(IamPropagationDelay(seconds=10))
    assert read(client) == "pw"
    granted.clock.advance(10)
    assert read(client) == granted.denied


def test_a_role_that_is_not_there_yet_may_do_nothing(rig):
    rig.clock.advance(60)
    denied = DENIED.format(arn=rig.admin.create_secret(Name="db", SecretString="pw")["ARN"])
    rig.role()
    rig.grant()
    rig.arm(IamPropagationDelay(seconds=10))
    client = rig.function()
    assert read(client) == denied
    assert rig.events()[-1][2] == "not there yet"
    rig.clock.advance(10)
    assert read(client) == "pw"


def test_a_managed_policys_new_version_takes_its_time_too(granted):
    granted.iam.delete_role_policy(RoleName="crm", PolicyName="secrets")
    denies = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
    policy = granted.iam.create_policy(PolicyName="managed", PolicyDocument=denies)["Policy"]["Arn"]
    granted.iam.attach_role_policy(RoleName="crm", PolicyArn=policy)
    granted.clock.advance(60)
    allows = denies.replace("Deny", "Allow")
    granted.iam.create_policy_version(PolicyArn=policy, PolicyDocument=allows, SetAsDefault=True)
    granted.arm(IamPropagationDelay(seconds=10))
    client = granted.function()
    assert read(client).endswith("with an explicit deny in an identity-based policy")
    granted.clock.advance(10)
    assert read(client) == "pw"


def test_off_means_off(granted):
    armed = granted.arm(IamPropagationDelay("sticky"))
    client = granted.function()
    assert read(client) == granted.denied
    granted.injector.disarm([armed])
    assert read(client) == "pw"


def test_its_parameters_have_defaults_and_units():
    assert {key: (row["default"], row["unit"]) for key, row in parameters(IamPropagationDelay).items()} == {
        "mode": ("delay", ""), "seconds": (10.0, "s of rig time"), "replicas": (2, "endpoints"), "reads": (0, "calls"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="reads go with mode delay, not with sticky"):
        IamPropagationDelay("sticky", reads=1)


@pytest.mark.parametrize("mode", ["delay", "sticky"])
def test_endpoints_go_with_flapping(mode):
    with pytest.raises(ValueError, match=f"replicas go with mode flapping, not with {mode}"):
        IamPropagationDelay(mode, replicas=3)


def test_a_handlers_own_boto3_is_denied_until_the_grant_is_everywhere(real_rig):
    arn = real_rig.client("secretsmanager").create_secret(Name="crm-token", SecretString="pw")["ARN"]
    iam = real_rig.client("iam")
    role = iam.create_role(RoleName="crm", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    real_rig.function("crm", CRM, "handler.handler", memory=512, timeout=20, role=role)
    real_rig.clock.advance(60)
    with real_rig.fault("iam_propagation_delay", seconds=10):
        iam.put_role_policy(RoleName="crm", PolicyName="secrets", PolicyDocument=GRANT)
        assert DENIED.format(arn=arn) in real_rig.invoke("crm").payload["errorMessage"]
        real_rig.clock.advance(10)
        assert real_rig.invoke("crm").payload == {"token": "pw"}
