"""What the tests of OAuth 2.0 share: profiles of a connector for login.example.com, with a stub of that."""

import sys
from pathlib import Path

import pytest
from appflow_rig import CONFIGURATION, OK

STUB = Path(__file__).with_name("oauth_host.py")
CONNECTOR = Path(__file__).with_name("oauth_connector")
TOKEN_URL = "https://login.example.com/token"
CLIENT = {"clientId": "c-1", "clientSecret": "s/1"}
CODE = {"oAuthRequest": {"authCode": "code-1", "redirectUri": "https://r.example.com/back", "codeVerifier": "v" * 43}}
DEFAULTS = {"tokenURL": [TOKEN_URL], "oAuth2GrantTypesSupported": ["AUTHORIZATION_CODE", "CLIENT_CREDENTIALS"]}


def host():
    """The stub's module, as it is now."""
    return sys.modules["lambdarig_stub_oauth_host"]


def oauth2(**block):
    return {"authenticationType": "OAUTH2", "oauth2": block}


def properties(grant="AUTHORIZATION_CODE", url=TOKEN_URL, settings=None, **custom):
    more = {"tokenUrlCustomProperties": custom} if custom else {}
    return {"profileProperties": settings or {}, "oAuth2Properties": {
        "tokenUrl": url, "oAuth2GrantType": grant, **more}}


def configuration(**defaults):
    authentication = {"isOAuth2Supported": True, "oAuth2Defaults": {**DEFAULTS, **defaults}}
    return {**CONFIGURATION, "authenticationConfig": authentication}


@pytest.fixture
def saas(bare):
    """A rig whose connector, registered, wants OAuth 2.0, and whose host for that is stubbed."""
    if "login.example.com" not in bare.hosts:
        bare.hosts.add(STUB)
    bare.connector.answers = {"DescribeConnectorConfiguration": configuration(), "ValidateCredentials": OK,
                              "ValidateConnectorRuntimeSettings": OK}
    bare.register()
    return bare
