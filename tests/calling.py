"""A function that makes the AWS calls it is told to, with a real boto3, and tells what each came to.

In a session of its own: boto3's default one is the process's, so that the inline engine's environments share it.
"""

from functools import partial

HANDLER = '''
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


def handler(event, context):
    config = Config(
        retries={"total_max_attempts": event["attempts"], "mode": "standard"},
        read_timeout=event["read_timeout"], s3={"addressing_style": "path"},
    )
    client = boto3.Session().client(event["service"], config=config)
    return [said(getattr(client, event["call"]), event["with"]) for _ in range(event["times"])]


def said(call, params):
    """`ok`, or (code, message, status), or the name of what botocore raised."""
    try:
        call(**params)
    except ClientError as error:
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return [error.response["Error"]["Code"], error.response["Error"].get("Message", ""), status]
    except BotoCoreError as error:
        return type(error).__name__
    return "ok"
'''


def calling(rig, write_handler, **function):
    """calls(SERVICE, CALL, times=1, attempts=1, read_timeout=5, **params) -> what each of the calls came to."""
    rig.function("crm", write_handler(HANDLER), "handler.handler", timeout=20, **function)
    return partial(_call, rig)


def _call(rig, service, call, times=1, attempts=1, read_timeout=5, **params):
    event = {"service": service, "call": call, "times": times, "attempts": attempts, "with": params}
    result = rig.invoke("crm", event | {"read_timeout": read_timeout})
    assert result.ok, result.payload
    return result.payload
