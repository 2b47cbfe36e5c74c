"""The same connector, hardened: its log can be searched by flow, profile and execution, and it asks again for a secret
that is not visible yet."""

import json
import time

import crm
from botocore.exceptions import ClientError

# Short, so that it is quickly tried. AppFlow waits 10 s for metadata and validation: there is room for more.
PAUSES_S = (0.05, 0.1, 0.2)
TOLD = ("flowName", "connectorProfileLabel", "executionId")


def read_secret(arn):
    """A secret that AppFlow has just made may be unknown for a moment: ask again. Any other refusal stands."""
    for pause in PAUSES_S:
        try:
            return crm.read_secret(arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            time.sleep(pause)
    return crm.read_secret(arn)


answer = crm.connector(read_secret)


def handler(event, context):
    """One line of JSON for each call, from the event as it came: the SDK's ConnectorContext has the three no longer.
    They are null where AppFlow calls outside a run. requestId leads to the call's other lines."""
    told = event.get("connectorContext") or {}
    line = {"type": event["type"], **{name: told.get(name) for name in TOLD}, "requestId": context.aws_request_id}
    print(json.dumps(line), flush=True)
    return answer(event, context)
