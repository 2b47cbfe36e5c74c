"""Access tokens that AppFlow replaces: before their end, and when the connector says that they are not taken."""

import json
import threading

import pytest
from appflow_rig import DEFINED, error_of, failure, update
from oauth_rig import CLIENT, CODE, DEFAULTS, configuration, host, oauth2, properties

pytest_plugins = ["appflow_rig", "oauth_rig"]  # fixtures: bare, saas
REFUSED = failure("InvalidCredentials", "expired")


@pytest.fixture
def acme(saas):
    """A profile with a token that lives for an hour; a connector that takes the tokens which the host takes."""
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties())
    saas.connector.answers["DescribeEntity"] = lambda request: answer(saas, request, DEFINED)
    saas.connector.requests.clear()
    return saas


def answer(rig, request, good):
    arn = request["connectorContext"]["credentials"]["secretArn"]
    token = json.loads(rig.as_function.get_secret_value(SecretId=arn)["SecretString"])["accessToken"]
    return good if token in host().TAKEN else REFUSED


def describe(rig, entity="a"):
    return rig.appflow.describe_connector_entity(
        connectorProfileName="acme", connectorType="CustomConnector", connectorEntityName=entity
    )["connectorEntityFields"]


def tokens(rig):
    return rig.secret()["accessToken"], rig.secret()["refreshToken"]


def grants():
    return [host().asked_for(call)["grant_type"] for call in host().SEEN[1:]]


def test_a_token_is_refreshed_a_minute_before_its_end_when_the_connector_is_asked(acme):
    acme.clock.advance(3539)
    describe(acme)
    assert tokens(acme) == ("access-1", "refresh-1")
    acme.clock.advance(1)
    assert tokens(acme) == ("access-1", "refresh-1")
    describe(acme, "b")
    assert (tokens(acme), grants()) == (("access-2", "refresh-1"), ["refresh_token"])
    describe(acme, "c")
    assert grants() == ["refresh_token"]
    acme.clock.advance(3540)
    describe(acme, "d")
    assert tokens(acme) == ("access-3", "refresh-1")


def test_a_short_token_is_refreshed_a_tenth_of_its_life_before_its_end(saas):
    host().LIFE["expires_in"] = "30"
    saas.profile(credentials=oauth2(**CLIENT), properties=properties("CLIENT_CREDENTIALS"))
    saas.connector.answers["DescribeEntity"] = DEFINED
    saas.clock.advance(26.9)
    describe(saas)
    assert saas.secret()["accessToken"] == "access-1"
    saas.clock.advance(0.2)
    describe(saas, "b")
    assert (saas.secret(), grants()) == ({**CLIENT, "accessToken": "access-2"}, ["client_credentials"])


def test_a_token_that_says_no_end_is_only_replaced_when_it_is_refused(saas):
    host().LIFE.clear()
    saas.profile(credentials=oauth2(**CLIENT, **CODE), properties=properties())
    saas.connector.answers["DescribeEntity"] = lambda request: answer(saas, request, DEFINED)
    saas.clock.advance(1e6)
    describe(saas)
    assert tokens(saas) == ("access-1", "refresh-1")
    host().TAKEN.clear()
    describe(saas, "b")
    assert (tokens(saas), saas.connector.asked()[-3:]) == (("access-2", "refresh-1"), ["DescribeEntity"] * 3)


def test_a_token_of_ones_own_is_replaced_when_it_is_refused(saas):
    own = oauth2(**CLIENT, accessToken="mine", refreshToken="refresh-1")
    saas.profile(credentials=own, properties=properties())
    saas.connector.answers["DescribeEntity"] = lambda request: answer(saas, request, DEFINED)
    describe(saas)
    assert saas.secret() == {**CLIENT, "accessToken": "access-1", "refreshToken": "refresh-1"}


def test_a_new_refresh_token_takes_the_place_of_the_old_one(acme):
    host().ROTATES[0] = True
    for number in (2, 3):
        host().TAKEN.clear()
        describe(acme, f"e{number}")
        assert tokens(acme) == (f"access-{number}", f"refresh-{number}")


def test_the_request_is_made_once_more_and_no_more(acme):
    acme.connector.answers["DescribeEntity"] = REFUSED
    assert error_of(describe, acme) == (
        "ConnectorAuthenticationException", 401, "Error authenticating to connector: expired")
    assert (acme.connector.asked(), grants()) == (["DescribeEntity"] * 2, ["refresh_token"])


def test_other_refusals_renew_nothing(acme):
    acme.connector.answers["DescribeEntity"] = failure("AccessDenied", "no")
    assert error_of(describe, acme)[0] == "ConnectorServerException"
    assert (acme.connector.asked(), grants()) == (["DescribeEntity"], [])


