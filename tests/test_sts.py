"""Sessions of STS: whose they are, what limits them, how long, and AWS's words for what it refuses."""

import base64
import json
import re

import pytest
from identity_rig import ACCOUNT, IdentityRig, allow, document, refused

from emulator.aws.iam.principals import Session

ROLE = f"arn:aws:iam::{ACCOUNT}:role/service-role/crm"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"


@pytest.fixture
def rig():
    made = IdentityRig(seed=7)
    yield made
    made.backend.reset()


def assumed(rig, **params):
    return rig.client("sts").assume_role(**{"RoleArn": ROLE, "RoleSessionName": "job", **params})


def held(rig, answer):
    return rig.keyring.find(answer["Credentials"]["AccessKeyId"])


# --- who am I ---


def test_an_unknown_key_is_the_accounts_root(rig):
    found = rig.client("sts").get_caller_identity()
    assert (found["Arn"], found["UserId"], found["Account"]) == (f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, ACCOUNT)


def test_a_user_is_the_user(rig):
    found = rig.as_(rig.user()).get_caller_identity()
    assert (found["Arn"], found["Account"]) == (BOB, ACCOUNT)
    assert found["UserId"] == rig.client("iam").get_user(UserName="bob")["User"]["UserId"]


def test_a_function_is_its_roles_session(rig):
    rig.role("crm")
    role_id = rig.client("iam").get_role(RoleName="crm")["Role"]["RoleId"]
    key = rig.attribution.issue("crm/env-1", "crm", ROLE).access_key
    found = rig.client("sts", key).get_caller_identity()
    assert found["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/crm/crm"
    assert found["UserId"] == f"{role_id}:crm"


def test_a_session_is_the_role_without_its_path(rig):
    rig.role("crm", path="/service-role/")
    answer = assumed(rig)
    found = rig.as_(answer["Credentials"]).get_caller_identity()
    assert found["Arn"] == answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/crm/job"
    assert found["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert found["UserId"].startswith("AROA")
    assert found["UserId"].endswith(":job")


def test_a_role_that_was_never_made_has_the_same_id_each_time(rig):
    ids = {assumed(rig)["AssumedRoleUser"]["AssumedRoleId"] for _ in range(2)}
    assert len(ids) == 1
    assert re.fullmatch("AROA[A-Z2-7]{17}:job", ids.pop())


# --- AssumeRole ---


def test_every_session_has_keys_of_its_own(rig):
    keys = [assumed(rig)["Credentials"] for _ in range(3)]
    assert len({key["AccessKeyId"] for key in keys}) == len({key["SessionToken"] for key in keys}) == 3
    assert all(re.fullmatch("ASIA[A-Z2-7]{16}", key["AccessKeyId"]) for key in keys)


def test_it_lasts_an_hour_or_as_asked(rig):
    for given, lasts in (({}, 3600), ({"DurationSeconds": 900}, 900)):
        answer = assumed(rig, **given)
        assert answer["Credentials"]["Expiration"].timestamp() == pytest.approx(rig.clock.epoch() + lasts, abs=1)
        assert held(rig, answer).expires == pytest.approx(rig.clock.epoch() + lasts)


def test_it_ends_on_the_rigs_clock(rig):
    session = rig.as_(assumed(rig, DurationSeconds=900)["Credentials"])
    rig.clock.advance(899)
    session.get_caller_identity()
    rig.clock.advance(1)
    assert refused(session.get_caller_identity) == (
        "ExpiredToken", "The security token included in the request is expired", 403,
    )  # fmt: skip


def test_session_policies_are_kept_written_out_and_managed(rig):
    policy = document(allow("s3:GetObject"))
    own = rig.client("iam").create_policy(PolicyName="own", PolicyDocument=policy)["Policy"]["Arn"]
    awss = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    answer = assumed(rig, Policy=policy, PolicyArns=[{"arn": own}, {"arn": awss}])
    found = held(rig, answer).session.policies
    assert [each.id for each in found] == ["SessionPolicy", own, awss]
    assert found[0].statements == found[1].statements
    assert "s3:Get*" in {action for each in found[2].statements for action in each.actions.values}
    assert answer["PackedPolicySize"] > 0


def test_tags_and_source_identity_are_condition_keys(rig):
    answer = assumed(rig, Tags=[{"Key": "team", "Value": "crm"}], SourceIdentity="alice")
    assert answer["SourceIdentity"] == "alice"
    assert held(rig, answer).context == {
        "aws:PrincipalTag/team": "crm", "aws:SourceIdentity": "alice", "aws:MultiFactorAuthPresent": "false",
    }  # fmt: skip


def test_without_policies_nothing_limits_the_session(rig):
    answer = assumed(rig)
    assert held(rig, answer).session == Session(f"arn:aws:sts::{ACCOUNT}:assumed-role/crm/job")
    assert "PackedPolicySize" not in answer


def test_another_accounts_role_acts_in_its_account(rig):
    answer = assumed(rig, RoleArn="arn:aws:iam::111122223333:role/theirs")
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::111122223333:assumed-role/theirs/job"
    rig.as_(answer["Credentials"], "sqs").create_queue(QueueName="theirs")
    assert "QueueUrls" not in rig.client("sqs").list_queues()
    assert len(rig.as_(answer["Credentials"], "sqs").list_queues()["QueueUrls"]) == 1


BROKEN = "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: Member must {}"
LONG = "x" * 65


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RoleArn", "nothing-valid-in-here", "nothing-valid-in-here is invalid"),
        ("RoleArn", BOB, f"{BOB} is invalid"),
        ("RoleSessionName", "Session1:2",
         BROKEN.format("Session1:2", "roleSessionName", r"satisfy regular expression pattern: [\w+=,.@-]*")),
        ("RoleSessionName", LONG, BROKEN.format(LONG, "roleSessionName", "have length less than or equal to 64")),
        ("DurationSeconds", 899, BROKEN.format(899, "durationSeconds", "have value greater than or equal to 900")),
        ("DurationSeconds", 43201, BROKEN.format(43201, "durationSeconds", "have value less than or equal to 43200")),
        ("DurationSeconds", 3601, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."),
    ],
)  # fmt: skip
def test_what_aws_finds_invalid(rig, name, value, said):
    rig.role("crm", path="/service-role/")
    client = rig.client("sts")

    def send(params, **_):  # boto3 checks numbers itself
        params["body"][name] = value

    client.meta.events.register("before-call.sts.AssumeRole", send)
    assert refused(client.assume_role, RoleArn=ROLE, RoleSessionName="job") == ("ValidationError", said, 400)


def test_a_role_may_allow_longer_sessions(rig):
    rig.role("crm", path="/service-role/", MaxSessionDuration=43200)
    assert held(rig, assumed(rig, DurationSeconds=43200)).expires == pytest.approx(rig.clock.epoch() + 43200)


def test_a_chained_session_lasts_an_hour_at_most(rig):
    session = rig.as_(assumed(rig)["Credentials"])
    text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    params = {"RoleArn": ROLE, "RoleSessionName": "next"}
    assert refused(session.assume_role, **params, DurationSeconds=3601) == ("ValidationError", text, 400)
    assert session.assume_role(**params)["AssumedRoleUser"]["Arn"].endswith("/next")


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"Policy": "nonsense"}, "This policy contains invalid Json"),
        ({"Policy": "{}"}, "Syntax errors in policy."),
        ({"PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/none"}]},
         f"Policy arn:aws:iam::{ACCOUNT}:policy/none does not exist."),
    ],
)  # fmt: skip
def test_session_policies_have_to_be_policies(rig, params, said):
    asked = {"RoleArn": ROLE, "RoleSessionName": "job", **params}
    assert refused(rig.client("sts").assume_role, **asked) == ("MalformedPolicyDocument", said, 400)


