"""What AppFlow asks of token endpoints for new profiles, through boto3; the endpoint is a stub of the rig's."""

import json
from urllib.parse import parse_qs

import pytest
from appflow_rig import BASIC, SECRET, error_of, failure, update
from hypothesis import given
from hypothesis import strategies as st
from oauth_rig import CLIENT, CODE, TOKEN_URL, configuration, host, oauth2, properties

from emulator import catalogue
from emulator.aws.modelled import ServiceError
from emulator.aws.services.appflow import oauth2 as module
from emulator.model import UpstreamReply

pytest_plugins = ["appflow_rig", "oauth_rig"]  # fixtures: bare, saas
FORM = "application/x-www-form-urlencoded"
AUTHENTICATION = "ConnectorAuthenticationException", 401
CLIENT_ERROR = " (Service: null; Status Code: 400; Error Code: Client; Request ID: null; Proxy: null)"


def asked(call):
    return {name: value for name, [value] in parse_qs(call.body.decode()).items()}


def refused(rig, credentials=None, **changes):
    """What stands for <text> in AWS's sentence."""
    credentials = credentials or oauth2(**CLIENT, **CODE)
    code, status, message = error_of(rig.profile, credentials=credentials, **{"properties": properties(), **changes})
    assert (code, status) == AUTHENTICATION
    assert message.startswith("Error authenticating to connector: Failed to validate Connection while attempting ")
    assert message.endswith(CLIENT_ERROR * 2)
    return message.partition(" with connector failure ")[2].removesuffix(CLIENT_ERROR * 2)


def test_a_code_is_exchanged_before_the_connector_is_asked(saas):
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties())
    [call] = host().SEEN
    assert (call.method, call.path, call.headers["content-type"]) == ("POST", "/token", FORM)
    assert asked(call) == {
        "grant_type": "authorization_code", "code": "code-1", "redirect_uri": "https://r.example.com/back",
        "code_verifier": "v" * 43, "client_id": "c-1", "client_secret": "s/1",
    }
    assert saas.secret() == {**CLIENT, "accessToken": "access-1", "refreshToken": "refresh-1"}
    assert saas.connector.requests[1]["credentials"]["authenticationType"] == "OAuth2"
    calls = [event.subject for event in saas.timeline.events() if event.subject.startswith("appflow")]
    assert calls[:2] == ["appflow.amazonaws.com/acme/login.example.com#1",
                         "appflow.amazonaws.com/secretsmanager.CreateSecret#1"]


def test_client_credentials_are_exchanged_with_the_connectors_scopes(saas):
    saas.connector.answers["DescribeConnectorConfiguration"] = configuration(oAuthScopes=["read", "write"])
    saas.appflow.update_connector_registration(connectorLabel="crm")
    saas.profile(credentials=oauth2(**CLIENT), properties=properties("CLIENT_CREDENTIALS"))
    assert asked(host().SEEN[0]) == {
        "grant_type": "client_credentials", "client_id": "c-1", "client_secret": "s/1", "scope": "read write",
    }
    assert saas.secret() == {**CLIENT, "accessToken": "access-1"}


def test_a_refresh_token_alone_gets_the_first_access_token(saas):
    saas.profile(credentials=oauth2(**CLIENT, refreshToken="refresh-1"), properties=properties())
    assert asked(host().SEEN[0])["grant_type"] == "refresh_token"
    assert saas.secret() == {**CLIENT, "accessToken": "access-1", "refreshToken": "refresh-1"}


def test_an_access_token_of_ones_own_is_stored_and_nothing_is_asked(saas):
    own = {**CLIENT, "accessToken": "mine", "refreshToken": "refresh-1"}
    saas.profile(credentials=oauth2(**own, **CODE), properties=properties())
    assert (saas.secret(), host().SEEN) == (own, [])


@pytest.mark.parametrize(
    ("defaults", "method", "kind"),
    [
        ({"oAuth2ContentType": "APPLICATION_JSON"}, "POST", "application/json"),
        ({"oAuth2ContentType": "URL_ENCODED", "oAuth2MethodType": "HTTP_POST"}, "POST", FORM),
        ({"oAuth2MethodType": "HTTP_GET"}, "GET", None),
        ({"addBasicAuthHeader": True}, "POST", FORM),
        ({"addBasicAuthHeader": True, "oAuth2MethodType": "HTTP_GET"}, "GET", None),
        ({"addBasicAuthHeader": True, "oAuth2ContentType": "APPLICATION_JSON"}, "POST", "application/json"),
    ],
)
def test_endpoints_are_asked_as_the_connector_says(saas, defaults, method, kind):
    saas.connector.answers["DescribeConnectorConfiguration"] = configuration(**defaults)
    saas.appflow.update_connector_registration(connectorLabel="crm")
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties(audience="https://api"))
    [call] = host().SEEN
    assert (call.method, call.headers.get("content-type")) == (method, kind)
    given = host().asked_for(call)
    assert (given["code"], given["audience"]) == ("code-1", "https://api")
    assert ("client_secret" in given) == ("addBasicAuthHeader" not in defaults)
    assert saas.secret()["accessToken"] == "access-1"