@pytest.mark.parametrize("block", [{**CLIENT, "accessToken": "mine"}, {"accessToken": "mine"}])
def test_without_a_refresh_token_the_connectors_word_stands(saas, block):
    saas.profile(credentials=oauth2(**block), properties=properties())
    saas.connector.answers["DescribeEntity"] = REFUSED
    assert error_of(describe, saas)[2] == "Error authenticating to connector: expired"
    assert (saas.connector.asked()[-2:], host().SEEN) == (["ValidateConnectorRuntimeSettings", "DescribeEntity"], [])


def test_credentials_of_other_kinds_are_not_renewed(saas):
    both = configuration()
    both["authenticationConfig"]["isBasicAuthSupported"] = True
    saas.connector.answers |= {"DescribeConnectorConfiguration": both, "DescribeEntity": REFUSED}
    saas.appflow.update_connector_registration(connectorLabel="crm")
    basic = {"authenticationType": "BASIC", "basic": {"username": "u", "password": "p"}}
    saas.profile(credentials=basic, properties=properties())
    assert error_of(describe, saas)[2] == "Error authenticating to connector: expired"
    assert host().SEEN == []


@pytest.mark.parametrize("due", [True, False])
def test_a_refused_refresh_is_a_401_with_the_endpoints_words(acme, due):
    host().NEXT.append(host().reply(400, {"error": "invalid_grant"}))
    if due:
        acme.clock.advance(3600)
    else:
        host().TAKEN.clear()
    code, status, message = error_of(describe, acme)
    assert (code, status) == ("ConnectorAuthenticationException", 401)
    assert message.startswith(
        'Error authenticating to connector: Failed to validate Connection while attempting "RefreshToken with '
        'CustomConnector" with connector failure invalid_grant (Service: null; '
    )
    assert (acme.connector.asked(), len(grants())) == (["DescribeEntity"] * (not due), 1)
    assert tokens(acme) == ("access-1", "refresh-1")


def test_a_secret_somebody_broke_is_named(acme):
    acme.secrets.put_secret_value(SecretId=acme.secret_names()[0], SecretString="[1]")
    acme.clock.advance(3600)
    code, _, message = error_of(describe, acme)
    assert (code, "is no JSON object" in message) == ("ConnectorAuthenticationException", True)


def test_an_update_of_the_settings_alone_keeps_the_tokens_fresh(acme):
    acme.clock.advance(3600)
    update(acme, None, properties(settings={"instanceUrl": "https://x"}))
    assert (tokens(acme), acme.connector.asked()[0]) == (("access-2", "refresh-1"), "ValidateCredentials")
    describe(acme)
    assert grants() == ["refresh_token"]


def test_an_update_may_not_lead_kept_credentials_to_a_foreign_endpoint(acme):
    assert error_of(update, acme, None, properties(url="https://evil.example.com/token"))[0] == "ValidationException"


def test_the_endpoint_is_asked_as_the_registration_says_now(acme):
    acme.connector.answers["DescribeConnectorConfiguration"] = configuration(**DEFAULTS, addBasicAuthHeader=True)
    acme.appflow.update_connector_registration(connectorLabel="crm")
    acme.clock.advance(3600)
    describe(acme)
    assert host().SEEN[-1].headers["authorization"].startswith("Basic ")


def test_many_callers_that_meet_an_old_token_at_once_renew_it_once(acme):
    everybody, told = threading.Barrier(4), []
    host().TAKEN.clear()
    good = dict.fromkeys("abcd", 0)

    def slowly(request):
        said = answer(acme, request, DEFINED)
        good[request["entityIdentifier"]] += 1
        if good[request["entityIdentifier"]] == 1:
            everybody.wait(20)
        return said

    acme.connector.answers["DescribeEntity"] = slowly
    threads = [threading.Thread(target=lambda e=e: told.append(describe(acme, e))) for e in good]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (told, grants(), set(good.values())) == ([[]] * 4, ["refresh_token"], {2})


def test_requests_to_the_endpoint_are_numbered_for_each_profile(acme):
    acme.profile("beta", credentials=oauth2(**CLIENT), properties=properties("CLIENT_CREDENTIALS"))
    acme.clock.advance(3600)
    describe(acme)
    told = [event.subject for event in acme.timeline.events() if event.point == "upstream"]
    host_of = "appflow.amazonaws.com/{}/login.example.com#{}".format
    assert told == [host_of("acme", 1), host_of("beta", 1), host_of("acme", 2)]


def test_a_deleted_profile_is_not_renewed(acme):
    acme.appflow.delete_connector_profile(connectorProfileName="acme")
    acme.clock.advance(3600)
    assert error_of(describe, acme)[0] == "ResourceNotFoundException"
    assert (grants(), acme.secret_names()) == ([], [])
