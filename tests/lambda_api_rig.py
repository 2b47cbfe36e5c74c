"""A rig, its Lambda as plain boto3 sees it, and what it refuses."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from lambda_fixtures import ROLE, zipped

from emulator.rig import Rig
from emulator.settings import Settings

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
ECHO = "def handler(event, context):\n    return event\n"


@pytest.fixture(scope="module")
def lambda_rig():
    with Rig(Settings(engine="inline", manual_clock=True)) as made:
        yield made


def plain_client(rig):
    """A client that says nothing of its own about what is valid."""
    import boto3
    from botocore.config import Config

    config = Config(parameter_validation=False, retries={"total_max_attempts": 1})
    return boto3.client(
        "lambda", region_name="us-east-1", endpoint_url=rig.url, config=config,
        aws_access_key_id="AKIALAMBDARIGCLIENT0", aws_secret_access_key="x",
    )  # fmt: skip


def refusal(call, **params):
    """(code, status, message) of what AWS refuses."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


def given(name, **changes):
    """CreateFunction's parameters."""
    base = {"FunctionName": name, "Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE,
            "Code": {"ZipFile": zipped({"app.py": ECHO})}}  # fmt: skip
    return {**base, **changes}
