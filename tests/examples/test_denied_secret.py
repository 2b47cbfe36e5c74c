import pathlib


def test_a_denied_secret_reaches_the_caller(rig):
    rig.function("crm", pathlib.Path(__file__).parent, "handler.handler", memory=512, timeout=20)
    with rig.fault("aws_denied", match={"operation": "GetSecretValue"}):
        answer = rig.invoke("crm", {"secret": "crm"}).payload
    assert "no identity-based policy allows the secretsmanager:GetSecretValue action" in answer["errorMessage"]
