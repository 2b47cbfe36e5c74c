"""Who holds a key, and what comes of a call that is signed with it, wrongly or too late."""

import urllib.request

import boto3
import pytest
from botocore.config import Config
from identity_rig import IdentityRig, refused

from emulator.aws.iam.principals import Session
from emulator.server import Server, listen

ROLE = "arn:aws:iam::123456789012:role/path/crm-role"
SESSION = "arn:aws:sts::123456789012:assumed-role/crm-role/crm"
INVALID = "The security token included in the request is invalid."
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
EXPIRED = "The security token included in the request is expired"


@pytest.fixture
def rig():
    made = IdentityRig(seed=7)
    yield made
    made.backend.reset()


# --- who holds what ---


def test_a_functions_key_is_its_sessions(rig):
    issued = rig.attribution.issue("crm/env-1", "crm", ROLE)
    held = rig.keyring.find(issued.access_key)
    assert (held.secret_key, held.session_token) == (issued.secret_key, issued.session_token)
    assert (held.session, held.expires, held.active) == (Session(SESSION), None, True)
    rig.attribution.revoke(issued)
    assert rig.keyring.find(issued.access_key) is None


def test_finding_a_key_does_not_load_moto(rig):
    assert rig.keyring.find("AKIANOBODY") is None
    assert not rig.backend.loaded


def test_a_users_key_is_the_users(rig):
    key = rig.user()
    held = rig.keyring.find(key["AccessKeyId"])
    assert (held.session.arn, held.secret_key) == ("arn:aws:iam::123456789012:user/bob", key["SecretAccessKey"])
    assert (held.session_token, held.active) == ("", True)


def test_a_session_is_held_with_its_time_and_what_it_brings(rig):
    held = rig.keyring.issue(Session(SESSION), 900, context={"aws:PrincipalTag/team": "a"}, cognito={"x": "y"})
    assert rig.keyring.find(held.access_key) == held
    assert held.access_key.startswith("ASIA")
    assert held.expires == pytest.approx(rig.clock.epoch() + 900)
    assert (held.context, held.cognito) == ({"aws:PrincipalTag/team": "a"}, {"x": "y"})
    assert not rig.keyring.expired(held)
    rig.clock.advance(900)
    assert rig.keyring.expired(held)


def test_sessions_repeat_with_the_seed_and_never_within_a_run():
    def keys(seed):
        keyring = IdentityRig(seed).keyring
        return [keyring.issue(Session(SESSION), 900).session_token for _ in range(3)]

    assert keys(7) == keys(7)
    assert len({*keys(7), *keys(8)}) == 6


def test_a_reset_forgets_sessions(rig):
    held = rig.keyring.issue(Session(SESSION), 900)
    rig.keyring.clear()
    assert rig.keyring.find(held.access_key) is None


def test_a_session_that_moto_made_is_found(rig):
    rig.backend.models("iam", "aws")
    with rig.backend.entered():
        made = rig.backend.models("sts", "aws").assume_role("us-east-1", "me", ROLE, "", 900, "")
    held = rig.keyring.find(made.access_key_id)
    assert (held.session.arn, held.session_token) == (made.arn, made.session_token)
    assert held.session.arn.endswith(":assumed-role/crm-role/me")


def test_a_call_is_its_holders(rig):
    key = rig.user()
    rig.client("sqs", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"]).create_queue(QueueName="q")
    assert rig.timeline.events()[-1].subject == "client/sqs.CreateQueue#1"
    assert rig.endpoint.authenticator.holder(key["AccessKeyId"]) == "arn:aws:iam::123456789012:user/bob"
    assert rig.endpoint.authenticator.holder("AKIANOBODY") == ""


# --- what is refused ---


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("secretsmanager", "list_secrets", "InvalidSignatureException", 400),
        ("lambda", "list_functions", "InvalidSignatureException", 403),
        ("iam", "list_roles", "SignatureDoesNotMatch", 403),
        ("s3", "list_buckets", "SignatureDoesNotMatch", 403),
        ("sqs", "list_queues", "SignatureDoesNotMatch", 403),
    ],
)
def test_a_known_key_with_another_secret_is_refused(rig, service, call, code, status):
    key = rig.user()
    found = refused(getattr(rig.client(service, access_key=key["AccessKeyId"], secret_key="wrong"), call))
    assert (found[0], found[2]) == (code, status)
    assert found[1].startswith("The request signature we calculated does not match the signature you provided.")


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("secretsmanager", "list_secrets", "ExpiredTokenException", 400),
        ("lambda", "list_functions", "ExpiredTokenException", 403),
        ("iam", "list_roles", "ExpiredToken", 403),
        ("s3", "list_buckets", "ExpiredToken", 400),
    ],
)
def test_an_expired_session_is_refused(rig, service, call, code, status):
    held = rig.keyring.issue(Session(SESSION), 900)
    client = rig.client(service, access_key=held.access_key, secret_key=held.secret_key, token=held.session_token)
    rig.clock.advance(900)
    message = "The provided token has expired." if service == "s3" else EXPIRED
    assert refused(getattr(client, call)) == (code, message, status)


