import pathlib


def test_a_denied_secret_reaches_the_caller(rig):
    rig.client("secretsmanager").create_secret(Name="crm", SecretString='{"user": "ada"}')
    rig.function("crm", pathlib.Path(__file__).parent, "handler.handler", memory=512, timeout=20)
    with rig.fault("aws_denied", match={"operation": "GetSecretValue"}):
        assert "no identity-based policy allows" in rig.invoke("crm", {"secret": "crm"}).payload["errorMessage"]
    assert rig.invoke("crm", {"secret": "crm"}).payload == {"user": "ada"}
