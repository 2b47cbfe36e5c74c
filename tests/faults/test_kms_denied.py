import pytest
from calling import calling

DENIED = ["AccessDeniedException", "Access to KMS is not allowed", 400]


@pytest.fixture
def calls(inline_rig, write_handler):
    for name in ("db", "api"):
        inline_rig.client("secretsmanager").create_secret(Name=name, SecretString="x")
    return calling(inline_rig, write_handler)


def test_a_read_is_refused_in_awss_words(inline_rig, calls):
    with inline_rig.fault("kms_denied") as armed:
        assert calls("secretsmanager", "get_secret_value", SecretId="db") == [DENIED]
        assert calls("secretsmanager", "describe_secret", SecretId="db") == ["ok"]
    assert armed.strikes == 1
    (struck,) = inline_rig.timeline.strikes("kms_denied")
    assert struck.outcome == "AccessDeniedException"
    assert calls("secretsmanager", "get_secret_value", SecretId="db") == ["ok"]


def test_only_the_secret_it_is_aimed_at_and_only_once(inline_rig, calls):
    with inline_rig.fault("kms_denied", match={"resource": "*:secret:api-*"}, when={"times": 1}):
        assert calls("secretsmanager", "get_secret_value", SecretId="db") == ["ok"]
        assert calls("secretsmanager", "get_secret_value", times=2, SecretId="api") == [DENIED, "ok"]


def test_a_secret_that_is_not_there_is_not_found_and_that_is_no_strike(inline_rig, calls):
    with inline_rig.fault("kms_denied", optional=True) as armed:
        assert calls("secretsmanager", "get_secret_value", SecretId="x")[0][0] == "ResourceNotFoundException"
    assert armed.strikes == 0


def test_a_write_of_a_value_is_refused_and_does_nothing(inline_rig, calls):
    with inline_rig.fault("kms_denied", match={"operation": "*"}) as armed:
        assert calls("secretsmanager", "put_secret_value", SecretId="db", SecretString="y") == [DENIED]
        assert calls("secretsmanager", "create_secret", Name="new", SecretString="y") == [DENIED]
        assert calls("secretsmanager", "update_secret", SecretId="db", Description="as it was") == ["ok"]
    assert armed.strikes == 2
    secrets = inline_rig.client("secretsmanager")
    assert secrets.get_secret_value(SecretId="db")["SecretString"] == "x"
    assert len(secrets.list_secrets()["SecretList"]) == 2


def test_the_tests_own_client_is_not_struck(inline_rig, calls):
    with inline_rig.fault("kms_denied", optional=True) as armed:
        inline_rig.client("secretsmanager").get_secret_value(SecretId="db")
    assert armed.strikes == 0


def test_a_handlers_own_boto3_is_refused(real_rig, write_handler):
    real_rig.client("secretsmanager").create_secret(Name="db", SecretString="x")
    calls = calling(real_rig, write_handler, memory=512)
    with real_rig.fault("kms_denied", when={"times": 1}) as armed:
        assert calls("secretsmanager", "get_secret_value", times=2, SecretId="db") == [DENIED, "ok"]
    assert armed.strikes == 1