@pytest.mark.parametrize("token", [None, "another"])
def test_a_session_key_without_its_token_is_refused(rig, token):
    held = rig.keyring.issue(Session(SESSION), 900)
    client = rig.client("secretsmanager", access_key=held.access_key, secret_key=held.secret_key, token=token)
    assert refused(client.list_secrets) == ("UnrecognizedClientException", INVALID, 400)


@pytest.mark.parametrize("how", ["inactive", "deleted"])
def test_a_users_key_that_was_taken_away_is_refused(rig, how):
    key, iam = rig.user(), rig.client("iam")
    client = rig.client("sts", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    assert client.get_caller_identity()["Arn"].endswith(":user/bob")
    if how == "inactive":
        iam.update_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    else:
        iam.delete_access_key(UserName="bob", AccessKeyId=key["AccessKeyId"])
    assert refused(client.get_caller_identity) == ("InvalidClientTokenId", INVALID, 403)


def test_a_functions_key_is_checked_too(rig):
    issued = rig.attribution.issue("crm/env-1", "crm", ROLE)
    assert rig.client("sts", issued.access_key).get_caller_identity()["Arn"] == SESSION
    wrong = rig.client("sts", access_key=issued.access_key, secret_key="x", token=issued.session_token)
    assert refused(wrong.get_caller_identity)[0] == "SignatureDoesNotMatch"


def test_a_key_that_nobody_gave_out_is_the_admins_whatever_its_secret(rig):
    client = rig.client("sts", access_key="AKIAXXXXXXXXXXXXXXXX", secret_key="anything", token="anything")
    assert client.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:root"


def test_nothing_is_refused_where_iam_is_off():
    rig = IdentityRig(iam="off")
    key = rig.user("carol")
    client = rig.client("sts", access_key=key["AccessKeyId"], secret_key="wrong")
    assert client.get_caller_identity()["Arn"].endswith(":user/carol")
    rig.backend.reset()


# --- over a socket, where a client's bytes are what they are ---


@pytest.fixture
def over_http(rig):
    """over_http(SERVICE, OPTION...) -> a plain boto3 client of IAM user bob."""
    key = rig.user()
    server = Server(rig.endpoint, listen("127.0.0.1", 0), threads=4)

    def client(service, **options):
        return boto3.client(
            service, endpoint_url=f"http://127.0.0.1:{server.address[1]}", region_name="us-east-1",
            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"],
            config=Config(retries={"total_max_attempts": 1}, proxies={}, **options),
        )  # fmt: skip

    yield client
    server.close()


@pytest.mark.parametrize("name", ["a/ü &.txt", "a//b", "./x", "a+b=c%20d", "key with spaces"])
def test_s3_names_are_signed_as_they_are_sent(over_http, name):
    s3 = over_http("s3", s3={"addressing_style": "path"})
    s3.create_bucket(Bucket="files")
    s3.put_object(Bucket="files", Key=name, Body=b"content", Metadata={"a": " b  c "})
    assert s3.get_object(Bucket="files", Key=name)["Body"].read() == b"content"
    assert [found["Key"] for found in s3.list_objects_v2(Bucket="files", Prefix=name)["Contents"]] == [name]


def test_every_protocol_verifies_over_http(over_http):
    assert over_http("sts").get_caller_identity()["Arn"].endswith(":user/bob")
    assert over_http("iam").get_user(UserName="bob")["User"]["UserName"] == "bob"
    secret = over_http("secretsmanager").create_secret(Name="a b/c", SecretString="ü")["ARN"]
    assert over_http("secretsmanager").get_secret_value(SecretId=secret)["SecretString"] == "ü"
    pool = over_http("apigateway").create_rest_api(name="api", description="a & b")["id"]
    assert over_http("apigateway").get_rest_api(restApiId=pool)["name"] == "api"
    queue = over_http("sqs").create_queue(QueueName="q")["QueueUrl"]
    over_http("sqs").send_message(QueueUrl=queue, MessageBody="<&>ü")


def test_presigned_urls_verify_until_they_are_changed(over_http):
    s3 = over_http("s3", s3={"addressing_style": "path"}, signature_version="s3v4")
    s3.create_bucket(Bucket="files")
    s3.put_object(Bucket="files", Key="a b", Body=b"content")
    url = s3.generate_presigned_url("get_object", {"Bucket": "files", "Key": "a b"})
    assert OPENER.open(url).read() == b"content"
    with pytest.raises(urllib.error.HTTPError) as caught:
        OPENER.open(url.replace("a%20b", "other"))
    assert caught.value.code == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in caught.value.read()