# --- GetSessionToken, GetFederationToken ---


def test_a_session_token_is_of_the_same_user(rig):
    answer = rig.as_(rig.user()).get_session_token(DurationSeconds=900)
    session = rig.as_(answer["Credentials"])
    assert session.get_caller_identity()["Arn"] == BOB
    assert held(rig, answer).context == {"aws:MultiFactorAuthPresent": "false"}
    assert refused(session.get_session_token) == (
        "AccessDenied", "Cannot call GetSessionToken with session credentials", 403,
    )  # fmt: skip
    assert refused(session.get_federation_token, Name="fed")[0] == "AccessDenied"
    rig.clock.advance(900)
    assert refused(session.get_caller_identity)[0] == "ExpiredToken"


def test_a_federated_user_may_what_the_given_policies_allow(rig):
    answer = rig.client("sts").get_federation_token(Name="fed", Policy=document(allow("s3:*")))
    found = rig.as_(answer["Credentials"]).get_caller_identity()
    assert found["Arn"] == answer["FederatedUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:federated-user/fed"
    assert found["UserId"] == answer["FederatedUser"]["FederatedUserId"] == f"{ACCOUNT}:fed"
    assert [each.id for each in held(rig, answer).session.policies] == ["SessionPolicy"]


# --- AssumeRoleWithWebIdentity ---


def web(rig, token, **params):
    asked = {"RoleArn": ROLE, "RoleSessionName": "job", "WebIdentityToken": token, **params}
    return rig.client("sts").assume_role_with_web_identity, asked


def trusting(provider, **conditions):
    return {
        "Effect": "Allow", "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringEquals": conditions},
    }  # fmt: skip


