"""`pytest`: the fixture `rig` comes with lambdarig."""

from pathlib import Path

import pytest

CONNECTOR = Path(__file__).parents[1] / "connector"


@pytest.fixture
def crm(rig):
    rig.client("secretsmanager").create_secret(Name="crm", SecretString='{"user": "ada"}')
    rig.function("crm", CONNECTOR, "handler.handler", memory=256, timeout=20)
    return rig


def test_the_connector_works(crm):
    assert crm.invoke("crm", {"object": "Contact"}).payload == {"user": "ada", "object": "Contact"}


def test_it_waits_for_a_secret_that_is_not_visible_yet(crm):
    with crm.fault("secret_visibility_delay", reads=2):
        assert crm.invoke("crm").ok


def test_it_says_what_it_may_not_do(crm):
    with crm.fault("aws_denied", match={"operation": "GetSecretValue"}):
        result = crm.invoke("crm")
    assert "is not authorized to perform: secretsmanager:GetSecretValue" in result.payload["errorMessage"]