def test_a_refused_code_is_a_401_with_the_endpoints_words_and_leaves_nothing(saas):
    wrong = oauth2(**CLIENT, oAuthRequest={"authCode": "old"})
    assert refused(saas, wrong) == "invalid_grant: it is not known or over"
    assert 'attempting "AuthorizationCode with CustomConnector"' in error_of(
        saas.profile, credentials=wrong, properties=properties())[2]
    assert (saas.secret_names(), saas.connector.asked()) == ([], ["DescribeConnectorConfiguration"])
    assert saas.appflow.describe_connector_profiles()["connectorProfileDetails"] == []
    assert refused(saas, oauth2(clientId="x", **CODE)) == "invalid_client"


@pytest.mark.parametrize("status", [200, 302, 500])
@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b"{}", b'{"access_token": 1}', b"[" * 9999, b"\xff"])
def test_an_answer_without_a_token_is_a_401_too(saas, body, status):
    host().NEXT.append(UpstreamReply(status, body=body))
    assert refused(saas) == f"the token endpoint answered {status} without an access_token"
    assert saas.secret_names() == []


def test_an_error_with_status_200_is_an_error(saas):
    host().NEXT.append(host().reply(200, {"error": "bad_verification_code", "access_token": "x"}))
    assert refused(saas) == "bad_verification_code"


@pytest.mark.parametrize(
    ("fault", "params", "text"),
    [
        ("upstream_error", {"status": 503}, "the token endpoint answered 503 without an access_token"),
        ("upstream_reset", {}, "login.example.com reset the connection"),
        ("upstream_latency", {"ms": 11_000}, "login.example.com did not answer within 10 s"),
        ("upstream_rate_limited", {}, "the token endpoint answered 429 without an access_token"),
        ("upstream_certificate_expired", {}, "the certificate of login.example.com is not accepted (expired)"),
        ("upstream_certificate_expired", {"problem": "untrusted"},
         "the certificate of login.example.com is not accepted (untrusted)"),
        ("upstream_name_missing", {}, "the name login.example.com could not be resolved (missing)"),
    ],
)
def test_faults_of_saas_hosts_strike_the_exchange(saas, fault, params, text):
    [armed] = saas.injector.arm([catalogue.rule_of(fault, params, {"host": "login.*"}, {})])
    assert refused(saas) == text
    assert (armed.strikes, saas.secret_names()) == (1, [])
    saas.injector.disarm()
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties())


def test_a_slow_endpoint_takes_rig_time_and_nobodys(saas):
    saas.injector.arm([catalogue.rule_of("upstream_latency", {"ms": 9000}, {}, {})])
    before = saas.clock.now()
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties())
    assert saas.clock.now() - before == pytest.approx(9)


def test_a_rule_can_be_for_appflows_requests_alone_and_one_for_functions_lets_them_pass(saas):
    [functions] = saas.injector.arm([catalogue.rule_of("upstream_error", {}, {"function": "*"}, {})])
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties())
    assert functions.strikes == 0
    saas.injector.disarm()
    caller = {"caller": "appflow.amazonaws.com"}
    [armed] = saas.injector.arm([catalogue.rule_of("upstream_error", {"status": 418}, caller, {})])
    assert refused(saas, name="other") == "the token endpoint answered 418 without an access_token"
    assert armed.strikes == 1


def test_a_host_without_a_stub_is_named_with_what_to_do(saas):
    elsewhere = "https://login.elsewhere.com/oauth/token"
    saas.connector.answers["DescribeConnectorConfiguration"] = configuration(tokenURL=[elsewhere])
    saas.appflow.update_connector_registration(connectorLabel="crm")
    assert refused(saas, properties=properties(url=elsewhere)) == (
        "no stub answers for the host login.elsewhere.com: name a stub file for it as `upstreams` in the rig's "
        "file, or in a test give it to rig.upstreams()"
    )
    told = [(e.subject, e.outcome) for e in saas.timeline.events() if e.point == "upstream"]
    assert told == [("appflow.amazonaws.com/acme/login.elsewhere.com#1", "refused")]


PARAMETER = {"key": "tenant", "required": True, "label": "l", "description": "d", "type": "TOKEN_URL"}