POOL = "us-east-1:00000000-0000-4000-8000-000000000000"
COGNITO = "cognito-identity.amazonaws.com"


def test_the_trust_policy_decides_on_a_token(rig):
    rig.role("crm", trusting(COGNITO, **{f"{COGNITO}:aud": POOL}), path="/service-role/")
    token = rig.tokens.issue({"sub": "us-east-1:someone", "aud": POOL, "amr": ["authenticated"]}, 600)
    call, asked = web(rig, token)
    answer = call(**asked)
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"], answer["Provider"]) == (
        "us-east-1:someone", POOL, COGNITO,
    )  # fmt: skip
    assert held(rig, answer).context == {
        f"{COGNITO}:sub": ("us-east-1:someone",), f"{COGNITO}:aud": (POOL,), f"{COGNITO}:amr": ("authenticated",),
        "aws:FederatedProvider": COGNITO,
    }  # fmt: skip
    other = rig.tokens.issue({"sub": "us-east-1:someone", "aud": "another"}, 600)
    assert refused(call, **asked | {"WebIdentityToken": other}) == (
        "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403,
    )  # fmt: skip


def test_tokens_are_looked_at(rig):
    rig.role("crm", trusting(COGNITO), path="/service-role/")
    token = rig.tokens.issue({"sub": "someone", "aud": POOL}, 600)
    call, asked = web(rig, token)
    head, payload, signature = token.split(".")
    for spoilt in ("garbage", f"{head}.{payload}.{signature[:-8]}AAAAAAAA"):
        assert refused(call, **asked | {"WebIdentityToken": spoilt})[0] == "InvalidIdentityToken"
    rig.clock.advance(600)
    assert refused(call, **asked)[0::2] == ("ExpiredTokenException", 400)


def part(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize("header", ['{"alg": "RS256", "crit": 5}', '{"alg": []}', "[]", "{}"])
@pytest.mark.parametrize(
    "payload",
    [f'{{"aud": "{POOL}", "iss": "https://{COGNITO}"}}', '{"aud": "x", "exp": -1e400}', '{"aud": "x", "exp": NaN}',
     '{"aud": "x", "iss": "https://cognito-idp.mars.amazonaws.com/x_y"}', "[" * 10000],
)
def test_no_token_however_wrong_is_taken(rig, payload, header):
    rig.role("crm", trusting(COGNITO), path="/service-role/")
    call, asked = web(rig, f"{part(header)}.{part(payload)}.{part('signature')}")
    assert refused(call, **asked)[0::2] == ("InvalidIdentityToken", 400)


def test_a_path_that_is_not_the_roles_does_not_open_it(rig):
    rig.role("crm", trusting(COGNITO))
    call, asked = web(rig, rig.tokens.issue({"sub": "someone", "aud": POOL}, 600))
    assert refused(call, **asked)[0] == "AccessDenied"  # asked is /service-role/crm
    assert refused(call, **asked | {"WebIdentityToken": "garbage"})[0] == "InvalidIdentityToken"


def test_an_openid_connect_provider_has_to_be_known_to_iam(rig):
    host = "token.actions.example.com"
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
    rig.role("crm", trusting(provider, **{f"{host}:sub": "repo:x"}), path="/service-role/")
    claims = {"iss": f"https://{host}", "sub": "repo:x", "aud": "sts.amazonaws.com", "exp": rig.clock.epoch() + 60}
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    call, asked = web(rig, f"e30.{payload}.unchecked")
    assert refused(call, **asked) == (
        "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{host}", 400,
    )  # fmt: skip
    iam = rig.client("iam")
    iam.create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=["other"], ThumbprintList=["a" * 40])
    assert refused(call, **asked)[:2] == ("InvalidIdentityToken", "Incorrect token audience")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)
    iam.create_open_id_connect_provider(
        Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
    )
    assert call(**asked)["Provider"] == host


def test_a_role_that_iam_does_not_have_decides_nothing(rig):
    call, asked = web(rig, "garbage")
    assert call(**asked)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/crm/job")
