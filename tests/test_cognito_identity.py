"""Identity pools: who gets credentials, of which role, and AWS's words for everybody else."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from identity_rig import ACCOUNT, IdentityRig, allow, document, refused

from emulator.aws.iam import Policies, Principal, Request, decide

COGNITO = "cognito-identity.amazonaws.com"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{{}}/CognitoIdentityCredentials"
NO_MATCH = "Logins don't match. Please include at least one valid login for this identity or identity pool."
MISCONFIGURED = "Invalid identity pool configuration. Check assigned IAM roles for this pool."


def trust(pool, amr, **more):
    return {
        "Effect": "Allow", "Principal": {"Federated": COGNITO}, "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            "StringEquals": {f"{COGNITO}:aud": pool}, "ForAnyValue:StringLike": {f"{COGNITO}:amr": amr}, **more,
        },
    }  # fmt: skip


class Pools(IdentityRig):
    """A user pool with bob in it, and an identity pool with two roles that takes its tokens."""

    def __init__(self, seed=7):
        super().__init__(seed)
        self.idp, self.identities = self.client("cognito-idp"), self.client("cognito-identity")
        user_pool = self.idp.create_user_pool(PoolName="people")["UserPool"]["Id"]
        self.provider, self.user_pool = f"cognito-idp.us-east-1.amazonaws.com/{user_pool}", user_pool
        self.app = self.app_client("web")
        providers = [{"ProviderName": self.provider, "ClientId": self.app}]
        self.pool = self.identities.create_identity_pool(
            IdentityPoolName="app", AllowUnauthenticatedIdentities=True, CognitoIdentityProviders=providers
        )["IdentityPoolId"]
        self.roles = {
            "authenticated": self.role("members", trust(self.pool, "authenticated"), path="/service-role/"),
            "unauthenticated": self.role("guests", trust(self.pool, "unauthenticated")),
        }
        self.set_roles()

    def app_client(self, name):
        made = self.idp.create_user_pool_client(
            UserPoolId=self.user_pool, ClientName=name, ExplicitAuthFlows=["ADMIN_NO_SRP_AUTH"]
        )
        return made["UserPoolClient"]["ClientId"]

    def set_roles(self, **more):
        self.identities.set_identity_pool_roles(**{"IdentityPoolId": self.pool, "Roles": self.roles, **more})

    def sign_in(self, name="bob", app="", kind="IdToken"):
        """The user's token."""
        given = {"UserPoolId": self.user_pool, "Username": name}
        if name not in [user["Username"] for user in self.idp.list_users(UserPoolId=self.user_pool)["Users"]]:
            self.idp.admin_create_user(**given)
            self.idp.admin_set_user_password(**given, Password="Abc123!xY", Permanent=True)
        answer = self.idp.admin_initiate_auth(
            UserPoolId=self.user_pool, ClientId=app or self.app, AuthFlow="ADMIN_NO_SRP_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": "Abc123!xY"},
        )  # fmt: skip
        return answer["AuthenticationResult"][kind]

    def logins(self, token=""):
        return {"Logins": {self.provider: token or self.sign_in()}}

    def id(self, **params):
        return self.identities.get_id(IdentityPoolId=self.pool, **params)["IdentityId"]

    def credentials(self, identity, **params):
        return self.identities.get_credentials_for_identity(IdentityId=identity, **params)["Credentials"]


@pytest.fixture
def rig():
    made = Pools()
    yield made
    made.backend.reset()


# --- credentials ---


def test_who_signed_in_gets_the_authenticated_roles_session(rig):
    logins = rig.logins()
    credentials = rig.credentials(rig.id(**logins), **logins)
    assert rig.as_(credentials).get_caller_identity()["Arn"] == SESSION.format("members")
    assert credentials["Expiration"].timestamp() == pytest.approx(rig.clock.epoch() + 3600, abs=1)


def test_a_guest_gets_the_unauthenticated_roles_session(rig):
    assert rig.as_(rig.credentials(rig.id())).get_caller_identity()["Arn"] == SESSION.format("guests")


