"""Functions with provisioned concurrency through plain boto3, and the environments that a rig has for them."""

from __future__ import annotations

from lambda_fixtures import create

SOURCE = """
import os
print("module runs")
def handler(event, context):
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""


def made(api, name, source=SOURCE, **params):
    """A function with version 1 and the alias `live` on it."""
    create(api, name, source, **params)
    api.publish_version(FunctionName=name)
    api.create_alias(FunctionName=name, Name="live", FunctionVersion="1")


def put(api, name, qualifier="1", count=1):
    return api.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def get(api, name, qualifier="1"):
    return api.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)


def told(answer):
    numbers = [answer[f"{word}ProvisionedConcurrentExecutions"] for word in ("Requested", "Allocated", "Available")]
    return numbers, answer["Status"], answer.get("StatusReason")


def environments(rig):
    return sorted((e.id, state, e.initialization) for e, state in rig.pool.environments())
