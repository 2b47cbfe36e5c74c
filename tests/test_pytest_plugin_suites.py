"""Beside what else is in a user's suite: boto3, moto, responses, asyncio, xdist."""

import pytest

pytest_plugins = ["plugin_run"]  # fixture: run

MIXED = '''
import asyncio
import boto3
import requests
import responses
from moto import mock_aws

def names(s3):
    return [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

@pytest.fixture
def filled(rig):
    rig.client("s3").create_bucket(Bucket="of-the-rig")
    return rig

@pytest.fixture(scope="module")
def mocked():
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="of-the-mock")
        yield s3

@mock_aws
def test_a_mock_in_a_test_with_a_rig(filled, crm):
    s3 = boto3.client("s3", region_name="us-east-1")
    assert names(s3) == []
    s3.create_bucket(Bucket="of-the-rig")
    assert filled.invoke("crm", 1).ok
    assert names(filled.client("s3")) == ["of-the-rig"]

@mock_aws
def test_a_mock_without_a_rig():
    assert names(boto3.client("s3", region_name="us-east-1")) == []

def test_plain_boto3():
    boto3.setup_default_session(region_name="eu-west-1")
    assert boto3.client("sqs", aws_access_key_id="x", aws_secret_access_key="y").meta.region_name == "eu-west-1"

def test_a_mock_of_the_module(mocked, filled):
    assert (names(mocked), names(filled.client("s3"))) == (["of-the-mock"], ["of-the-rig"])

def test_a_mock_of_the_module_after_the_rig_was_reset(mocked, rig):
    assert (names(mocked), names(rig.client("s3"))) == (["of-the-mock"], [])

@responses.activate
def test_responses(rig, tmp_path):
    responses.get("https://api.example.com/x", json={"a": 1})
    assert requests.get("https://api.example.com/x").json() == {"a": 1}
    rig.function("f", "code", "handler.handler", memory=512, timeout=20)
    assert rig.invoke("f", 1).ok

@pytest.mark.asyncio
async def test_async(rig, crm):
    made = await asyncio.gather(*(asyncio.to_thread(rig.invoke, "crm", number) for number in range(3)))
    assert [result.payload["event"] for result in made] == [0, 1, 2]
'''


@pytest.mark.parametrize("engine", ["inline", pytest.param("docker", marks=pytest.mark.docker)])
def test_a_suite_of_all_kinds(run, engine):
    run(MIXED, "-W", "error::ResourceWarning", engine=engine).assert_outcomes(passed=7)


def test_no_aws_configuration_of_the_machine_reaches_a_rigs_clients(run, monkeypatch, tmp_path):
    tmp_path.joinpath("config").write_text("[default]\nregion = mars\nendpoint_url = http://127.0.0.1:9\n[profile x]\n")
    for name, value in {
        "AWS_CONFIG_FILE": str(tmp_path / "config"), "AWS_PROFILE": "nobody", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:9", "AWS_USE_FIPS_ENDPOINT": "true", "AWS_MAX_ATTEMPTS": "1",
        "AWS_USE_DUALSTACK_ENDPOINT": "true", "AWS_CA_BUNDLE": "/nowhere", "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9", "AWS_DEFAULT_REGION": "mars", "AWS_SESSION_TOKEN": "old",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    run('''
def test_it(crm, rig):
    sqs = rig.client("sqs")
    assert sqs.create_queue(QueueName="q")["QueueUrl"].endswith("/q")
    rig.client("s3").create_bucket(Bucket="bucket")
    assert rig.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert rig.invoke("crm").ok

def test_retries_are_boto3s_own(crm, rig):
    with rig.fault("aws_throttle", when={"times": 2}, match={"operation": "ListSecrets", "origin": "client"}) as armed:
        assert rig.client("secretsmanager").list_secrets()["SecretList"] == []
    assert armed.strikes == 2
''').assert_outcomes(passed=2)


def test_workers_have_nothing_of_each_others(run):
    run('''
@pytest.mark.parametrize("number", range(40))
def test_it(crm, rig, number):
    s3 = rig.client("s3")
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(Bucket=f"bucket-{number}")
    with rig.fault("cold_start"):
        assert rig.invoke("crm", number).payload["event"] == number
    assert rig.timeline.strikes()[0].subject == "crm/env-1"
''', "-n", "4").assert_outcomes(passed=40)


def test_fingerprints_are_the_same_alone_under_xdist_and_in_reverse_order(run, pytester):
    tests = '''
@pytest.mark.parametrize("number", range(4))
def test_it(crm, rig, number):
    with rig.fault("aws_error", when={"probability": 0.5}, match={"service": "s3", "origin": "client"}, optional=True):
        for _ in range(number + 3):
            try:
                rig.client("s3").list_buckets()
            except Exception:
                pass
    rig.invoke("crm")
    with open(f"prints-{number}", "a") as file:
        file.write(rig.timeline.fingerprint() + "\\\\n")
'''.replace("\\\\n", "\\n")
    backwards = "def pytest_collection_modifyitems(items):\n    items.reverse()\n"
    run(tests).assert_outcomes(passed=4)
    run(tests, "-n", "2").assert_outcomes(passed=4)
    pytester.makeconftest(backwards)
    run(tests).assert_outcomes(passed=4)
    kept = [pytester.path.joinpath(f"prints-{number}").read_text().split() for number in range(4)]
    assert [len(prints) for prints in kept] == [3] * 4
    assert [len(set(prints)) for prints in kept] == [1] * 4
    assert len({prints[0] for prints in kept}) == 4