def test_credentials_carry_who_it_is(rig):
    logins = rig.logins()
    identity = rig.id(**logins)
    held = rig.keyring.find(rig.credentials(identity, **logins)["AccessKeyId"])
    subject = rig.idp.admin_get_user(UserPoolId=rig.user_pool, Username="bob")["UserAttributes"][0]["Value"]
    signed_in = f"{rig.provider}:CognitoSignIn:{subject}"
    assert held.cognito == {
        "cognitoIdentityId": identity, "cognitoIdentityPoolId": rig.pool, "cognitoAuthenticationType": "authenticated",
        "cognitoAuthenticationProvider": f"{rig.provider},{signed_in}",
    }  # fmt: skip
    assert held.context == {
        f"{COGNITO}:sub": identity, f"{COGNITO}:aud": rig.pool, "aws:FederatedProvider": COGNITO,
        f"{COGNITO}:amr": ("authenticated", rig.provider, signed_in),
    }  # fmt: skip
    guest = rig.keyring.find(rig.credentials(rig.id())["AccessKeyId"])
    assert guest.cognito["cognitoAuthenticationType"] == "unauthenticated"
    assert "cognitoAuthenticationProvider" not in guest.cognito


def test_every_answer_has_keys_of_its_own_the_same_for_a_seed():
    def tokens():
        rig = Pools(seed=3)
        identity = rig.id()
        found = [rig.credentials(identity)["SessionToken"] for _ in range(2)]
        rig.backend.reset()
        return found

    assert tokens() == tokens()
    assert len(set(tokens())) == 2


def test_credentials_expire_on_the_rigs_clock(rig):
    session = rig.as_(rig.credentials(rig.id()))
    rig.clock.advance(3600)
    assert refused(session.get_caller_identity)[0] == "ExpiredToken"


@pytest.mark.parametrize(
    ("action", "allowed"), [("execute-api:Invoke", True), ("polly:SynthesizeSpeech", True), ("ec2:RunInstances", False)]
)
def test_a_guest_is_limited_to_some_services_whatever_the_role_allows(rig, action, allowed):
    session = rig.keyring.find(rig.credentials(rig.id())["AccessKeyId"]).session
    everything = rig.keyring.find(rig.client("sts").assume_role(
        RoleArn=rig.roles["unauthenticated"], RoleSessionName="me", Policy=document(allow("*"))
    )["Credentials"]["AccessKeyId"]).session.policies  # fmt: skip
    found = decide(Request(Principal(session.arn), action), Policies(identity=everything, session=session.policies))
    assert found.allowed is allowed


# --- identities ---


def test_a_login_has_one_identity(rig):
    bob = rig.id(**rig.logins())
    assert rig.id(**rig.logins(rig.sign_in())) == bob
    assert rig.id(**rig.logins(rig.sign_in("carol"))) != bob
    assert bob.startswith("us-east-1:")
    listed = rig.identities.list_identities(IdentityPoolId=rig.pool, MaxResults=10)["Identities"]
    assert listed[0]["IdentityId"] == bob
    assert rig.identities.describe_identity(IdentityId=bob)["Logins"] == [rig.provider]


def test_guests_are_new_each_time(rig):
    assert rig.id() != rig.id()


def test_a_guest_that_signs_in_stays_who_it_is(rig):
    guest = rig.id()
    session = rig.as_(rig.credentials(guest, **rig.logins()))
    assert session.get_caller_identity()["Arn"] == SESSION.format("members")
    assert rig.id(**rig.logins()) == guest


def test_what_is_not_there_is_not_found(rig):
    nobody = "us-east-1:aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert refused(rig.identities.get_id, IdentityPoolId=nobody) == (
        "ResourceNotFoundException", f"IdentityPool '{nobody}' not found.", 400,
    )  # fmt: skip
    for call in (rig.identities.get_credentials_for_identity, rig.identities.describe_identity):
        assert refused(call, IdentityId=nobody) == ("ResourceNotFoundException", f"Identity '{nobody}' not found.", 400)
    assert refused(rig.identities.get_id, IdentityPoolId=nobody.replace("us-east-1", "nowhere"))[2] == 400