@pytest.mark.parametrize(
    ("defaults", "changed", "block", "sentence"),
    [
        ({}, {"url": "https://login.example.com/other"}, {**CLIENT, **CODE},
         f"tokenUrl https://login.example.com/other is none of connector:crm: it has {TOKEN_URL}."),
        ({}, {"grant": "JWT_BEARER"}, {**CLIENT, **CODE},
         "does not support oAuth2GrantType JWT_BEARER: it supports AUTHORIZATION_CODE, CLIENT_CREDENTIALS."),
        ({"oAuth2GrantTypesSupported": ["JWT_BEARER"]}, {"grant": "JWT_BEARER"}, CLIENT,
         "lambdarig does not exchange JWT_BEARER assertions"),
        ({"oAuth2CustomProperties": [PARAMETER]}, {}, {**CLIENT, **CODE},
         "tokenUrlCustomProperties.tenant is required by connector:crm."),
        ({}, {"grant": "CLIENT_CREDENTIALS"}, {"clientId": "c"},
         "Validation exception: ClientId and ClientSecret cannot be blank for connector: crm"),
        ({}, {}, CLIENT, "Validation exception: AuthCode cannot be blank for connector: crm"),
        ({}, None, {**CLIENT, **CODE}, "oAuth2Properties are required for connector: crm"),
    ],
)
def test_what_cannot_be_exchanged_is_a_validation_exception(saas, defaults, changed, block, sentence):
    saas.connector.answers["DescribeConnectorConfiguration"] = configuration(**defaults)
    saas.appflow.update_connector_registration(connectorLabel="crm")
    made = {"profileProperties": {}} if changed is None else properties(**changed)
    code, status, message = error_of(saas.profile, credentials=oauth2(**block), properties=made)
    assert (code, status) == ("ValidationException", 400)
    assert sentence in message
    assert (host().SEEN, saas.secret_names()) == ([], [])


def test_a_connector_that_says_no_leaves_no_secret_though_the_code_is_spent(saas):
    saas.connector.answers["ValidateCredentials"] = failure("InvalidCredentials", "no")
    assert error_of(saas.profile, credentials=oauth2(**CLIENT, **CODE), properties=properties())[:2] == AUTHENTICATION
    assert (len(host().SEEN), saas.secret_names()) == (1, [])


def test_an_update_exchanges_too_and_keeps_what_was_where_that_fails(saas):
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties())
    before = saas.secret()
    wrong = oauth2(**CLIENT, oAuthRequest={"authCode": "old"})
    assert error_of(update, saas, wrong, properties())[:2] == AUTHENTICATION
    assert saas.secret() == before
    update(saas, oauth2(**CLIENT), properties("CLIENT_CREDENTIALS"))
    assert saas.secret() == {**CLIENT, "accessToken": "access-2"}


def test_the_profiles_key_is_the_secrets(saas):
    key = saas.client("kms").create_key()["KeyMetadata"]["Arn"]
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties(), kmsArn=key)
    assert saas.secrets.describe_secret(SecretId=SECRET)["KmsKeyId"] == key
    update(saas, oauth2(**CLIENT), properties("CLIENT_CREDENTIALS"))
    assert saas.secrets.describe_secret(SecretId=SECRET)["KmsKeyId"] == key


@pytest.mark.parametrize(
    ("said", "life"), [(3600, 3600.0), ("60", 60.0), (0, None), (-1, None), ("soon", None), (None, None), ([], None),
                       (1e400, None), ("nan", None)],
)
def test_how_long_a_token_lives(said, life):
    body = json.dumps({"access_token": "t", "expires_in": said}).encode()
    assert module._read(UpstreamReply(200, body=body)).life_s == life


@given(st.floats(0.001, 1e9))
def test_a_token_is_replaced_before_its_end_but_not_much(life):
    early = life - module.Granted("t", life_s=life).renew_after_s
    assert 0 < early <= min(60, life / 9)


@given(st.binary() | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["access_token", "expires_in", "refresh_token", "error"]), inner), max_leaves=8,
).map(lambda said: json.dumps(said).encode()), st.integers(200, 599))
def test_whatever_an_endpoint_answers_is_a_token_or_a_sentence(body, status):
    try:
        granted = module._read(UpstreamReply(status, body=body))
    except ValueError as error:
        granted = None
        said = str(error)
    assert said if granted is None else granted.access_token


def test_another_kind_of_credentials_asks_nothing(saas):
    assert error_of(saas.profile, credentials=BASIC, properties=properties())[0] == "ValidationException"
    with pytest.raises(ServiceError):
        module.first_grant("crm", None, {"refreshToken": "r"})
    assert host().SEEN == []

