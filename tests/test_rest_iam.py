"""AWS_IAM, resource policies and the function's own policy: who may call a REST API, and what the others hear."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta, timezone

import botocore.auth
import pytest
from api_rig import ACCOUNT, ANY_EXECUTE, MASKED, REGION, document
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from emulator.frontdoors.rest_policy import resource_policy
from emulator.rig import Rig
from emulator.settings import Settings

pytest_plugins = ["api_fixtures"]  # fixtures: shop

IAM = "AWS_IAM GET /orders/{id}"
INVALID = "The security token included in the request is invalid."
MISMATCH = "The request signature we calculated does not match the signature you provided."
UNREADABLE = "Invalid key=value pair (missing equal-sign) in Authorization header"
BEARER = base64.b64encode(hashlib.sha256(b"Bearer x").digest()).decode()


@pytest.fixture
def closed(shop):
    """GET /orders/{id} with AWS_IAM."""
    return shop.make(IAM)


def refused(reply):
    """(status, type, message, member that holds it)."""
    body = json.loads(reply.data)
    (member,) = body
    return reply.status, reply.headers["x-amzn-ErrorType"], body[member], member


# --- signatures ---


def test_nobody_signed(closed):
    reply = closed.send("/dev/orders/7")
    assert (reply.status, reply.data) == (403, b'{"message":"Missing Authentication Token"}')
    assert reply.headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert {"Content-Type", "Content-Length", "Date", "x-amzn-RequestId", "x-amz-apigw-id"} <= set(reply.headers)


@pytest.mark.parametrize(("authorization", "says"), [
    ("Bearer x", f"{UNREADABLE} (hashed with SHA-256 and encoded with Base64): '{BEARER}'."),
    ("AWS4-HMAC-SHA256 x", f"{UNREADABLE} (hashed with"),
    ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host", "Authorization header requires 'Signature' parameter."),
])
def test_a_signature_that_cannot_be_read(closed, authorization, says):
    status, kind, message, member = refused(closed.send("/dev/orders/7", headers={"Authorization": authorization}))
    assert (status, kind, member) == (403, "IncompleteSignatureException", "message")
    assert message.startswith(says)


def test_a_wrong_secret(closed):
    key = closed.user("ada", ANY_EXECUTE)
    status, kind, message, member = refused(closed.signed("/dev/orders/7", Credentials(key.access_key, "wrong")))
    assert (status, kind, member) == (403, "InvalidSignatureException", "message")
    assert message.startswith(MISMATCH)
    assert "The Canonical String for this request should have been" in message


def test_a_tampered_body(shop):
    shop.make("AWS_IAM POST /orders")
    key = shop.user("ada", ANY_EXECUTE)
    assert shop.signed("/dev/orders", key, "POST", body="{}").status == 201
    signed = shop.signed_headers("/dev/orders", key, "POST", body="{}")
    assert refused(shop.send("/dev/orders", "POST", signed, body="[]"))[1] == "InvalidSignatureException"
    assert refused(shop.send("/dev/orders?q=1", "POST", signed, body="{}"))[1] == "InvalidSignatureException"


def test_an_unknown_access_key(closed):
    reply = closed.signed("/dev/orders/7", Credentials("AKIAIOSFODNN7EXAMPLE", "x"))
    assert refused(reply) == (403, "UnrecognizedClientException", INVALID, "message")


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_wrong_session_token(closed, token):
    held = closed.session("caller", ANY_EXECUTE)
    reply = closed.signed("/dev/orders/7", Credentials(held.access_key, held.secret_key, token or None))
    assert refused(reply) == (403, "UnrecognizedClientException", INVALID, "message")


def test_a_key_that_was_switched_off(closed):
    key = closed.user("ada", ANY_EXECUTE)
    closed.aws("iam").update_access_key(UserName="ada", AccessKeyId=key.access_key, Status="Inactive")
    assert refused(closed.signed("/dev/orders/7", key))[1] == "UnrecognizedClientException"


def test_an_expired_session(closed):
    held = closed.session("caller", ANY_EXECUTE)
    assert closed.signed("/dev/orders/7", held).status == 201
    closed.rig.clock.advance(3601)
    expired = "The security token included in the request is expired"
    assert refused(closed.signed("/dev/orders/7", held)) == (403, "ExpiredTokenException", expired, "message")


@pytest.mark.parametrize(("minutes", "says"), [(-6, "Signature expired: "), (6, "Signature not yet current: ")])
def test_a_clock_more_than_five_minutes_off(closed, monkeypatch, minutes, says):
    key = closed.user("ada", ANY_EXECUTE)
    then = datetime.now(timezone.utc) + timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_: then)
    _, kind, message, _ = refused(closed.signed("/dev/orders/7", key))
    assert kind == "InvalidSignatureException"
    assert message.startswith(says)
    assert " 5 min.)" in message


@pytest.mark.parametrize(("scope", "says"), [
    ({"region": "eu-west-1"}, "Credential should be scoped to a valid region, not 'eu-west-1'."),
    ({"service": "lambda"}, "Credential should be scoped to correct service: 'execute-api'."),
])
def test_a_wrong_scope(closed, scope, says):
    reply = closed.signed("/dev/orders/7", closed.user("ada", ANY_EXECUTE), **scope)
    assert refused(reply) == (403, "InvalidSignatureException", says, "message")


def test_a_presigned_address(closed):
    assert closed.presigned("/dev/orders/7", closed.user("ada", ANY_EXECUTE)).status == 201


def test_an_unknown_path_is_a_missing_token_whoever_signed(closed):
    reply = closed.signed("/dev/nope", closed.user("ada", ANY_EXECUTE))
    assert (reply.status, reply.data) == (403, b'{"message":"Missing Authentication Token"}')


def test_a_request_is_signed_for_the_rigs_own_address_too(closed):
    path, host = f"/_aws/execute-api/{closed.id}/dev/orders/7", closed.rig.url.removeprefix("http://")
    assert closed.signed(path, closed.user("ada", ANY_EXECUTE), host=host).status == 201


# --- IAM ---


def sentence(caller, why):
    resource = f"arn:aws:execute-api:{REGION}:{MASKED}:API/dev/GET/orders/7"
    return f"User: {caller} is not authorized to perform: execute-api:Invoke on resource: {resource} {why}"


NO_IDENTITY = "because no identity-based policy allows the execute-api:Invoke action"
NO_RESOURCE = "because no resource-based policy allows the execute-api:Invoke action"
ADA, WEB = f"arn:aws:iam::{ACCOUNT}:user/ada", f"arn:aws:sts::{ACCOUNT}:assumed-role/caller/web"


def test_a_role_without_the_permission_hears_iams_sentence(closed):
    held = closed.session("caller")
    status, kind, message, member = refused(closed.signed("/dev/orders/7", held))
    assert (status, kind, member) == (403, "AccessDeniedException", "Message")
    assert message.replace(closed.id, "API") == sentence(WEB, NO_IDENTITY)
    closed.aws("iam").put_role_policy(RoleName="caller", PolicyName="p", PolicyDocument=document(ANY_EXECUTE))
    assert closed.signed("/dev/orders/7", held).status == 201


def test_a_grant_that_has_not_propagated_does_not_help_yet(closed):
    held, iam = closed.session("caller"), closed.aws("iam")
    with closed.rig.fault("iam_propagation_delay", seconds=30, match={"origin": "client", "service": "iam"}):
        closed.rig.clock.advance(60)
        iam.put_role_policy(RoleName="caller", PolicyName="p", PolicyDocument=document(ANY_EXECUTE))
        assert closed.signed("/dev/orders/7", held).status == 403
        closed.rig.clock.advance(31)
        assert closed.signed("/dev/orders/7", held).status == 201


DENY = {**ANY_EXECUTE, "Effect": "Deny"}
ALL = {"Principal": "*", "Resource": "execute-api:/*"}
MINE = {**ANY_EXECUTE, "Principal": {"AWS": ADA}, "Resource": "execute-api:/*"}


@pytest.mark.parametrize(("identity", "resource", "why"), [
    ((), (), NO_IDENTITY),
    ((ANY_EXECUTE,), (), ""),
    ((ANY_EXECUTE, DENY), (), "with an explicit deny in an identity-based policy"),
    ((), (MINE,), ""),
    ((), ({**MINE, "Resource": "execute-api:/dev/POST/*"},), NO_IDENTITY),
    ((ANY_EXECUTE,), ({**DENY, **ALL},), "with an explicit deny in a resource-based policy"),
    ((DENY,), (MINE,), "with an explicit deny in an identity-based policy"),
    ((ANY_EXECUTE,), ({**MINE, "Resource": "execute-api:/dev/POST/*"},), ""),
    ((ANY_EXECUTE,), (MINE,), ""),
])
def test_identity_and_resource_policies_together(shop, identity, resource, why):
    shop.make(IAM, policy=resource)
    reply = shop.signed("/dev/orders/7", shop.user("ada", *identity))
    if why:
        assert refused(reply)[2].replace(shop.id, "API") == sentence(ADA, why)
    else:
        assert reply.status == 201


@pytest.mark.parametrize(("resource", "allowed"), [
    ("arn:aws:execute-api:us-east-1:*:API/*", True),
    ("arn:aws:execute-api:us-east-1:*:API/dev/GET/orders/*", True),
    ("arn:aws:execute-api:us-east-1:*:API/prod/*", False),
    ("arn:aws:execute-api:us-east-1:*:API/dev/POST/orders/7", False),
    ("arn:aws:execute-api:eu-west-1:*:API/*", False),
    ("arn:aws:execute-api:us-east-1:*:other/*", False),
])
def test_the_resource_is_region_account_api_stage_method_and_path(closed, resource, allowed):
    key = closed.user("ada", {**ANY_EXECUTE, "Resource": resource.replace("API", closed.id)})
    assert (closed.signed("/dev/orders/7", key).status == 201) is allowed


@pytest.mark.parametrize(("statements", "why"), [
    ([{**ANY_EXECUTE, **ALL}], ""),
    ([{**ANY_EXECUTE, **ALL, "Condition": {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}}], ""),
    ([{**ANY_EXECUTE, **ALL, "Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}}], NO_RESOURCE),
    ([{**ANY_EXECUTE, **ALL}, {**DENY, **ALL, "Resource": "execute-api:/dev/GET/orders/7"}],
     "with an explicit deny in a resource-based policy"),
    ([{**ANY_EXECUTE, **ALL, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}], ""),
])
def test_a_policy_decides_on_the_anonymous_too(shop, statements, why):
    shop.make("GET /orders/{id}", policy=statements)
    reply = shop.send("/dev/orders/7")
    if why:
        status, kind, message, member = refused(reply)
        assert (status, kind, member) == (403, "AccessDeniedException", "Message")
        assert message.replace(shop.id, "API") == sentence("anonymous", why)
    else:
        assert reply.status == 201


def test_a_policy_counts_from_the_next_deployment_on(shop):
    shop.make("GET /orders/{id}")
    policy = document({**DENY, **ALL})
    patch = [{"op": "replace", "path": "/policy", "value": policy}]
    shop.aws("apigateway").update_rest_api(restApiId=shop.id, patchOperations=patch)
    assert shop.send("/dev/orders/7").status == 201
    shop.deploy()
    assert shop.send("/dev/orders/7").status == 403


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"Statement": [{"Effect": "Perhaps"}]}', '{"Statement": [5]}', '{"Statement": "x"}']
)
def test_what_is_no_policy_is_refused(shop, text):
    api = shop.aws("apigateway")
    with pytest.raises(ClientError) as refusal:
        api.create_rest_api(name="x", policy=text)
    assert refusal.value.response["Error"] == {
        "Code": "BadRequestException",
        "Message": "Invalid policy document. Please check the policy syntax and ensure that Principals are valid.",
    }


def test_short_resources_of_a_policy_are_written_out():
    whole = "arn:aws:execute-api:*:*:b/*"
    text = document({**ANY_EXECUTE, "Principal": "*", "Resource": ["execute-api:/dev/*", whole]})
    (statement,) = resource_policy(text, REGION, ACCOUNT, "abc").statements
    assert statement.resources.values == (f"arn:aws:execute-api:{REGION}:{ACCOUNT}:abc/dev/*", whole)


def test_iam_comes_before_the_api_key(shop):
    shop.make(IAM, key=True)
    assert refused(shop.signed("/dev/orders/7", shop.session("caller")))[1] == "AccessDeniedException"


# --- who it was ---


def identity(reply):
    return json.loads(reply.data)


def test_the_event_names_a_roles_session(closed):
    held = closed.session("caller", ANY_EXECUTE)
    who = identity(closed.signed("/dev/orders/7", held))
    role_id = closed.aws("iam").get_role(RoleName="caller")["Role"]["RoleId"]
    assert (who["userArn"], who["accessKey"], who["accountId"]) == (WEB, held.access_key, ACCOUNT)
    assert who["caller"] == who["user"] == f"{role_id}:web"
    assert who["cognitoIdentityId"] is None


def test_the_event_names_a_user(closed):
    key = closed.user("ada", ANY_EXECUTE)
    who = identity(closed.signed("/dev/orders/7", key))
    user_id = closed.aws("iam").get_user(UserName="ada")["User"]["UserId"]
    assert (who["userArn"], who["caller"], who["user"]) == (ADA, user_id, user_id)


def test_the_event_names_a_cognito_identity(closed):
    pools = closed.aws("cognito-identity")
    pool = pools.create_identity_pool(IdentityPoolName="p", AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
    trust = {"Effect": "Allow", "Principal": {"Federated": "cognito-identity.amazonaws.com"},
             "Action": "sts:AssumeRoleWithWebIdentity",
             "Condition": {"StringEquals": {"cognito-identity.amazonaws.com:aud": pool}}}
    role = closed.aws("iam").create_role(RoleName="guest", AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    closed.aws("iam").put_role_policy(RoleName="guest", PolicyName="p", PolicyDocument=document(ANY_EXECUTE))
    pools.set_identity_pool_roles(IdentityPoolId=pool, Roles={"unauthenticated": role})
    guest = pools.get_id(IdentityPoolId=pool)["IdentityId"]
    made = pools.get_credentials_for_identity(IdentityId=guest)["Credentials"]
    held = Credentials(made["AccessKeyId"], made["SecretKey"], made["SessionToken"])
    who = identity(closed.signed("/dev/orders/7", held))
    assert who["userArn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/guest/CognitoIdentityCredentials"
    assert (who["cognitoIdentityId"], who["cognitoIdentityPoolId"]) == (guest, pool)
    assert who["cognitoAuthenticationType"] == "unauthenticated"


def test_a_method_without_authorization_shows_nobody(shop):
    who = identity(shop.make("GET /orders/{id}").send("/dev/orders/7"))
    assert {who[name] for name in ("userArn", "caller", "user", "accessKey", "accountId")} == {None}


# --- the function's own policy ---


@pytest.mark.parametrize(("source", "status"), [
    (None, 500),
    ("arn:aws:execute-api:us-east-1:123456789012:API/*/GET/orders/*", 201),
    ("arn:aws:execute-api:us-east-1:123456789012:API/dev/GET/orders/{id}", 201),
    ("arn:aws:execute-api:us-east-1:123456789012:API/*/POST/orders/*", 500),
    ("arn:aws:execute-api:us-east-1:123456789012:other/*", 500),
])
def test_the_function_must_let_the_api_in(shop, source, status):
    shop.make("GET /orders/{id}", permitted=False)
    if source:
        shop.permit(source.replace("API", shop.id))
    reply = shop.send("/dev/orders/7")
    assert reply.status == status
    if status == 500:
        assert reply.data == b'{"message": "Internal server error"}'


@pytest.mark.parametrize(("statements", "status"), [
    ((), 500), (({"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"},), 201),
])
def test_a_role_of_the_integration_decides_instead(shop, statements, status):
    role = f"arn:aws:iam::{ACCOUNT}:role/invoker"
    shop.make("GET /orders/{id}", permitted=False, credentials=role)
    shop.session("invoker", *statements)
    assert shop.send("/dev/orders/7").status == status


# --- iam: off ---


def test_without_iam_a_signature_is_still_wanted_and_nothing_is_decided(shop):
    with Rig(Settings(engine="inline", manual_clock=True, iam="off")) as rig:
        shop.rig.close()
        shop.rig = rig
        shop.make(IAM, permitted=False)
        key = shop.user("ada")
        assert shop.send("/dev/orders/7").status == 403
        assert refused(shop.signed("/dev/orders/7", Credentials(key.access_key, "wrong")))[0] == 403
        assert shop.signed("/dev/orders/7", key).status == 201