def test_a_reset_forgets_pools_and_identities(rig):
    identity = rig.id()
    rig.backend.reset()
    assert refused(rig.identities.describe_identity, IdentityId=identity)[0] == "ResourceNotFoundException"


# --- who is turned away ---


def unauthorized(call, **params):
    code, message, status = refused(call, **params)
    assert (code, status) == ("NotAuthorizedException", 400)
    return message


def test_a_pool_without_guests(rig):
    identity = rig.id()
    rig.identities.update_identity_pool(
        IdentityPoolId=rig.pool, IdentityPoolName="app", AllowUnauthenticatedIdentities=False
    )
    text = "Unauthenticated access is not supported for this identity pool."
    assert unauthorized(rig.identities.get_id, IdentityPoolId=rig.pool) == text
    assert unauthorized(rig.identities.get_credentials_for_identity, IdentityId=identity) == text


def test_an_identity_that_is_somebodys(rig):
    bob = rig.id(**rig.logins())
    ask = rig.identities.get_credentials_for_identity
    assert unauthorized(ask, IdentityId=bob) == f"Access to Identity '{bob}' is forbidden."
    assert unauthorized(ask, IdentityId=bob, **rig.logins(rig.sign_in("carol"))) == NO_MATCH


def spoilt(token):
    head, payload, signature = token.split(".")
    return f"{head}.{payload}.{'A' * len(signature)}"


def test_tokens_are_verified(rig):
    get_id, token = rig.identities.get_id, rig.sign_in()
    for wrong, said in (
        ("garbage", "Invalid login token. Not a valid OpenId Connect identity token."),
        (spoilt(token), "Invalid login token. Token signature invalid."),
        (rig.sign_in(kind="AccessToken"), "Invalid login token. Missing a required claim: aud"),
        (rig.sign_in(app=rig.app_client("other")), "Token is not from a supported provider of this identity pool."),
    ):
        assert unauthorized(get_id, IdentityPoolId=rig.pool, Logins={rig.provider: wrong}) == said
    issuer = "Invalid login token. Issuer doesn't match providerName"
    assert unauthorized(get_id, IdentityPoolId=rig.pool, Logins={"accounts.google.com": token}) == issuer
    rig.clock.advance(3700)
    expired = unauthorized(get_id, IdentityPoolId=rig.pool, Logins={rig.provider: token})
    assert expired.startswith("Invalid login token. Token expired: ")


def test_a_pool_that_takes_no_logins(rig):
    pool = rig.identities.create_identity_pool(IdentityPoolName="none", AllowUnauthenticatedIdentities=True)
    assert unauthorized(rig.identities.get_id, IdentityPoolId=pool["IdentityPoolId"], **rig.logins()) == NO_MATCH


# --- roles ---


def misconfigured(rig, identity, **params):
    ask = rig.identities.get_credentials_for_identity
    return refused(ask, IdentityId=identity, **params) == (
        "InvalidIdentityPoolConfigurationException", MISCONFIGURED, 400,
    )  # fmt: skip


def test_a_pool_without_roles_is_misconfigured(rig):
    rig.set_roles(Roles={})
    assert rig.identities.get_identity_pool_roles(IdentityPoolId=rig.pool)["Roles"] == {}
    assert misconfigured(rig, rig.id())
    assert misconfigured(rig, rig.id(**rig.logins()), **rig.logins())


@pytest.mark.parametrize("trusted", ["another pool", "guests only", "nobody"])
def test_a_role_that_does_not_trust_the_pool_is_misconfigured(rig, trusted):
    policy = {
        "another pool": trust("us-east-1:other", "authenticated"), "guests only": trust(rig.pool, "unauthenticated"),
        "nobody": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"},
    }[trusted]  # fmt: skip
    rig.client("iam").update_assume_role_policy(RoleName="members", PolicyDocument=document(policy))
    assert misconfigured(rig, rig.id(**rig.logins()), **rig.logins())


