"""moto's state is each rig's own, and `mock_aws` has its own beside them."""

import threading

import boto3
import moto
import pytest
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from emulator.aws.worlds import current
from emulator.pytest_plugin import PytestRig
from emulator.rig import Rig
from emulator.settings import Settings


@pytest.fixture
def other_rig():
    with Rig(Settings(engine="inline", manual_clock=True)) as rig:
        yield PytestRig(rig)


def buckets(client):
    return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]


def fill(rig, name):
    rig.client("s3").create_bucket(Bucket=name)
    rig.client("s3").put_object(Bucket=name, Key="k", Body=name.encode())


def content(rig, name):
    return rig.client("s3").get_object(Bucket=name, Key="k")["Body"].read().decode()


def test_two_rigs_in_one_process_share_nothing(inline_rig, other_rig):
    fill(inline_rig, "one")
    fill(other_rig, "two")
    assert (buckets(inline_rig.client("s3")), buckets(other_rig.client("s3"))) == (["one"], ["two"])
    fill(other_rig, "one")  # the names of buckets are one rig's too
    other_rig.reset()
    assert content(inline_rig, "one") == "one"
    assert buckets(other_rig.client("s3")) == []


def test_a_mock_neither_sees_nor_clears_what_a_rig_has(inline_rig):
    fill(inline_rig, "one")
    with moto.mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        assert buckets(s3) == []
        s3.create_bucket(Bucket="one")
        assert content(inline_rig, "one") == "one"
    assert content(inline_rig, "one") == "one"


def test_a_rigs_reset_leaves_a_mock_as_it_is(inline_rig):
    fill(inline_rig, "one")
    with moto.mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="mine")
        s3.put_object(Bucket="mine", Key="k", Body=b"x")
        inline_rig.reset()
        assert s3.get_object(Bucket="mine", Key="k")["Body"].read() == b"x"
        assert buckets(inline_rig.client("s3")) == []


def test_a_mock_is_moto_as_it_is(inline_rig):
    """A rig's API Gateway refuses a policy that is none, moto's takes it."""
    aws = inline_rig.client("apigateway")
    with pytest.raises(aws.exceptions.BadRequestException):
        aws.create_rest_api(name="rigs", policy='{"x": 1}')
    with moto.mock_aws():
        assert boto3.client("apigateway", region_name="us-east-1").create_rest_api(name="mine", policy='{"x": 1}')["id"]


def test_a_server_of_motos_own_has_state_of_its_own(inline_rig):
    fill(inline_rig, "one")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        s3 = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **keys)
        assert buckets(s3) == []
        s3.create_bucket(Bucket="other")
    finally:
        server.stop()
    assert buckets(inline_rig.client("s3")) == ["one"]


def test_a_rigs_tagged_resources_are_found_after_a_mock_was_there(inline_rig):
    with moto.mock_aws():
        boto3.client("sqs", region_name="us-east-1").create_queue(QueueName="mine", tags={"a": "b"})
    inline_rig.client("sqs").create_queue(QueueName="q", tags={"a": "b"})
    with moto.mock_aws():
        pass
    found = inline_rig.client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
    assert [one["ResourceARN"].rpartition(":")[2] for one in found] == ["q"]


_AS_MOTO_DOES = """
def start(target):
    thread = threading.Thread(target=target)
    thread.start()
    thread.join()
"""


def test_a_thread_that_moto_starts_stays_in_its_rig(inline_rig, other_rig):
    """Timers of SWF, executions of Step Functions, custom resources of CloudFormation."""
    threads = {"__name__": "moto.some.models", "threading": threading}
    exec(_AS_MOTO_DOES, threads)
    for rig in (inline_rig, other_rig):
        rig.client("sqs").create_queue(QueueName="q")

    def make_another():
        get_backend("sqs")["123456789012"]["us-east-1"].create_queue("another", {})

    with other_rig.backend.entered():
        threads["start"](make_another)
    assert [len(rig.client("sqs").list_queues()["QueueUrls"]) for rig in (inline_rig, other_rig)] == [1, 2]


def test_a_thread_of_anybody_elses_is_in_no_rig(inline_rig):
    inline_rig.client("sqs").create_queue(QueueName="q")
    seen = []
    with inline_rig.backend.entered():
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
        assert current() is not None
    assert seen == [None]