def test_a_role_that_is_not_there_is_misconfigured(rig):
    rig.set_roles(Roles={"unauthenticated": f"arn:aws:iam::{ACCOUNT}:role/never-made"})
    assert misconfigured(rig, rig.id())


@pytest.mark.parametrize("roles", [None, 5, "x", [5], ["x"], ["x", "y"], [f"arn:aws:iam::{ACCOUNT}:role/other"]])
def test_roles_that_a_token_has_no_right_to_are_not_given(rig, roles):
    host = "id.example.com"
    provider = rig.client("iam").create_open_id_connect_provider(
        Url=f"https://{host}", ClientIDList=["app"], ThumbprintList=["a" * 40])["OpenIDConnectProviderArn"]
    rig.identities.update_identity_pool(
        IdentityPoolId=rig.pool, IdentityPoolName="app", AllowUnauthenticatedIdentities=False,
        OpenIdConnectProviderARNs=[provider])
    rig.set_roles(RoleMappings={host: {"Type": "Token", "AmbiguousRoleResolution": "Deny"}})
    claims = json.dumps({"iss": f"https://{host}", "sub": "s", "aud": "app", "cognito:roles": roles}).encode()
    logins = {"Logins": {host: f"e30.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.unchecked"}}
    assert misconfigured(rig, rig.id(**logins), **logins)


def test_guests_that_come_at_once_are_not_one(rig):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: rig.id(), range(40)))
    assert len(set(found)) == 40


def test_roles_are_shown_as_they_were_set(rig):
    mapping = {rig.provider: {"Type": "Token", "AmbiguousRoleResolution": "Deny"}}
    rig.set_roles(RoleMappings=mapping)
    found = rig.identities.get_identity_pool_roles(IdentityPoolId=rig.pool)
    assert (found["Roles"], found["RoleMappings"]) == (rig.roles, mapping)


@pytest.mark.parametrize(
    ("kind", "value", "matches"),
    [("Equals", "bob", True), ("Equals", "bo", False), ("StartsWith", "bo", True), ("Contains", "o", True),
     ("NotEqual", "carol", True), ("NotEqual", "bob", False)],
)  # fmt: skip
def test_rules_choose_by_claims(rig, kind, value, matches):
    admins = rig.role("admins", trust(rig.pool, "authenticated"))
    rule = {"Claim": "cognito:username", "MatchType": kind, "Value": value, "RoleARN": admins}
    mapping = {"Type": "Rules", "AmbiguousRoleResolution": "AuthenticatedRole", "RulesConfiguration": {"Rules": [rule]}}
    rig.set_roles(RoleMappings={f"{rig.provider}:{rig.app}": mapping})
    session = rig.as_(rig.credentials(rig.id(**rig.logins()), **rig.logins()))
    assert session.get_caller_identity()["Arn"] == SESSION.format("admins" if matches else "members")


def test_nothing_matches_and_the_mapping_denies(rig):
    rig.set_roles(RoleMappings={f"{rig.provider}:{rig.app}": {"Type": "Token", "AmbiguousRoleResolution": "Deny"}})
    assert misconfigured(rig, rig.id(**rig.logins()), **rig.logins())


# --- the basic flow ---


def test_an_openid_token_becomes_a_session_of_any_role_that_trusts_it(rig):
    logins = rig.logins()
    identity = rig.id(**logins)
    token = rig.identities.get_open_id_token(IdentityId=identity, **logins)["Token"]
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["iss"], claims["sub"], claims["aud"]) == (f"https://{COGNITO}", identity, rig.pool)
    assert claims["amr"][:2] == ["authenticated", rig.provider]
    answer = rig.client("sts").assume_role_with_web_identity(
        RoleArn=rig.roles["authenticated"], RoleSessionName="own", WebIdentityToken=token
    )
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/members/own"
    assert rig.as_(answer["Credentials"]).get_caller_identity()["Arn"].endswith("/own")
